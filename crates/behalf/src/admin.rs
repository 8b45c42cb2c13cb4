//! A client of a running server's admin socket: one method for each thing that is asked there.

mod connection;

use behalf_core::{application::TokenAlg, id::RequestId};
use behalf_server::{
    admin_socket::wire::{self, users},
    directory::apply::Manifest,
};
use bytes::Bytes;
use http::Method;
use serde::{Serialize, de::DeserializeOwned};

use connection::broken;
pub(crate) use connection::{Admin, AdminError, Answer};

impl Admin {
    /// The server that answers.
    pub(crate) async fn status(&self) -> Result<wire::Status, AdminError> {
        self.get("/v1/status").await
    }

    /// Every tenant.
    pub(crate) async fn tenants(&self) -> Result<Vec<wire::TenantInfo>, AdminError> {
        self.get("/v1/tenants").await
    }

    /// Makes a tenant.
    pub(crate) async fn create_tenant(
        &self,
        new: &wire::NewTenant,
    ) -> Result<wire::TenantInfo, AdminError> {
        self.post("/v1/tenants", new).await
    }

    /// Gives a tenant a domain.
    pub(crate) async fn add_domain(
        &self,
        tenant: &str,
        domain: &str,
    ) -> Result<wire::TenantInfo, AdminError> {
        let new = wire::NewDomain { domain: domain.to_owned() };
        self.post(&format!("/v1/tenants/{}/domains", segment(tenant)), &new).await
    }

    /// Takes a domain from a tenant.
    pub(crate) async fn remove_domain(
        &self,
        tenant: &str,
        domain: &str,
    ) -> Result<wire::TenantInfo, AdminError> {
        let path = format!("/v1/tenants/{}/domains/{}", segment(tenant), segment(domain));
        self.send(Method::DELETE, &path, Bytes::new()).await
    }

    /// Every application of a tenant, which a domain or an id names.
    pub(crate) async fn applications(
        &self,
        tenant: &str,
    ) -> Result<Vec<wire::ApplicationInfo>, AdminError> {
        self.get(&format!("/v1/tenants/{}/applications", segment(tenant))).await
    }

    /// What clients are granted in a tenant.
    pub(crate) async fn grants(
        &self,
        tenant: &str,
        client: Option<&str>,
    ) -> Result<Vec<wire::grants::Grant>, AdminError> {
        let path = format!("/v1/tenants/{}/grants", segment(tenant));
        match client {
            Some(client) => self.get(&format!("{path}?client={}", segment(client))).await,
            None => self.get(&path).await,
        }
    }

    /// Grants a client permissions for everyone.
    pub(crate) async fn grant(
        &self,
        tenant: &str,
        new: &wire::grants::NewGrant,
    ) -> Result<Vec<wire::grants::Granted>, AdminError> {
        self.post(&format!("/v1/tenants/{}/grants", segment(tenant)), new).await
    }

    /// Takes grants back.
    pub(crate) async fn revoke_grants(
        &self,
        tenant: &str,
        revocation: &wire::grants::Revocation,
    ) -> Result<wire::grants::Revoked, AdminError> {
        self.post(&format!("/v1/tenants/{}/grants/revoke", segment(tenant)), revocation).await
    }

    /// Users' requests that an administrator consent.
    pub(crate) async fn consent_requests(
        &self,
        tenant: &str,
    ) -> Result<Vec<wire::grants::ConsentRequest>, AdminError> {
        self.get(&format!("/v1/tenants/{}/consent-requests", segment(tenant))).await
    }

    /// Declines one.
    pub(crate) async fn decline(
        &self,
        tenant: &str,
        decline: &wire::grants::Decline,
    ) -> Result<serde_json::Value, AdminError> {
        let path = format!("/v1/tenants/{}/consent-requests/decline", segment(tenant));
        self.post(&path, decline).await
    }

    /// What a tenant lets its users do; changes what is given.
    pub(crate) async fn user_policy(
        &self,
        tenant: &str,
        change: users::PolicyChange,
    ) -> Result<users::Policy, AdminError> {
        let path = format!("/v1/tenants/{}/user-policy", segment(tenant));
        if change == users::PolicyChange::default() {
            return self.get(&path).await;
        }
        self.post(&path, &change).await
    }

    /// Every user of a tenant, which a domain or an id names.
    pub(crate) async fn users(&self, tenant: &str) -> Result<Vec<users::UserInfo>, AdminError> {
        self.get(&format!("/v1/tenants/{}/users", segment(tenant))).await
    }

