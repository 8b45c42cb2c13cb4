//! The routes and what each of them calls.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    response::Response,
    routing::{delete, get, post},
};
use behalf_core::{application::Application, tenant::Tenant};
use http::StatusCode;
use serde::de::DeserializeOwned;

use super::{
    failure::{Failure, json},
    log, policy, users,
    wire::{
        ApplicationInfo, Applied, Apply, EpochInfo, KeyInfo, NewDomain, NewTenant, Rotate, Secret,
        Status, TenantInfo, users::MadePassword,
    },
};
use crate::{
    directory::{self, Directory, apply::manifest::PasswordText},
    keys::When,
    state::Server,
};

/// Longest body: a manifest of 1 MiB as JSON, certificates included.
const BODY_MAX: usize = 4 << 20;

pub(super) type Answer = Result<Response, Failure>;
pub(super) type Shared = State<Arc<Server>>;

/// The routes over `server`.
pub fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/tenants", get(tenants).post(create_tenant))
        .route("/v1/tenants/{tenant}/applications", get(applications))
        .route("/v1/tenants/{tenant}/domains", post(add_domain))
        .route("/v1/tenants/{tenant}/domains/{domain}", delete(remove_domain))
        .merge(users::routes())
        .merge(policy::routes())
        .route("/v1/apply", post(apply))
        .route("/v1/keys", get(keys))
        .route("/v1/keys/rotate", post(rotate))
        .route("/v1/keys/{kid}/revoke", post(revoke))
        .route("/v1/epochs", get(epochs))
        .route("/v1/epochs/rotate", post(rotate_epoch))
        .route("/v1/epochs/{number}/revoke", post(revoke_epoch))
        .merge(log::routes())
        .merge(super::grants::routes())
        .merge(super::backup::routes())
        .fallback(async || Failure::not_found("the admin socket has no such address"))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(server)
}

pub(super) fn directory(server: &Server) -> Directory {
    Directory::of(server).acted_on_by("admin socket")
}

pub(super) fn ok(body: &impl serde::Serialize) -> Response {
    json(StatusCode::OK, body)
}

pub(super) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::bad_request(format!("the body is not what was expected: {error}"))
    })
}

async fn status(State(server): Shared) -> Response {
    ok(&Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        public_url: server.public_url.clone(),
    })
}

async fn tenants(State(server): Shared) -> Answer {
    let (directory, mut all, mut after) = (directory(&server), Vec::new(), None);
    loop {
        let page = directory.tenants(after).await?;
        all.extend(page.items.iter().map(|tenant| tenant_info(tenant)));
        after = page.next;
        if after.is_none() {
            return Ok(ok(&all));
        }
    }
}

async fn create_tenant(State(server): Shared, body: Bytes) -> Answer {
    let NewTenant { name, domains, id } = parse(&body)?;
    let new = directory::NewTenant { display_name: name, domains, id };
    Ok(ok(&tenant_info(&directory(&server).create_tenant(&new).await?)))
}

async fn add_domain(State(server): Shared, Path(tenant): Path<String>, body: Bytes) -> Answer {
    let (NewDomain { domain }, directory) = (parse(&body)?, directory(&server));
    let tenant = directory.find_tenant(&tenant).await?.id;
    Ok(ok(&tenant_info(&directory.add_domain(tenant, &domain).await?)))
}

async fn remove_domain(
    State(server): Shared,
    Path((tenant, domain)): Path<(String, String)>,
) -> Answer {
    let directory = directory(&server);
    let tenant = directory.find_tenant(&tenant).await?.id;
    Ok(ok(&tenant_info(&directory.remove_domain(tenant, &domain).await?)))
}

fn tenant_info(tenant: &Tenant) -> TenantInfo {
    TenantInfo {
        id: tenant.id,
        name: tenant.display_name.clone(),
        domains: tenant.domains.iter().map(|domain| domain.as_str().to_owned()).collect(),
        disabled: tenant.disabled,
    }
}

