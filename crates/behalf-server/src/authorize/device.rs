//! Signing in a device that has no browser (RFC 8628 3.3): its user types the code that it shows,
//! signs in as for any client, confirms that the device is his, and consents. Nothing is redirected
//! to: the device polls.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
};
use behalf_core::{
    application::Require,
    authorize::Account,
    device::{Approval, DeviceGrant, UserCode},
    id::TenantId,
    ticket::{Body as Sealed, Counters, Purpose, Requested, SignIn},
};
use behalf_protocol::{authorize::AuthorizeParameters, error::AadSts};
use http::{HeaderValue, Response, StatusCode, header, request::Parts};
use serde::{Deserialize, Serialize};

use super::{
    code, endpoint,
    flow::{Device, Flow, Kind},
    form::{Form, Sent},
    respond::{answered, go_on, sealed},
    visit::{Bound, Visit},
    way::{WaitingDevice, Way},
};
use crate::{
    limits::RETRY_AFTER_MAX,
    pages::{self, DeviceConfirmPage, DevicePage, NoticePage},
    state::Core,
    unserved,
};

/// Where the form of the code goes: where it came from.
const HERE: &str = "/devicelogin";
/// The same text whether there never was such a code, or it is over, or it was used.
const WRONG: &str =
    "There is no such code, or it has expired. Check it, or start again on the device.";

const NOT_SIGNED_IN: &str = "The device was not signed in";

/// The form in which a code is typed, bound to its browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entrance {
    #[serde(rename = "device")]
    browser: String,
}

impl Sealed for Entrance {
    const PURPOSE: Purpose = Purpose::Csrf;
}

impl Bound for Entrance {
    fn browser(&self) -> &str {
        &self.browser
    }
}

/// `GET /devicelogin`, with the code in it when the device showed a picture to scan. It is shown
/// and never sent by itself: the user compares it.
pub(super) async fn entrance(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let visit = Visit::of(&core, &parts);
    if let Err(answer) = endpoint::admit(&visit) {
        return *answer;
    }
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let mut fields = url::form_urlencoded::parse(query);
    let typed = fields.find(|(name, _)| name == "user_code").map(|(_, value)| value);
    let known = typed.and_then(|typed| UserCode::parse(&typed));
    page(&visit, known.as_ref().map_or("", UserCode::as_str), None)
}

fn page(visit: &Visit<'_>, code: &str, problem: Option<(StatusCode, &str)>) -> Response<Body> {
    let form = Entrance { browser: visit.browser.clone() };
    let Ok(sealed) = visit.seal(TenantId::NIL, form) else { return visit.failed() };
    let (status, problem) = problem.unzip();
    let page = DevicePage { code, problem, action: HERE, hidden: &[("form", &sealed)] };
    visit.page_with(status.unwrap_or(StatusCode::OK), &page, None)
}

/// `POST /devicelogin`: a code was typed.
pub(super) async fn entered(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(enter(&visit, body)).await)
}

async fn enter(visit: &Visit<'_>, body: Body) -> Result<Response<Body>, Box<Response<Body>>> {
    let form = Form::posted(visit, body).await?;
    visit.open::<Entrance>(form.get("form"))?;
    let (address, now) = (visit.circumstances.address, visit.now());
    let grants = &visit.server().device_grants;
    if let Err(wait) = grants.guess(address, &visit.browser, now) {
        return Ok(too_many(visit, wait));
    }
    let again = || page(visit, "", Some((StatusCode::OK, WRONG)));
    let Some(code) = UserCode::parse(form.get("user_code")) else { return Ok(again()) };
    let found = grants.find(code).await.map_err(|error| {
        unserved::tell(&error, "a user code could not be looked up");
        Box::new(visit.unavailable())
    })?;
    let waiting = found.and_then(|found| found.grant.waiting(now).ok());
    let Some(waiting) = waiting else { return Ok(again()) };
    grants.guessed_right(address, &visit.browser, now);
    let flow = begin(visit, code, waiting.grant());
    let parameters =
        AuthorizeParameters::parse(&flow.query).map_err(|_| Box::new(visit.unreadable()))?;
    let way = Way::find(visit, &flow, &parameters).await?;
    Ok(go_on(visit, &way, &flow))
}

fn too_many(visit: &Visit<'_>, wait: u64) -> Response<Body> {
    let wait = wait.min(2 * RETRY_AFTER_MAX);
    let text = format!("Too many codes were tried from here. Try again in {wait} seconds.");
    let mut answer = page(visit, "", Some((StatusCode::TOO_MANY_REQUESTS, &text)));
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    answer
}

