//! `POST /{tenant}/oauth2/devicecode` and `/{tenant}/oauth2/v2.0/devicecode`: a client asks for the
//! two codes of a device (RFC 8628 3.1, protocol 8.5).

use std::sync::Arc;

use axum::body::Body;
use behalf_core::{
    authorize::requested,
    device::{DEVICE_CODE_LIFETIME, POLL_INTERVAL},
    event::{Grant, Step},
    token::Refusal,
};
use behalf_protocol::{
    EndpointVersion,
    device::DeviceAuthorizationResponse,
    token::request::{RequestedScopes, TargetError},
};
use http::{HeaderMap, Response, request::Parts};

use super::{
    endpoint,
    inquiry::{Denied, Inquiry, Named},
};
use crate::{
    device_grants::{Asked, Codes, NoCodes},
    error::no_store,
    facts::TenantFacts,
    limits::RETRY_AFTER_MAX,
    request::Circumstances,
    state::Core,
    unserved,
};

/// The page on which users type their code: short, because they type its address too.
const PAGE: &str = "/devicelogin";
/// Longest `scope`: the user's pages carry it from one to the next.
const SCOPE_MAX: usize = 2 * 1024;

/// Answers one request. `segment` is the tenant as the path names it.
pub(super) async fn answer(
    core: &Core,
    (version, segment): (EndpointVersion, &str),
    circumstances: Circumstances,
    (parts, body): (&Parts, Body),
) -> Response<Body> {
    let body = match endpoint::received(core, &circumstances, (parts, body)).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let mut inquiry = Inquiry::new(core, version, segment, circumstances);
    inquiry.event.grant = Grant::DeviceCode;
    match ask(&mut inquiry, &parts.headers, &body).await {
        Ok(codes) => told(&inquiry, &codes),
        Err(denied) => endpoint::deny(core, inquiry, denied).await,
    }
}

async fn ask(inquiry: &mut Inquiry<'_>, headers: &HeaderMap, body: &[u8]) -> Result<Codes, Denied> {
    inquiry.needs_fresh_facts()?;
    let named_tenant = inquiry.named_tenant(headers).await?;
    let form = inquiry.form(headers, body)?;
    let basic = inquiry.basic_credentials(headers)?;
    let (named, credential) = inquiry.named(&form, basic.as_ref())?;
    let scopes = scopes(inquiry.version, form.resource.as_deref(), form.scope.as_deref());
    let scopes = inquiry.step(Step::Target, scopes.map_err(Refusal::Target))?;
    let asked_of = named_tenant.as_ref().map(|facts| facts.tenant.id);
    let tenant = match named_tenant {
        Some(tenant) => tenant,
        None => home(inquiry, named).await?,
    };
    let facts = inquiry.client(&tenant, named, &credential).await?;
    let client = inquiry.identify_without_redirect(&facts, &credential).await?;
    if facts.disabled {
        let (client, display_name) = (facts.app_id, facts.display_name.clone());
        let disabled = Refusal::ClientDisabled { client, display_name, here: false };
        return Ok(inquiry.inspect(Step::ServicePrincipal, Err(disabled))?);
    }
    if client.authenticated().is_none() {
        inquiry.charge(facts.app_id)?;
    }
    let asked = Asked {
        client: facts.app_id,
        home: facts.home,
        tenant: asked_of,
        v1: inquiry.version == EndpointVersion::V1,
        confidential: client.authenticated().is_some(),
        requested: requested(&scopes),
    };
    let (address, now) = (inquiry.circumstances.address, inquiry.circumstances.now);
    let codes = inquiry.core.server.device_grants.ask(asked, address, now).await;
    codes.map_err(|error| match error {
        NoCodes::TooMany(wait) => Denied::Throttled(wait.min(RETRY_AFTER_MAX)),
        NoCodes::Commit(error) => {
            unserved::tell(&error, "a device's codes could not be kept");
            Denied::Unavailable
        }
    })
}

fn scopes<'a>(
    version: EndpointVersion,
    resource: Option<&'a str>,
    scope: Option<&'a str>,
) -> Result<RequestedScopes<'a>, TargetError> {
    if scope.is_some_and(|scope| scope.len() > SCOPE_MAX) {
        return Err(TargetError::TooLong);
    }
    RequestedScopes::parse(version, resource, scope)
}

/// Under `common` the client's home stands in for the tenant that nobody knows yet.
async fn home(inquiry: &mut Inquiry<'_>, named: Named) -> Result<Arc<TenantFacts>, Denied> {
    let Named::Client(client) = named else {
        return Ok(inquiry.inspect(Step::Client, Err(Refusal::ClientNowhere))?);
    };
    let home = inquiry.core.server.store.reading().app_home(client).await?;
    let home = home.ok_or(Refusal::ClientNowhere);
    let home = inquiry.inspect(Step::Client, home)?;
    inquiry.tenant_of(home.tenant).await
}

fn told(inquiry: &Inquiry<'_>, codes: &Codes) -> Response<Body> {
    let user_code = codes.user.as_str();
    let uri = format!("{}{PAGE}", inquiry.core.server.public_url);
    let response = DeviceAuthorizationResponse {
        user_code,
        device_code: codes.device.expose(),
        verification_uri: &uri,
        verification_uri_complete: Some(&format!("{uri}?user_code={user_code}")),
        expires_in: DEVICE_CODE_LIFETIME.as_secs(),
        interval: POLL_INTERVAL.as_secs(),
        message: &format!(
            "To sign in, open the page {uri} in a web browser and enter the code {user_code}."
        ),
    };
    let mut answer = Response::new(Body::from(response.to_json(inquiry.version)));
    no_store(answer.headers_mut(), &inquiry.circumstances);
    inquiry.share(answer.headers_mut());
    answer
}
