//! What a tenant lets its users and clients do, over the socket.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    routing::get,
};
use behalf_core::{
    access::Actor,
    tenant::{Tenant, UserPolicy},
};

use super::{
    routes::{Answer, Shared, directory, ok, parse},
    wire::users::{Policy, PolicyChange},
};
use crate::state::Server;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new().route("/v1/tenants/{tenant}/user-policy", get(show).post(change))
}

async fn show(State(server): Shared, Path(tenant): Path<String>) -> Answer {
    let tenant = directory(&server).find_tenant(&tenant).await?;
    Ok(ok(&told(&tenant)))
}

/// Changes what is given and leaves the rest.
async fn change(State(server): Shared, Path(tenant): Path<String>, body: Bytes) -> Answer {
    let PolicyChange { user_consent, password_grant, degraded_service } = parse(&body)?;
    let directory = directory(&server);
    let tenant = directory.find_tenant(&tenant).await?;
    let before = tenant.users;
    let policy = UserPolicy {
        no_user_consent: user_consent.map_or(before.no_user_consent, |allowed| !allowed),
        password_grant: password_grant.unwrap_or(before.password_grant),
        ..before
    };
    let mut after = directory.set_user_policy(Actor::Operator, tenant.id, policy).await?;
    if let Some(allowed) = degraded_service {
        after = directory.set_degraded_service(Actor::Operator, tenant.id, allowed).await?;
    }
    Ok(ok(&told(&after)))
}

fn told(tenant: &Tenant) -> Policy {
    Policy {
        user_consent: !tenant.users.no_user_consent,
        password_grant: tenant.users.password_grant,
        degraded_service: !tenant.no_degraded_service,
    }
}