/// The flow in which `grant` is answered: the request that its client would have sent with a
/// browser.
fn begin(visit: &Visit<'_>, code: UserCode, grant: &DeviceGrant) -> Flow {
    let kind = if grant.v1 { Kind::DeviceV1 } else { Kind::DeviceV2 };
    let segment = grant.tenant.map_or_else(|| "common".to_owned(), |tenant| tenant.to_string());
    let device = Some(Device { code, grant: grant.id, confirmed: None });
    Flow { device, ..visit.begin(kind, &segment, &query(grant)) }
}

fn query(grant: &DeviceGrant) -> String {
    let Requested { resource, scopes, openid } = &grant.requested;
    let client = grant.client.to_string();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", &client).append_pair("response_type", "code");
    let named: Vec<String> = match (grant.v1, resource, scopes.as_slice()) {
        (true, Some(resource), []) => {
            query.append_pair("resource", resource);
            Vec::new()
        }
        (_, Some(resource), []) => vec![format!("{resource}/.default")],
        (_, Some(resource), names) => {
            names.iter().map(|name| format!("{resource}/{name}")).collect()
        }
        (_, None, whole) => whole.to_vec(),
    };
    let scope = [named.as_slice(), openid.as_slice()].concat().join(" ");
    if !scope.is_empty() {
        query.append_pair("scope", &scope);
    }
    query.finish()
}

/// Asks whether the device is his: whoever sent him the code may have another one in mind.
pub(super) fn confirm(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    account: &Account,
) -> Response<Body> {
    let Some(device) = flow.device else { return visit.unreadable() };
    let Some(sealed) = sealed(visit, way, flow) else { return visit.failed() };
    let page = DeviceConfirmPage {
        tenant: &pages::shown(way.tenant_name()),
        user: account.user.name.as_str(),
        app: &pages::shown(way.application.display_name()),
        code: device.code.as_str(),
        action: &format!("/{}/device", flow.segment),
        hidden: &[("flow", &sealed)],
    };
    visit.page(&page, None)
}

/// `POST /{tenant}/device`: it is.
pub(super) async fn confirmed(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(go(&visit, &parts, body)).await)
}

async fn go(
    visit: &Visit<'_>,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let (sent, way) = Sent::read(visit, parts, body).await?;
    let Some(device) = sent.flow.device.filter(|_| sent.form.get("do") == "continue") else {
        return Ok(visit.unreadable());
    };
    let device = Device { confirmed: sent.flow.session, ..device };
    Ok(go_on(visit, &way, &Flow { device: Some(device), ..sent.flow }))
}

/// Signs the device in: from its next poll on it has tokens.
pub(super) async fn approve(
    visit: &Visit<'_>,
    (way, flow, device): (&Way, &Flow, &WaitingDevice),
    demand: &Require,
    account: &Account,
) -> Response<Body> {
    let (tenant, principal) = match code::parties(visit, way, account).await {
        Ok(Ok(parties)) => parties,
        Ok(Err(refusal)) => return way.refuse(visit, flow, &refusal).await,
        Err(error) => {
            unserved::tell(&error, "a device could not be signed in");
            return visit.unavailable();
        }
    };
    let met = std::iter::once(account.sign_in.acr.as_str());
    let met = met.chain(demand.acrs.iter().map(String::as_str)).collect::<Vec<_>>();
    let approval = Approval {
        tenant: tenant.id,
        user: account.user.id,
        counters: Counters::of(&account.user, &tenant),
        service_principal: principal.id,
        revision: principal.revision,
        sign_in: SignIn { acr: met.join(" "), ..account.sign_in.clone() },
    };
    let answered = device.waiting.clone().approved(approval);
    let app = pages::shown(way.application.display_name());
    let title = format!("You are signed in to {app} on your device");
    answer(visit, device, &answered, (&title, "You can close this window.")).await
}

/// Tells the device that its user does not want to.
pub(super) async fn decline(visit: &Visit<'_>, device: &WaitingDevice) -> Response<Body> {
    let answered = device.waiting.clone().declined();
    let words = (NOT_SIGNED_IN, "It is told so. You can close this window.");
    answer(visit, device, &answered, words).await
}

async fn answer(
    visit: &Visit<'_>,
    device: &WaitingDevice,
    answered: &DeviceGrant,
    (title, text): (&str, &str),
) -> Response<Body> {
    match visit.server().device_grants.answer(device.place, answered).await {
        Ok(true) => {
            let page = NoticePage { title, text, frames: &[], link: None };
            visit.page(&page, None)
        }
        Ok(false) => over(visit),
        Err(error) => {
            unserved::tell(&error, "what a device's user answered could not be kept");
            visit.unavailable()
        }
    }
}

/// The device does not wait any more, or never did.
pub(super) fn over(visit: &Visit<'_>) -> Response<Body> {
    let text = "The code has expired or was used. Start again on the device.";
    visit.ended(AadSts::DeviceCodeUnknown, NOT_SIGNED_IN, text)
}
