//! The routes of metadata.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    handler::Handler,
    routing::{MethodRouter, any, get},
};
use behalf_core::{application::TokenVersion, tenant::DomainName};
use behalf_jose::CERTIFICATE_ALGORITHMS;
use behalf_protocol::{
    EndpointVersion,
    discovery::{
        InstanceDiscovery, MetadataEndpoints, OpenIdConfiguration, TRUSTED_REALM, UserRealm,
        Webfinger,
    },
    error::AadSts,
};
use http::{Method, Response, request::Parts};

use crate::state::Core;

use super::{
    answer::{self, Asked},
    error_page, tenant,
};

/// What client assertions may be signed with.
const ASSERTION_ALGORITHMS: [&str; CERTIFICATE_ALGORITHMS.len()] = {
    let mut names = [""; CERTIFICATE_ALGORITHMS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = CERTIFICATE_ALGORITHMS[index].as_str();
        index += 1;
    }
    names
};

/// Everything a client reads before it asks for a token.
pub(crate) fn routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/{tenant}/.well-known/openid-configuration", read(configuration_v1))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", read(configuration_v2))
        // RFC 8414 puts the well-known segment before the issuer's path.
        .route("/.well-known/oauth-authorization-server/{tenant}", read(configuration_v1))
        .route("/.well-known/oauth-authorization-server/{tenant}/v2.0", read(configuration_v2))
        .route("/{tenant}/discovery/keys", read(keys_v1))
        .route("/{tenant}/discovery/v2.0/keys", read(keys_v2))
        .route("/{tenant}/discovery/instance", read(instance))
        .route("/{tenant}/userrealm/{upn}", read(user_realm))
        .route("/{tenant}/{word}/{upn}", any(user_realm_in_any_case))
        .route("/metadata/endpoints", read(endpoints))
        .route("/.well-known/webfinger", read(webfinger))
        .route("/error", read(error))
}

/// A document: read by anybody, with GET and HEAD only.
fn read<H, T>(handler: H) -> MethodRouter<Arc<Core>>
where
    H: Handler<T, Arc<Core>>,
    T: 'static,
{
    get(handler).options(answer::preflight).fallback(answer::wrong_method)
}

async fn configuration_v1(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    configuration(&core, EndpointVersion::V1, &parts).await
}

async fn configuration_v2(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    configuration(&core, EndpointVersion::V2, &parts).await
}

async fn configuration(core: &Core, version: EndpointVersion, parts: &Parts) -> Response<Body> {
    let asked = Asked::new(core, parts);
    let authority = &core.server.metadata.authority;
    match tenant::resolve(core, asked.tenant_segment(), &asked.circumstances).await {
        Ok(tenant) => {
            asked.json(&OpenIdConfiguration::new(authority, version, tenant, &ASSERTION_ALGORITHMS))
        }
        Err(cause) => asked.no_metadata(&cause),
    }
}

async fn keys_v1(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    keys(&core, TokenVersion::V1, &parts).await
}

async fn keys_v2(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    keys(&core, TokenVersion::V2, &parts).await
}

/// The keys are the deployment's; the tenant must exist all the same.
async fn keys(core: &Core, version: TokenVersion, parts: &Parts) -> Response<Body> {
    let asked = Asked::new(core, parts);
    match tenant::resolve(core, asked.tenant_segment(), &asked.circumstances).await {
        Ok(_) => asked.keys(version),
        Err(cause) => asked.no_metadata(&cause),
    }
}

async fn instance(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let asked = Asked::new(&core, &parts);
    let endpoint = asked.query("authorization_endpoint").unwrap_or_default();
    let version = asked.query("api-version");
    let authority = &core.server.metadata.authority;
    match InstanceDiscovery::answer(authority, version.as_deref(), &endpoint) {
        Ok(found) => asked.json(&found),
        Err(unknown) => asked.refuse(AadSts::UnknownInstance, &unknown.to_string()),
    }
}

/// Tells a domain's tenant from none, and nothing about the user (the name before `@` is not read).
async fn user_realm(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let asked = Asked::new(&core, &parts);
    let upn = asked.segment(3);
    let domain = upn.rsplit_once('@').or_else(|| upn.rsplit_once("%40")).map(|(_, domain)| domain);
    let Some(domain) = domain.and_then(|domain| DomainName::parse(domain).ok()) else {
        let text =
            "The address needs a user name with a domain: /common/userrealm/{name}@{domain}.";
        return asked.refuse(AadSts::MalformedRequest, text);
    };
    match tenant::known(&core, domain.as_str(), &asked.circumstances).await {
        Ok(tenant) => {
            let authority = &core.server.metadata.authority;
            asked.json_uncached(&UserRealm::new(authority, domain.as_str(), tenant.is_some()))
        }
        Err(unresolved) => asked.unresolved(&unresolved),
    }
}

/// Clients spell this one address as they please: MSAL Go writes `UserRealm`.
async fn user_realm_in_any_case(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let asked = Asked::new(&core, &parts);
    if !asked.segment(2).eq_ignore_ascii_case("userrealm") {
        return asked.refuse(AadSts::NotInThisVersion, AadSts::NotInThisVersion.cause());
    }
    match parts.method {
        Method::GET | Method::HEAD => user_realm(State(core), parts).await,
        Method::OPTIONS => answer::preflight(State(core), parts).await,
        _ => answer::wrong_method(State(core), parts).await,
    }
}

async fn endpoints(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    Asked::new(&core, &parts).json(&MetadataEndpoints::new(&core.server.metadata.authority))
}

/// MSAL.NET asks this before it trusts the reserved tenant name `adfs`.
async fn webfinger(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let asked = Asked::new(&core, &parts);
    let resource = asked.query("resource").unwrap_or_default();
    let trusted = asked.query("rel").is_none_or(|rel| rel == TRUSTED_REALM);
    let found = Webfinger::answer(&core.server.metadata.authority, &resource);
    if let Some(found) = found.filter(|_| trusted) {
        return asked.json(&found);
    }
    let text = "Only this server's own address is known here, as a trusted realm.";
    asked.refuse(AadSts::NotInThisVersion, text)
}

async fn error(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let asked = Asked::new(&core, &parts);
    asked.page(error_page::render(asked.query("code").as_deref()))
}
