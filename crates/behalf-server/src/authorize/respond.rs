//! Answers to the client, through the user's browser.

use axum::body::Body;
use behalf_core::{authorize::Refusal, id::TenantId};
use behalf_protocol::{
    EndpointVersion,
    admin_consent::AdminConsentResponse,
    authorize::{Delivery, ErrorResponse, ResponseMode, ResponseParameters},
    error::{AadSts, ErrorBody},
};
use http::{Response, StatusCode};

use super::{
    device, event,
    flow::{Flow, Kind},
    visit::Visit,
    way::{End, Redirection, Way},
};
use crate::pages::{FormPostPage, Hidden, Page};

impl Redirection {
    /// Sends parameters to the client.
    pub(super) fn send(
        &self,
        visit: &Visit<'_>,
        parameters: &ResponseParameters<'_>,
    ) -> Response<Body> {
        if self.mode == ResponseMode::FormPost {
            let hidden: Vec<Hidden<'_>> = parameters.iter().collect();
            let page = FormPostPage { action: self.trusted.uri(), hidden: &hidden };
            let answer = Page::new(StatusCode::OK).leading_to(self.trusted.uri()).sending_itself();
            return visit.finish(answer.answer(&page, &visit.circumstances));
        }
        match parameters.deliver(self.trusted.uri(), self.mode) {
            Delivery::Location(location) => visit.redirect(&location),
            Delivery::FormPost { .. } => visit.failed(),
        }
    }
}

impl Way {
    /// Goes back because the user wants to: the client is told.
    pub(super) async fn cancelled(&self, visit: &Visit<'_>, flow: &Flow) -> Response<Body> {
        let End::Device(device) = &self.end else {
            return self.refuse(visit, flow, &Refusal::Cancelled).await;
        };
        match event::told(visit, (self, flow), &Refusal::Cancelled).await {
            Ok(()) => device::decline(visit, device).await,
            Err(answer) => *answer,
        }
    }

    /// Sends a refusal to the client, once it is safe in the log; where the client is on a device,
    /// to the user, who can do more about it than whoever polls.
    pub(super) async fn refuse(
        &self,
        visit: &Visit<'_>,
        flow: &Flow,
        refusal: &Refusal,
    ) -> Response<Body> {
        if let Err(answer) = event::told(visit, (self, flow), refusal).await {
            return *answer;
        }
        let kind = flow.kind;
        let text = refusal.to_string();
        let End::Redirect(redirection) = &self.end else {
            return visit.ended(refusal.aadsts(), "The device was not signed in", &text);
        };
        let cancelled = *refusal == Refusal::Cancelled;
        let row = match (kind, cancelled) {
            (Kind::AdminConsentV1, true) => AdminConsentResponse::cancelled(EndpointVersion::V1),
            (Kind::AdminConsentV2, true) => AdminConsentResponse::cancelled(EndpointVersion::V2),
            _ => refusal.aadsts(),
        };
        let error = body(visit, row, &text);
        let parameters = if kind.is_admin_consent() {
            let state = redirection.state.as_deref();
            AdminConsentResponse::Refused(&error).parameters(kind.version(), state)
        } else {
            let (state, iss) = (redirection.state.as_deref(), redirection.iss.as_str());
            ErrorResponse { error: &error, cancelled, state, iss }.parameters()
        };
        redirection.send(visit, &parameters)
    }
}

/// The flow as the next page carries it. `None` only when something of ours is broken: what would not
/// fit was refused before there was a page.
pub(super) fn sealed(visit: &Visit<'_>, way: &Way, flow: &Flow) -> Option<String> {
    visit.seal(way.tenant_id().unwrap_or(TenantId::NIL), flow.clone()).ok()
}

/// To the page that comes next.
pub(super) fn go_on(visit: &Visit<'_>, way: &Way, flow: &Flow) -> Response<Body> {
    match sealed(visit, way, flow) {
        Some(sealed) => visit.redirect(&format!("/{}/continue?flow={sealed}", flow.segment)),
        None => visit.failed(),
    }
}

/// One answer of two: what was refused on the way is in a box, so that the way stays small.
pub(super) fn answered(answer: Result<Response<Body>, Box<Response<Body>>>) -> Response<Body> {
    answer.unwrap_or_else(|answer| *answer)
}

fn body<'a>(visit: &'a Visit<'_>, kind: AadSts, text: &'a str) -> ErrorBody<'a> {
    ErrorBody {
        kind,
        text,
        trace_id: visit.circumstances.id.0,
        correlation_id: visit.circumstances.correlation,
        timestamp: u64::try_from(visit.now().unix_seconds()).unwrap_or(0),
        authority: &visit.server().public_url,
    }
}
