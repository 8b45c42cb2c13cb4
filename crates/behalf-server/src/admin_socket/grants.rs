//! Consent: what is granted, to grant it for everyone, to take it back, and who asks for it.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    routing::{get, post},
};
use behalf_core::{access::Actor, consent::NamedScopes, grant::GrantedFor, id::TenantId};

use super::{
    routes::{Answer, Shared, directory, ok, parse},
    wire::grants::{
        ConsentRequest, Decline, Grant, GrantQuery, Granted, NewGrant, PermissionRef, Revocation,
        Revoked,
    },
};
use crate::{
    directory::{Directory, Extent, Held, Refusal, Selection},
    state::Server,
};

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/tenants/{tenant}/grants", get(list).post(grant))
        .route("/v1/tenants/{tenant}/grants/revoke", post(revoke))
        .route("/v1/tenants/{tenant}/consent-requests", get(requests))
        .route("/v1/tenants/{tenant}/consent-requests/decline", post(decline))
}

async fn list(
    State(server): Shared,
    Path(tenant): Path<String>,
    Query(GrantQuery { client }): Query<GrantQuery>,
) -> Answer {
    let directory = directory(&server);
    let tenant = directory.find_tenant(&tenant).await?.id;
    let client = match client {
        Some(client) => Some(directory.app_id_of(tenant, &client).await?),
        None => None,
    };
    let all: Vec<_> = directory.granted(tenant, client).await?.into_iter().map(shown).collect();
    Ok(ok(&all))
}

fn shown(held: Held) -> Grant {
    Grant {
        client: held.client_name,
        client_id: held.client,
        resource: held.resource_name,
        resource_id: held.resource,
        kind: held.kind,
        user: match held.granted_for {
            GrantedFor::Everyone => None,
            GrantedFor::User(user) => Some(user),
        },
        values: held.values,
        granted: held.granted,
    }
}

async fn grant(State(server): Shared, Path(tenant): Path<String>, body: Bytes) -> Answer {
    let NewGrant { client, permissions } = parse(&body)?;
    let directory = directory(&server);
    let tenant = directory.find_tenant(&tenant).await?.id;
    let client = directory.app_id_of(tenant, &client).await?;
    let extent = if permissions.is_empty() {
        Extent::Combined
    } else {
        Extent::Named(named(&directory, tenant, permissions).await?)
    };
    let granted = directory.grant_consent(tenant, client, &extent).await?.into_iter();
    let granted: Vec<_> = granted
        .map(|one| Granted {
            client: one.client,
            resource: one.resource,
            value: one.value,
            kind: one.kind,
        })
        .collect();
    Ok(ok(&granted))
}

async fn named(
    directory: &Directory,
    tenant: TenantId,
    permissions: Vec<PermissionRef>,
) -> Result<Vec<NamedScopes>, Refusal> {
    let mut named: Vec<NamedScopes> = Vec::new();
    for PermissionRef { api, value } in permissions {
        let resource = directory.app_id_of(tenant, &api).await?.to_string();
        match named.iter_mut().find(|known| known.resource == resource) {
            Some(known) => known.values.push(value),
            None => named.push(NamedScopes { resource, values: vec![value] }),
        }
    }
    Ok(named)
}

async fn revoke(State(server): Shared, Path(tenant): Path<String>, body: Bytes) -> Answer {
    let Revocation { client, api, user, all } = parse(&body)?;
    let directory = directory(&server);
    let tenant = directory.find_tenant(&tenant).await?.id;
    let client = directory.app_id_of(tenant, &client).await?;
    let resource = match api {
        Some(api) => Some(directory.app_id_of(tenant, &api).await?),
        None => None,
    };
    let granted_for = match (all, user) {
        (true, _) => None,
        (false, Some(user)) => Some(GrantedFor::User(user)),
        (false, None) => Some(GrantedFor::Everyone),
    };
    let selection = Selection { resource, granted_for };
    let place = (tenant, client);
    let permissions = directory.revoke_consent(place, &selection, Actor::Operator).await?;
    Ok(ok(&Revoked { permissions }))
}

async fn requests(State(server): Shared, Path(tenant): Path<String>) -> Answer {
    let directory = directory(&server);
    let tenant = directory.find_tenant(&tenant).await?.id;
    let waiting = directory.approval_requests(tenant, Actor::Operator).await?.into_iter();
    let waiting: Vec<_> = waiting
        .map(|request| ConsentRequest {
            user: request.user,
            client: request.client,
            wanted: request.wanted,
            reason: request.reason,
            created: request.created,
        })
        .collect();
    Ok(ok(&waiting))
}

async fn decline(State(server): Shared, Path(tenant): Path<String>, body: Bytes) -> Answer {
    let Decline { user, client } = parse(&body)?;
    let directory = directory(&server);
    let tenant = directory.find_tenant(&tenant).await?.id;
    directory.decline_approval(tenant, (user, client), Actor::Operator).await?;
    Ok(ok(&serde_json::Map::new()))
}
