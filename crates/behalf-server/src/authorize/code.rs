//! The answer to a client that gets what it asked for.

use axum::body::Body;
use behalf_core::{
    authorize::{Account, Agreed, CodeEntropy, Refusal, code},
    service_principal::ServicePrincipal,
    tenant::Tenant,
    ticket::SealError,
};
use behalf_protocol::{
    ClientInfo,
    admin_consent::AdminConsentResponse,
    authorize::{Prompt, SuccessResponse},
};
use behalf_store::ReadError;
use http::{Response, header};
use uuid::Uuid;

use super::{
    flow::Flow,
    visit::Visit,
    way::{End, Redirection, Way},
};
use crate::{session::cookie, unserved};

/// Issues a code for `account` and sends it to the client. Writes no row.
pub(super) async fn issue(
    visit: &Visit<'_>,
    (way, redirection, flow): (&Way, &Redirection, &Flow),
    agreed: &Agreed<'_>,
    account: &Account,
) -> Response<Body> {
    let refuse =
        |refusal: Refusal| Box::pin(async move { way.refuse(visit, flow, &refusal).await });
    let (tenant, principal) = match parties(visit, way, account).await {
        Ok(Ok(parties)) => parties,
        Ok(Err(refusal)) => return refuse(refusal).await,
        Err(error) => {
            unserved::tell(&error, "a code could not be issued");
            return refuse(Refusal::Unavailable).await;
        }
    };
    let id = CodeEntropy(visit.server().tickets.new_id());
    let ticket = code(agreed, (&tenant, &principal), account, id, visit.now());
    let code = match visit.server().tickets.seal(tenant.id, &ticket, visit.now()) {
        Ok(code) => code,
        Err(SealError::TooLong { .. }) => return refuse(Refusal::TooLong).await,
        Err(error) => {
            unserved::tell(&error, "a code could not be sealed");
            return refuse(Refusal::Unavailable).await;
        }
    };
    let request = agreed.request;
    let info = ClientInfo { uid: account.user.id.0, utid: tenant.id.0 }.encode();
    let session = &account.sign_in.session;
    let answer = SuccessResponse {
        code: Some(&code),
        id_token: None,
        client_info: request.client_info.then_some(info.as_str()),
        state: redirection.state.as_deref(),
        // Changes with the session and tells nothing of it.
        session_state: Some(Uuid::new_v5(&session.0, &way.client().bytes())),
        admin_consent: request.prompts.contains(Prompt::AdminConsent),
        iss: &redirection.iss,
    };
    let mut answer = redirection.send(visit, &answer.parameters());
    if let Some(told) = cookie::with_client(&visit.cookies.clients, way.client()) {
        answer.headers_mut().append(header::SET_COOKIE, told);
    }
    answer
}

/// The user's tenant, and the client's service principal there.
pub(super) async fn parties(
    visit: &Visit<'_>,
    way: &Way,
    account: &Account,
) -> Result<Result<(Tenant, ServicePrincipal), Refusal>, ReadError> {
    let client = way.client();
    let tenant = account.user.tenant;
    let reading = visit.server().store.reading();
    let here = reading.tenant(tenant).await?;
    let principal = reading.service_principal_by_app_id(tenant, client).await?;
    let (Some(here), Some(principal)) = (here, principal) else {
        return Ok(Err(Refusal::ConsentMissing));
    };
    if principal.disabled {
        return Ok(Err(Refusal::ClientDisabled(client)));
    }
    if principal.assignment_required {
        let held = reading.assignments(tenant, account.user.id, principal.id).await?;
        if held.is_none_or(|held| held.is_empty()) {
            return Ok(Err(Refusal::UserNotAssigned(client)));
        }
    }
    Ok(Ok((here.value, principal.value)))
}

/// Tells the client of an admin consent endpoint that an administrator consented.
pub(super) fn consented(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    scope: Option<&str>,
    account: &Account,
) -> Response<Body> {
    let End::Redirect(redirection) = &way.end else { return visit.unreadable() };
    let granted = AdminConsentResponse::Granted { tenant: account.user.tenant.0, scope };
    let state = redirection.state.as_deref();
    redirection.send(visit, &granted.parameters(flow.kind.version(), state))
}
