//! Signing out (OIDC RP-Initiated Logout 1.0), and telling the applications that got a code in this
//! browser (Front-Channel Logout 1.0).

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
};
use behalf_core::{
    application::{Application, redirect},
    authorize::{Account, IdTokenHint},
    id::{AppId, SessionId, TenantId, parse_guid},
    tenant::TenantSegment,
    ticket::{Body as Sealed, Purpose},
};
use behalf_protocol::{
    EndpointVersion,
    logout::{LogoutRequest, front_channel_uri},
};
use behalf_store::ReadError;
use http::{Response, header, request::Parts};
use serde::{Deserialize, Serialize};

use super::{
    endpoint,
    form::Form,
    respond::answered,
    visit::{Bound, Visit},
};
use crate::{
    own_token,
    pages::{ConfirmSignOutPage, Link, NoticePage},
    session::{account::SignedIn, cookie},
    state::{Core, Unresolved},
    unserved,
};

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignOut {
    #[serde(rename = "q")]
    query: String,
    #[serde(rename = "b")]
    browser: String,
    /// The sessions that the page showed.
    #[serde(rename = "s")]
    sessions: Vec<SessionId>,
}

impl Sealed for SignOut {
    const PURPOSE: Purpose = Purpose::Csrf;
}

impl Bound for SignOut {
    fn browser(&self) -> &str {
        &self.browser
    }
}

/// `GET /{tenant}/oauth2/v2.0/logout`: asks whether the user wants it, because nothing in the
/// address proves that. An ID token of his session does; who is not signed in needs no question.
pub(super) async fn asked(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(ask(&visit, &parts)).await)
}

async fn ask(visit: &Visit<'_>, parts: &Parts) -> Result<Response<Body>, Box<Response<Body>>> {
    endpoint::admit(visit)?;
    let query = parts.uri.query().unwrap_or_default();
    let Ok(request) = LogoutRequest::parse(query) else {
        return Err(Box::new(visit.unreadable()));
    };
    let hint = hint(visit, endpoint::segment(parts), &request).await?;
    let asking = hint.as_ref().map(IdTokenHint::client).or(client(&request));
    let query = request.kept(asking.map(|client| client.0));
    let accounts = visit.accounts(None).await.map_err(|_| Box::new(visit.unavailable()))?;
    if accounts.is_empty() {
        return Ok(end(visit, &query, &[]).await);
    }
    let pairwise = &visit.server().pairwise;
    let meant =
        |signed: &SignedIn| hint.as_ref().is_some_and(|hint| hint.means(&signed.account, pairwise));
    if accounts.iter().any(meant) {
        let (leaving, staying) = accounts.into_iter().partition(meant);
        return leave(visit, &query, (leaving, staying)).await;
    }
    let leaving = by_name(&accounts, request.logout_hint());
    let sessions = leaving.iter().map(|signed| signed.account.sign_in.session).collect();
    let form = SignOut { query, browser: visit.browser.clone(), sessions };
    let sealed = visit.seal(TenantId::NIL, form).map_err(|_| Box::new(visit.unreadable()))?;
    let users: Vec<&str> = leaving.iter().map(|a| a.account.user.name.as_str()).collect();
    let page = ConfirmSignOutPage {
        users: &users,
        action: &format!("/{}/sign-out", endpoint::segment(parts)),
        hidden: &[("form", &sealed)],
    };
    Ok(visit.page(&page, request.post_logout_redirect_uri()))
}

/// The ID token that the request brings, if it is one of the tenant that the path names, and of the
/// client that the request names. One that is not says nothing (AZ-19).
async fn hint(
    visit: &Visit<'_>,
    segment: &str,
    request: &LogoutRequest<'_>,
) -> Result<Option<IdTokenHint>, Box<Response<Body>>> {
    let Some(text) = request.id_token_hint() else { return Ok(None) };
    let read = own_token::read_hint(visit.server(), text, visit.now());
    let named = request.client_id();
    let fits = |hint: &IdTokenHint| named.is_none() || client(request) == Some(hint.client());
    let Some(hint) = read.filter(fits) else { return Ok(None) };
    if TenantSegment::parse(segment) == Some(TenantSegment::Any) {
        return Ok(Some(hint));
    }
    match visit.core.tenant(segment, &visit.circumstances).await {
        Ok(here) => Ok(here.is_some_and(|here| here.tenant.id == hint.tenant()).then_some(hint)),
        Err(Unresolved::Throttled(wait)) => Err(Box::new(visit.throttled(wait))),
        Err(Unresolved::Unreadable(error)) => {
            unserved::tell(&error, "a tenant could not be looked up to sign out of");
            Err(Box::new(visit.unavailable()))
        }
    }
}

