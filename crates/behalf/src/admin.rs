//! A client of a running server's admin socket.

use std::{
    io,
    path::{Path, PathBuf},
};

use behalf_core::{application::TokenAlg, id::RequestId};
use behalf_server::{
    admin_socket::{
        SOCKET,
        wire::{self, users},
    },
    directory::apply::Manifest,
};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;

/// Longest answer, in bytes.
const ANSWER_MAX: usize = 256 << 20;
/// Longest refusal.
const REFUSAL_MAX: usize = 4 << 20;

/// Why the server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// Nobody listens there.
    #[error("no server is running on {}: start `behalf serve`, or name its data folder", path.display())]
    NoServer {
        /// The socket.
        path: PathBuf,
    },
    /// The socket belongs to somebody else.
    #[error("{} belongs to another user: run this as the user the server runs as, or as root", path.display())]
    Denied {
        /// The socket.
        path: PathBuf,
    },
    /// The connection broke, or the answer was no answer.
    #[error("the server's admin socket did not answer as expected: {0}")]
    Broken(String),
    /// The server refused.
    #[error("{message}")]
    Refused {
        /// 400, 404, 409 or 503.
        status: StatusCode,
        /// What was found, what was expected, what to do.
        message: String,
    },
}

fn broken(error: impl std::fmt::Display) -> AdminError {
    AdminError::Broken(error.to_string())
}

/// The admin socket of a data folder. Each request is a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    path: PathBuf,
}

impl Admin {
    /// The socket of the server whose data lies in `data`.
    pub(crate) fn of(data: &Path) -> Self {
        Self { path: data.join(SOCKET) }
    }

    /// Whether a server listens there; an error when one does but not for this user.
    pub(crate) async fn is_up(&self) -> Result<bool, AdminError> {
        match self.connect().await {
            Ok(_) => Ok(true),
            Err(AdminError::NoServer { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

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

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AdminError> {
        let body = serde_json::to_vec(body).map_err(broken)?;
        self.send(Method::POST, path, body.into()).await
    }

    async fn connect(&self) -> Result<UnixStream, AdminError> {
        let path = || self.path.clone();
        UnixStream::connect(&self.path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                AdminError::NoServer { path: path() }
            }
            io::ErrorKind::PermissionDenied => AdminError::Denied { path: path() },
            _ => broken(error),
        })
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, AdminError> {
        let mut answer = self.begin(method, path, body).await?;
        let mut body = Vec::new();
        while let Some(piece) = answer.next().await? {
            if body.len() + piece.len() > ANSWER_MAX {
                return Err(broken("an answer longer than 256 MiB"));
            }
            body.extend_from_slice(&piece);
        }
        serde_json::from_slice(&body).map_err(broken)
    }

    /// Sends a request and hands out its answer as it comes.
    async fn begin(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, AdminError> {
        let io = TokioIo::new(self.connect().await?);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(io).await.map_err(broken)?;
        let connection = Aborted(tokio::spawn(connection));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "behalf")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(broken)?;
        let answer = sender.send_request(request).await.map_err(broken)?;
        let (status, body) = (answer.status(), answer.into_body());
        if status.is_success() {
            return Ok(Answer { body, _connection: connection });
        }
        let body = Limited::new(body, REFUSAL_MAX).collect().await.map_err(broken)?.to_bytes();
        let failure = serde_json::from_slice::<wire::Failure>(&body);
        let message = failure.map_or_else(
            |_| String::from_utf8_lossy(&body).chars().take(500).collect(),
            |failure| failure.message,
        );
        Err(AdminError::Refused { status, message })
    }
}

/// An answer as it comes.
pub(crate) struct Answer {
    body: Incoming,
    _connection: Aborted,
}

/// Ends when nobody reads the answer any more.
struct Aborted(tokio::task::JoinHandle<hyper::Result<()>>);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Answer {
    /// The next piece; `None`: that was all of it. One that breaks off is an error.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, AdminError> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(piece) = frame.map_err(broken)?.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_absent_server_is_told_from_one_that_died() {
        let folder = tempfile::tempdir().unwrap();
        let admin = Admin::of(folder.path());
        assert!(!admin.is_up().await.unwrap());
        drop(tokio::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap());
        assert!(!admin.is_up().await.unwrap(), "a socket nobody listens at");
        let error = admin.status().await.unwrap_err().to_string();
        assert!(error.contains("no server is running on"), "{error}");
    }

    #[tokio::test]
    async fn answers_that_are_none_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let answers = [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 20\r\n\r\n{\"message\":\"nobody\"}",
            "nonsense\r\n\r\n",
        ];
        let serving = tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await.unwrap();
                let mut rest = Vec::new();
                let _closed = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
            }
        });
        let admin = Admin::of(folder.path());
        assert!(matches!(admin.status().await, Err(AdminError::Broken(_))));
        let refused = admin.status().await.unwrap_err();
        assert!(
            matches!(&refused, AdminError::Refused { status, message }
                if *status == StatusCode::NOT_FOUND && message == "nobody"),
            "{refused:?}"
        );
        assert!(matches!(admin.status().await, Err(AdminError::Broken(_))));
        serving.await.unwrap();
    }
}