    /// A user.
    pub(crate) async fn user(&self, who: (&str, &str)) -> Result<users::UserInfo, AdminError> {
        self.get(&user_path(who, "")).await
    }

    /// Makes a user.
    pub(crate) async fn create_user(
        &self,
        tenant: &str,
        new: &users::NewUser,
    ) -> Result<users::UserMade, AdminError> {
        self.post(&format!("/v1/tenants/{}/users", segment(tenant)), new).await
    }

    /// Changes a user: `what` is the last part of the address, `how` its body.
    pub(crate) async fn change_user<T: DeserializeOwned>(
        &self,
        who: (&str, &str),
        what: &str,
        how: &impl Serialize,
    ) -> Result<T, AdminError> {
        self.post(&user_path(who, what), how).await
    }

    /// Deletes a user; answers with him as he was.
    pub(crate) async fn delete_user(
        &self,
        who: (&str, &str),
    ) -> Result<users::UserInfo, AdminError> {
        self.send(Method::DELETE, &user_path(who, ""), Bytes::new()).await
    }

    /// Plans a manifest, and applies it unless `dry_run`.
    pub(crate) async fn apply(
        &self,
        manifest: Manifest,
        dry_run: bool,
    ) -> Result<wire::Applied, AdminError> {
        self.post("/v1/apply", &wire::Apply { manifest, dry_run }).await
    }

    /// The signing keys.
    pub(crate) async fn keys(&self) -> Result<Vec<wire::KeyInfo>, AdminError> {
        self.get("/v1/keys").await
    }

    /// Lets the next key of `alg` sign, at once or after the announcement.
    pub(crate) async fn rotate(
        &self,
        alg: TokenAlg,
        now: bool,
    ) -> Result<Vec<wire::KeyInfo>, AdminError> {
        self.post("/v1/keys/rotate", &wire::Rotate { alg, now }).await
    }

    /// Withdraws a signing key at once.
    pub(crate) async fn revoke(&self, kid: &str) -> Result<Vec<wire::KeyInfo>, AdminError> {
        let path = format!("/v1/keys/{}/revoke", segment(kid));
        self.post(&path, &serde_json::Map::new()).await
    }

    /// The epochs of the sealing key.
    pub(crate) async fn epochs(&self) -> Result<Vec<wire::EpochInfo>, AdminError> {
        self.get("/v1/epochs").await
    }

    /// Begins a new epoch.
    pub(crate) async fn rotate_epoch(&self) -> Result<Vec<wire::EpochInfo>, AdminError> {
        self.post("/v1/epochs/rotate", &serde_json::Map::new()).await
    }

    /// Ends an epoch with every ticket it sealed.
    pub(crate) async fn revoke_epoch(
        &self,
        number: u32,
    ) -> Result<Vec<wire::EpochInfo>, AdminError> {
        self.post(&format!("/v1/epochs/{number}/revoke"), &serde_json::Map::new()).await
    }

    /// A page of the sign-in log, newest first.
    pub(crate) async fn sign_ins(
        &self,
        query: &wire::LogQuery,
    ) -> Result<wire::LogPage, AdminError> {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        if let serde_json::Value::Object(fields) = serde_json::to_value(query).map_err(broken)? {
            for (name, value) in &fields {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                text.append_pair(name, &value);
            }
        }
        self.get(&format!("/v1/sign-ins?{}", text.finish())).await
    }

    /// One request with its ordered checks.
    pub(crate) async fn sign_in(&self, id: RequestId) -> Result<wire::SignIn, AdminError> {
        self.get(&format!("/v1/sign-ins/{id}")).await
    }

    /// A backup of everything, piece by piece.
    pub(crate) async fn backup(&self) -> Result<Answer, AdminError> {
        self.begin(Method::GET, "/v1/backup", Bytes::new()).await
    }

    /// Reads everything in the store and looks for damage.
    pub(crate) async fn check(&self) -> Result<wire::Checked, AdminError> {
        self.get("/v1/storage/check").await
    }

    /// Copies everything to another store; the answer is a step a line.
    pub(crate) async fn copy(&self, new: &wire::NewCopy) -> Result<Answer, AdminError> {
        let body = serde_json::to_vec(new).map_err(broken)?;
        self.begin(Method::POST, "/v1/storage/copy", body.into()).await
    }
}

/// Where a user of a tenant is, or something about him.
fn user_path((tenant, user): (&str, &str), what: &str) -> String {
    let slash = if what.is_empty() { "" } else { "/" };
    format!("/v1/tenants/{}/users/{}{slash}{what}", segment(tenant), segment(user))
}

/// A text as one segment of a path.
fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
