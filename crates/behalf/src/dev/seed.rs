//! Puts the dev world into a directory, by the use cases that administrators use.

use std::{collections::BTreeMap, time::Duration};

use behalf_core::{
    access::Actor,
    application::{
        AppRole, Application, IdentifierUri, MemberType, Platform, Redirect, RequiredResource,
        Scope,
    },
    directory_role::DirectoryRole,
    id::{AppId, PermissionId, TenantId},
    secret::SecretText,
    tenant,
    time::Timestamp,
    user::{NewPassword, PasswordHash, UserPrincipalName},
};
use behalf_server::directory::{
    AppRef, Directory, Kind, NewApplication, NewCertificate, NewSecret, NewTenant, NewUser,
    Refusal, UserRef, UserRefusal,
};

use super::world::{self, App, Tenant, User};

/// The name of the secret and the certificate that the world gives an application.
pub(crate) const CREDENTIAL: &str = "dev";
const SECRET_LIFETIME: Duration = Duration::from_hours(24 * 3650);

/// The secrets of the world's applications, by application.
pub(crate) type Secrets = BTreeMap<&'static str, SecretText>;

/// The documented secrets: public, and marked as such.
pub(crate) fn documented() -> Secrets {
    secrets(|app| SecretText::development(app.name))
}

/// New secrets, for an instance that others can reach.
pub(crate) fn random(mut entropy: impl FnMut() -> [u8; 32]) -> Secrets {
    secrets(|_| SecretText::generate(&entropy()))
}

fn secrets(mut make: impl FnMut(&App) -> SecretText) -> Secrets {
    let with_secret = world::APPS.iter().filter(|app| app.secret);
    with_secret.map(|app| (app.name, make(app))).collect()
}

/// The passwords of the world's users, by short name; those that are not here are documented.
pub(crate) type RandomPasswords = BTreeMap<&'static str, NewPassword>;

/// New passwords, for an instance that others can reach.
pub(crate) fn random_passwords(mut entropy: impl FnMut() -> [u8; 20]) -> RandomPasswords {
    world::USERS.iter().map(|user| (user.key, NewPassword::generate(&entropy()))).collect()
}

/// What to seed and with which credentials.
pub(crate) struct Seed<'a> {
    /// The directory, with derived object ids.
    pub(crate) directory: &'a Directory,
    /// Today.
    pub(crate) now: Timestamp,
    /// The secrets.
    pub(crate) secrets: &'a Secrets,
    /// Passwords in place of the documented one.
    pub(crate) passwords: &'a RandomPasswords,
    /// Whether the built-in certificate counts, whose key is public.
    pub(crate) certificate: bool,
}