/// The application that asks.
fn client(request: &LogoutRequest<'_>) -> Option<AppId> {
    request.client_id().and_then(|id| parse_guid(id).ok()).map(AppId)
}

/// Who is named, or everybody where nobody has that name.
fn by_name<'a>(accounts: &'a [SignedIn], name: Option<&str>) -> Vec<&'a SignedIn> {
    let named = |signed: &&SignedIn| {
        name.is_some_and(|name| signed.account.user.name.as_str().eq_ignore_ascii_case(name))
    };
    let found: Vec<_> = accounts.iter().filter(named).collect();
    if found.is_empty() { accounts.iter().collect() } else { found }
}

/// `POST /{tenant}/sign-out`: the accounts that the page showed are signed out.
pub(super) async fn confirmed(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(sign_out(&visit, body)).await)
}

async fn sign_out(visit: &Visit<'_>, body: Body) -> Result<Response<Body>, Box<Response<Body>>> {
    let form = Form::posted(visit, body).await?;
    let asked: SignOut = visit.open(form.get("form"))?;
    let accounts = visit.accounts(None).await.map_err(|_| Box::new(visit.unavailable()))?;
    let shown = |signed: &SignedIn| asked.sessions.contains(&signed.account.sign_in.session);
    leave(visit, &asked.query, accounts.into_iter().partition(shown)).await
}

/// Ends the sessions of those who leave, for good.
async fn leave(
    visit: &Visit<'_>,
    query: &str,
    (leaving, staying): (Vec<SignedIn>, Vec<SignedIn>),
) -> Result<Response<Body>, Box<Response<Body>>> {
    for SignedIn { account, .. } in &leaving {
        let Account { user, sign_in, expires } = account;
        let tickets = &visit.server().tickets;
        let ended = tickets.end_session(user.tenant, sign_in.session, *expires).await;
        ended.map_err(|_| Box::new(visit.unavailable()))?;
    }
    let mut answer = end(visit, query, &leaving).await;
    let kept = cookie::sessions(staying.iter().map(|signed| signed.ticket.as_str()));
    let told = staying.is_empty().then(cookie::without_clients).flatten();
    for cookie in [kept, told].into_iter().flatten() {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// Tells the applications, and goes where the request asks for if one of them has that registered.
async fn end(visit: &Visit<'_>, query: &str, ended: &[SignedIn]) -> Response<Body> {
    let Ok(request) = LogoutRequest::parse(query) else { return visit.unreadable() };
    let Ok(applications) = applications(visit, &request).await else {
        return visit.unavailable();
    };
    let registered =
        |uri: &&str| applications.iter().any(|app| redirect::find(&app.redirects, uri).is_some());
    let back = request.post_logout_redirect_uri().filter(registered);
    let back = back.map(|uri| request.location(uri));
    let frames = frames(visit, &applications, ended);
    if let (Some(back), true) = (&back, frames.is_empty()) {
        return visit.redirect(back);
    }
    let page = NoticePage {
        title: "You are signed out",
        text: "Close the browser if others use it too.",
        frames: &frames,
        link: back.as_deref().map(|href| Link { href, text: "Back to the application" }),
    };
    visit.framing(&page, &frames)
}

/// The one that asks, and those that got a code in this browser.
async fn applications(
    visit: &Visit<'_>,
    request: &LogoutRequest<'_>,
) -> Result<Vec<Application>, ReadError> {
    let asking = client(request);
    let known = visit.cookies.clients.iter().copied();
    let mut all: Vec<Application> = Vec::new();
    for id in asking.into_iter().chain(known) {
        if all.iter().any(|app| app.app_id == id) {
            continue;
        }
        let found = visit.server().store.reading().application_by_app_id(id).await?;
        all.extend(found.map(|stored| stored.value));
    }
    Ok(all)
}

/// Each application's `logoutUrl`, for each session that ended.
fn frames(visit: &Visit<'_>, applications: &[Application], ended: &[SignedIn]) -> Vec<String> {
    let authority = visit.server().metadata.authority();
    let told = applications.iter().filter(|app| visit.cookies.clients.contains(&app.app_id));
    let urls = told.filter_map(|app| app.logout_url.as_deref());
    urls.flat_map(|url| {
        ended.iter().map(move |SignedIn { account, .. }| {
            let iss = authority.issuer(EndpointVersion::V2, account.user.tenant.0);
            front_channel_uri(url, &iss, account.sign_in.session.0)
        })
    })
    .collect()
}
