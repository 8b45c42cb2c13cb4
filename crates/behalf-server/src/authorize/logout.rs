//! Signing out (OIDC RP-Initiated Logout 1.0), and telling the applications that got a code in this
//! browser (Front-Channel Logout 1.0).

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
};
use behalf_core::{
    application::{Application, redirect},
    authorize::Account,
    id::{AppId, TenantId, parse_guid},
    ticket::{Body as Sealed, Purpose, Sheet},
};
use behalf_protocol::{
    EndpointVersion,
    logout::{LogoutRequest, front_channel_uri},
};
use behalf_store::ReadError;
use http::{Response, header, request::Parts};
use serde::{Deserialize, Serialize};

use super::{endpoint, form::Form, respond::answered, visit::Visit};
use crate::{
    pages::{ConfirmSignOutPage, Link, NoticePage},
    session::{account::SignedIn, cookie, csrf},
    state::Core,
};

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignOut {
    #[serde(rename = "q")]
    query: String,
    #[serde(rename = "b")]
    browser: String,
}

impl Sealed for SignOut {
    const PURPOSE: Purpose = Purpose::Csrf;
}

/// `GET /{tenant}/oauth2/v2.0/logout`: asks whether the user wants it, because nothing in the
/// address proves that; who is not signed in needs no question.
pub(super) async fn asked(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(ask(&visit, &parts)).await)
}

async fn ask(visit: &Visit<'_>, parts: &Parts) -> Result<Response<Body>, Box<Response<Body>>> {
    endpoint::admit(visit)?;
    let query = parts.uri.query().unwrap_or_default();
    if LogoutRequest::parse(query).is_err() {
        return Err(Box::new(visit.unreadable()));
    }
    let accounts = visit.accounts(None).await.map_err(|_| Box::new(visit.unavailable()))?;
    if accounts.is_empty() {
        return Ok(end(visit, query, &[]).await);
    }
    let form = SignOut { query: query.to_owned(), browser: visit.browser.clone() };
    let sealed = visit.seal(TenantId::NIL, form).map_err(|_| Box::new(visit.unreadable()))?;
    let users: Vec<&str> = accounts.iter().map(|a| a.account.user.name.as_str()).collect();
    let page = ConfirmSignOutPage {
        users: &users,
        action: &format!("/{}/sign-out", endpoint::segment(parts)),
        hidden: &[("form", &sealed)],
    };
    let back = LogoutRequest::parse(query).ok();
    let back = back.as_ref().and_then(LogoutRequest::post_logout_redirect_uri);
    Ok(visit.page(&page, back))
}

/// `POST /{tenant}/sign-out`: every account of this browser is signed out.
pub(super) async fn confirmed(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(sign_out(&visit, body)).await)
}

async fn sign_out(visit: &Visit<'_>, body: Body) -> Result<Response<Body>, Box<Response<Body>>> {
    let form = Form::posted(visit, body).await?;
    let opened = visit.server().tickets.open::<Sheet<SignOut>>(form.get("form"), visit.now());
    let opened = opened.map_err(|_| Box::new(visit.stale()))?;
    let asked = opened.body(visit.now()).map_err(|_| Box::new(visit.stale()))?;
    if csrf::same_browser(&asked.browser, visit.cookies.browser.as_deref()).is_err() {
        return Err(Box::new(visit.foreign()));
    }
    let unavailable = || Box::new(visit.unavailable());
    let accounts = visit.accounts(None).await.map_err(|_| unavailable())?;
    for SignedIn { account, .. } in &accounts {
        let Account { user, sign_in, expires } = account;
        let tickets = &visit.server().tickets;
        let ended = tickets.end_session(user.tenant, sign_in.session, *expires).await;
        ended.map_err(|_| unavailable())?;
    }
    let mut answer = end(visit, &asked.query, &accounts).await;
    for cookie in [cookie::sessions([]), cookie::without_clients()].into_iter().flatten() {
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
    let asking = request.client_id().and_then(|id| parse_guid(id).ok()).map(AppId);
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
