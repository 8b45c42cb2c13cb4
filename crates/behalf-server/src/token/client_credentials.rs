//! A client asks for itself (RFC 6749 4.4).

use behalf_core::{
    event::{Step, loggable_target},
    token::{Refusal, ResourceFacts, client_auth, client_credentials},
};
use behalf_protocol::token::request::RequestedAccess;

use super::{
    inquiry::{Asked, Denied, Inquiry},
    issue::Granted,
};

pub(super) async fn judge(inquiry: &mut Inquiry<'_>, asked: Asked<'_>) -> Result<Granted, Denied> {
    let Asked { tenant, form, named, credential, .. } = asked;
    let (resource, scope) = (form.resource.as_deref(), form.scope.as_deref());
    let requested = RequestedAccess::for_client_credentials(inquiry.version, resource, scope);
    let requested = inquiry.step(Step::Target, requested.map_err(Refusal::Target))?.as_str();
    inquiry.event.resource = loggable_target(requested).map(str::to_owned);
    let claims = inquiry.claims(&asked)?;

    let client = inquiry.client(tenant, named, credential).await?;
    let judge = inquiry.judge_of_credentials();
    let authenticated = client_auth::verify(credential, &client, judge, &mut inquiry.event.trail)?;
    inquiry.admit(&authenticated).await?;
    let server = &inquiry.core.server;
    let resource = server.facts.resource(&client, requested).await?;
    let resource: Option<&ResourceFacts> = resource.as_deref();
    inquiry.event.resource_app = resource.map(|r| r.app_id);
    let trail = &mut inquiry.event.trail;
    let issuance = client_credentials::decide(requested, &authenticated, resource, trail)?;
    let issuance = issuance.for_client_that_says(&claims);
    let issuance =
        if inquiry.is_degraded() { issuance.while_the_database_is_away() } else { issuance };
    let now = inquiry.circumstances.now;
    server.store.credential_used(client.home, authenticated.credential(), now);
    let request = &inquiry.circumstances;
    Granted::prepare(inquiry.core, &tenant.issuers, &issuance, requested, request)
}