impl Seed<'_> {
    /// Makes what is missing. What exists stays as its owner left it, but for the credentials of
    /// the world, which are those of this start.
    pub(crate) async fn run(&self) -> Result<(), Refusal> {
        for tenant in world::TENANTS {
            let made = self.tenant(tenant).await?;
            for user in world::USERS.iter().filter(|user| user.tenant.id == tenant.id) {
                self.user(user, made.id).await?;
            }
            for app in world::APPS.iter().filter(|app| app.tenant.id == tenant.id) {
                self.app(app, &made).await?;
                self.credentials(app).await?;
                if app.calls.iter().any(|call| !call.as_app.is_empty()) {
                    self.directory.grant_admin_consent(made.id, AppId(app.id)).await?;
                }
            }
        }
        Ok(())
    }

    async fn tenant(&self, tenant: &Tenant) -> Result<tenant::Tenant, Refusal> {
        match self.directory.find_tenant(&tenant.id.to_string()).await {
            Ok(found) => return Ok(found.value),
            Err(refusal) if refusal.kind() == Kind::NotFound => {}
            Err(refusal) => return Err(refusal),
        }
        let new = NewTenant {
            display_name: tenant.display.to_owned(),
            domains: vec![tenant.domain.to_owned()],
            id: Some(TenantId(tenant.id)),
        };
        self.directory.create_tenant(&new).await
    }

    /// A user's password is that of this start; the rest stays as its owner left it.
    async fn user(&self, user: &User, tenant: TenantId) -> Result<(), Refusal> {
        let by = Actor::Operator;
        let name = UserPrincipalName::parse(user.name)
            .map_err(|_| UserRefusal::NotAUserName(user.name.to_owned()))?;
        let hash = match self.passwords.get(user.key) {
            Some(password) => self.directory.hash_password(password.clone()).await?,
            None => PasswordHash(user.hash.to_owned()),
        };
        let reference = UserRef::Name(name.clone());
        match self.directory.user(tenant, &reference).await {
            Ok(found) if found.password.as_ref() == Some(&hash) => return Ok(()),
            Ok(_) => {
                let who = (tenant, &reference);
                return self.directory.reset_password(by, who, &hash).await.map(|_| ());
            }
            Err(refusal) if refusal.kind() == Kind::NotFound => {}
            Err(refusal) => return Err(refusal),
        }
        let administrator = user.administrator.then_some(DirectoryRole::GlobalAdministrator);
        let new = NewUser {
            display_name: Some(user.display.to_owned()),
            password: Some(hash),
            roles: administrator.into_iter().collect(),
            ..NewUser::new(tenant, name)
        };
        self.directory.create_user(by, &new).await.map(|_| ())
    }

    async fn app(&self, app: &App, home: &tenant::Tenant) -> Result<(), Refusal> {
        match self.directory.application(home.id, &reference(app)).await {
            Ok(_) => return Ok(()),
            Err(refusal) if refusal.kind() == Kind::NotFound => {}
            Err(refusal) => return Err(refusal),
        }
        let new = NewApplication {
            tenant: home.id,
            name: app.name.to_owned(),
            app_id: Some(AppId(app.id)),
            kind: app.kind,
            audience: app.audience,
        };
        let complete = |application: &mut Application| complete(application, app, home);
        self.directory.create_application(&new, &complete).await.map(|_| ())
    }

    async fn credentials(&self, app: &App) -> Result<(), Refusal> {
        let (home, name) = (TenantId(app.tenant.id), reference(app));
        let found = self.directory.application(home, &name).await?;
        let secret = self.secrets.get(app.name);
        let former = found.secrets.iter().find(|secret| secret.name == CREDENTIAL);
        // Documented secrets share their hint; random ones are new at each start.
        if former.map(|former| former.hint.as_str()) != secret.map(SecretText::hint).as_deref() {
            let replaces = former.map(|former| former.id);
            match secret {
                Some(secret) => {
                    let value = Some(secret.clone());
                    let expires = self.now.plus(SECRET_LIFETIME);
                    let new = NewSecret { name: CREDENTIAL.to_owned(), value, expires, replaces };
                    self.directory.add_secret(home, &name, &new).await?;
                }
                None => {
                    if let Some(former) = replaces {
                        self.directory.remove_credential(home, &name, former).await?;
                    }
                }
            }
        }
        let former = found.certificates.iter().find(|known| known.name == CREDENTIAL);
        match (former, app.certificate && self.certificate) {
            (Some(former), false) => self.directory.remove_credential(home, &name, former.id).await,
            (None, true) => {
                let bytes = world::INVOICE_DAEMON_PEM.as_bytes().to_vec();
                let new = NewCertificate { name: CREDENTIAL.to_owned(), bytes, replaces: None };
                self.directory.add_certificate(home, &name, &new).await.map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

fn reference(app: &App) -> AppRef {
    AppRef::AppId(AppId(app.id))
}

/// Fills in what `app` offers and needs.
fn complete(
    application: &mut Application,
    app: &App,
    home: &tenant::Tenant,
) -> Result<(), Refusal> {
    let uris =
        app.uri.iter().map(|uri| IdentifierUri::register(uri, AppId(app.id), home, app.audience));
    application.identifier_uris = uris.collect::<Result<_, _>>()?;
    application.scopes = app
        .scopes
        .iter()
        .map(|(value, consent, text)| {
            Scope::new(permission(app, "scope", value), *value, *consent, *text)
        })
        .collect();
    application.roles = app
        .roles
        .iter()
        .map(|(value, text)| AppRole {
            id: permission(app, "role", value),
            value: (*value).to_owned(),
            members: [MemberType::App].into(),
            text: (*text).to_owned(),
            disabled: false,
        })
        .collect();
    let required = app.calls.iter().filter_map(|call| {
        let api = world::app(call.api)?;
        Some(RequiredResource {
            app_id: AppId(api.id),
            scopes: call.as_user.iter().map(|value| permission(api, "scope", value)).collect(),
            roles: call.as_app.iter().map(|value| permission(api, "role", value)).collect(),
        })
    });
    application.required_resource_access = required.collect();
    application.known_clients = app.known_clients.iter().copied().map(AppId).collect();
    let platform = if app.kind.is_public() { Platform::InstalledClient } else { Platform::Web };
    let redirects = app.redirects.iter().map(|uri| Redirect::register(uri, platform));
    application.redirects = redirects.collect::<Result<_, _>>()?;
    Ok(())
}

/// The id of a scope or role, the same on every machine.
fn permission(app: &App, kind: &str, value: &str) -> PermissionId {
    PermissionId(world::object_id(app.tenant, kind, &format!("{}/{value}", app.name)))
}