async fn applications(State(server): Shared, Path(tenant): Path<String>) -> Answer {
    let directory = directory(&server);
    let tenant = directory.find_tenant(&tenant).await?.id;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = directory.applications(tenant, after).await?;
        all.extend(page.items.iter().map(|app| application_info(app)));
        after = page.next;
        if after.is_none() {
            return Ok(ok(&all));
        }
    }
}

fn application_info(app: &Application) -> ApplicationInfo {
    ApplicationInfo {
        id: app.id,
        app_id: app.app_id,
        name: app.name.clone(),
        kind: app.kind,
        audience: app.audience,
        uris: app.identifier_uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
        strict_assertions: app.behalf.strict_assertions,
        allowed_methods: app.behalf.allowed_methods.clone(),
        scopes: app.scopes.iter().map(|scope| scope.value.clone()).collect(),
        roles: app.roles.iter().map(|role| role.value.clone()).collect(),
        disabled: app.disabled,
    }
}

async fn apply(State(server): Shared, body: Bytes) -> Answer {
    let Apply { manifest, dry_run } = parse(&body)?;
    let directory = Directory::of(&server).acted_on_by("manifest");
    if dry_run {
        let plan = directory.plan(&manifest).await?.lines;
        return Ok(ok(&Applied {
            plan,
            secrets: Vec::new(),
            passwords: Vec::new(),
            failure: None,
        }));
    }
    let applied = directory.apply(&manifest).await?;
    Ok(ok(&Applied::from(applied)))
}

impl From<directory::apply::Applied> for Applied {
    fn from(applied: directory::apply::Applied) -> Self {
        let secret = |made: &directory::apply::GeneratedSecret| Secret {
            app: made.app.clone(),
            app_id: made.app_id,
            name: made.name.clone(),
            key_id: made.id,
            value: made.value.expose().to_owned(),
        };
        let password = |made: &directory::apply::GeneratedPassword| MadePassword {
            user: made.user.clone(),
            id: made.id,
            value: PasswordText::new(made.value.expose()),
        };
        Self {
            secrets: applied.secrets.iter().map(secret).collect(),
            passwords: applied.passwords.iter().map(password).collect(),
            plan: applied.lines,
            failure: applied.failure.map(|refusal| refusal.to_string()),
        }
    }
}

async fn keys(State(server): Shared) -> Response {
    let now = server.clock.now();
    let keys: Vec<_> = server
        .keys
        .current()
        .keys(now)
        .into_iter()
        .map(|(key, state)| KeyInfo {
            kid: key.kid,
            alg: key.alg,
            state: state.as_str().to_owned(),
            active_from: key.active_from,
            retire_at: key.retire_at,
        })
        .collect();
    ok(&keys)
}

async fn rotate(State(server): Shared, body: Bytes) -> Answer {
    let Rotate { alg, now } = parse(&body)?;
    let when = if now { When::Now } else { When::Announced };
    server.keys.rotate(alg, when).await?;
    Ok(keys(State(server)).await)
}

async fn revoke(State(server): Shared, Path(kid): Path<String>) -> Answer {
    server.keys.revoke(&kid).await?;
    Ok(keys(State(server)).await)
}

async fn epochs(State(server): Shared) -> Response {
    let now = server.clock.now();
    let epochs: Vec<_> = server
        .tickets
        .keys()
        .schedules()
        .into_iter()
        .map(|epoch| EpochInfo {
            number: epoch.number,
            state: epoch.state(now).as_str().to_owned(),
            from: epoch.from,
            to: epoch.to,
        })
        .collect();
    ok(&epochs)
}

async fn rotate_epoch(State(server): Shared) -> Answer {
    server.tickets.keys().rotate().await?;
    Ok(epochs(State(server)).await)
}

async fn revoke_epoch(State(server): Shared, Path(number): Path<u32>) -> Answer {
    server.tickets.keys().revoke(number).await?;
    Ok(epochs(State(server)).await)
}
