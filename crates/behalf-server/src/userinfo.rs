//! The userinfo endpoint (OIDC Core 5.3): who the user of an access token is. A protected resource,
//! so it refuses by RFC 6750; and for script of any page, because no cookie opens it.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    routing::get,
};
use behalf_core::{
    event::ClientRef,
    token::{own_token::OwnToken, userinfo},
};
use behalf_protocol::{
    error::AadSts,
    userinfo::{UserInfo, UserInfoRefusal},
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Limited};
use zeroize::Zeroizing;

use crate::{
    error::{ErrorAnswer, no_store},
    journal::Shed,
    own_token::{self, Behind},
    request::Circumstances,
    state::{self, Core},
};

/// Longest form that may bring a token, in bytes: an access token and its name.
const BODY_MAX: usize = 16 * 1024;

/// At the server's own address, as v2 metadata says, and at a tenant's, as v1 metadata does.
pub(crate) fn routes() -> Router<Arc<Core>> {
    let methods = || get(asked).post(asked).options(preflight).fallback(wrong_method);
    Router::new().route("/oidc/userinfo", methods()).route("/{tenant}/openid/userinfo", methods())
}

/// Why there is no answer yet.
type Denied = state::Denied<UserInfoRefusal>;

impl From<UserInfoRefusal> for Denied {
    fn from(refusal: UserInfoRefusal) -> Self {
        Self::Refused(refusal)
    }
}

async fn asked(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let circumstances = circumstances(&core, &parts);
    let answer = answer(&core, &circumstances, (&parts, body)).await;
    let denied = match answer {
        Ok(json) => return finish(Body::from(json), StatusCode::OK, &circumstances),
        Err(denied) => denied,
    };
    let mut answer = match denied {
        Denied::Refused(refusal) => return refused(&core, refusal, &circumstances),
        Denied::Throttled(wait) => throttled(&core, wait, &circumstances),
        Denied::Unavailable => core.unavailable(Shed::Overload, &circumstances),
    };
    share(answer.headers_mut());
    answer
}

async fn answer(
    core: &Core,
    request: &Circumstances,
    (parts, body): (&Parts, Body),
) -> Result<String, Denied> {
    let server = &core.server;
    // Whether the token was revoked must be known (decisions.md 26).
    if !core.is_current() {
        return Err(Denied::Unavailable);
    }
    if let Some(wait) = server.limits.address_exhausted(request.address, request.now) {
        return Err(Denied::Throttled(wait));
    }
    let text = bearer(parts, body).await?;
    let token = own_token::read(server, &text, request.now);
    let token = token.ok_or(UserInfoRefusal::InvalidToken)?;
    if !named_here(core, request, (parts, &token)).await? {
        return Err(UserInfoRefusal::InvalidToken.into());
    }
    let behind = Behind::gather(server, &token).await?;
    let (user, _) = token.user().ok_or(UserInfoRefusal::InvalidToken)?;
    let subject = server.pairwise.subject(token.tenant(), user, token.client());
    let claims: UserInfo<'_> = userinfo::answer(&token, &behind.now(), &subject)?;
    serde_json::to_string(&claims).map_err(|error| {
        tracing::error!(%error, "the claims of a user could not be written");
        Denied::Unavailable
    })
}

/// Whether the tenant that the path names, if it names one, is the token's.
async fn named_here(
    core: &Core,
    request: &Circumstances,
    (parts, token): (&Parts, &OwnToken),
) -> Result<bool, Denied> {
    let path = parts.uri.path();
    let segment = path.split('/').nth(1).filter(|_| path.ends_with("/openid/userinfo"));
    let any = |segment: &str| {
        segment.eq_ignore_ascii_case("common") || segment.eq_ignore_ascii_case("organizations")
    };
    match segment {
        None => Ok(true),
        Some(segment) if any(segment) => Ok(true),
        Some(segment) => {
            let tenant = core.tenant(segment, request).await?;
            Ok(tenant.is_some_and(|tenant| tenant.tenant.id == token.tenant()))
        }
    }
}

/// The token: in the header or, of a POST, in the form, and in one of them only (RFC 6750 2).
async fn bearer(parts: &Parts, body: Body) -> Result<Zeroizing<String>, UserInfoRefusal> {
    let in_header = in_header(&parts.headers)?;
    let in_form = match parts.method {
        Method::POST => in_form(&parts.headers, body).await?,
        _ => None,
    };
    match (in_header, in_form) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(UserInfoRefusal::NoToken),
        (Some(_), Some(_)) => Err(UserInfoRefusal::SeveralTokens),
    }
}

fn in_header(headers: &HeaderMap) -> Result<Option<Zeroizing<String>>, UserInfoRefusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(UserInfoRefusal::SeveralTokens);
    }
    let text = value.to_str().map_err(|_| UserInfoRefusal::InvalidToken)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(Zeroizing::new(token.trim_start().to_owned())))
        }
        // Another scheme is no token.
        _ => Ok(None),
    }
}

async fn in_form(
    headers: &HeaderMap,
    body: Body,
) -> Result<Option<Zeroizing<String>>, UserInfoRefusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return Ok(None);
    }
    let body = Limited::new(body, BODY_MAX).collect().await;
    let body = body.map_err(|_| UserInfoRefusal::InvalidToken)?.to_bytes();
    let mut tokens = url::form_urlencoded::parse(&body).filter(|(name, _)| name == "access_token");
    match (tokens.next(), tokens.next()) {
        (None, _) => Ok(None),
        (Some((_, token)), None) => Ok(Some(Zeroizing::new(token.into_owned()))),
        (Some(_), Some(_)) => Err(UserInfoRefusal::SeveralTokens),
    }
}

/// A refusal. Who sends tokens that are none uses up its share of failures.
fn refused(core: &Core, refusal: UserInfoRefusal, request: &Circumstances) -> Response<Body> {
    let failed = !matches!(refusal, UserInfoRefusal::InsufficientScope);
    let limits = &core.server.limits;
    let charged = || limits.charge_failure(request.address, ClientRef::Absent, request.now);
    if let Some(wait) = failed.then(charged).flatten() {
        let mut answer = throttled(core, wait, request);
        share(answer.headers_mut());
        return answer;
    }
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let json = serde_json::json!({
        "error": refusal.error(),
        "error_description": refusal.to_string(),
    });
    let mut answer = finish(Body::from(json.to_string()), status, request);
    let challenge = HeaderValue::from_static(refusal.www_authenticate());
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    answer
}

fn throttled(core: &Core, wait: u64, request: &Circumstances) -> Response<Body> {
    core.turn_away(Shed::Limited, &ErrorAnswer::of(AadSts::Throttled).after(wait), request)
}

fn finish(body: Body, status: StatusCode, request: &Circumstances) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    no_store(answer.headers_mut(), request);
    share(answer.headers_mut());
    answer
}

/// For script of any page: what is answered depends on nothing that a browser adds by itself.
fn share(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

async fn preflight(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let mut answer = finish(Body::empty(), StatusCode::NO_CONTENT, &circumstances(&core, &parts));
    let headers = answer.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    // The wildcard does not cover this one (Fetch 3.2.3).
    headers
        .insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, *"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}

async fn wrong_method(State(core): State<Arc<Core>>, parts: Parts) -> Response<Body> {
    let allow = Some("GET, POST, OPTIONS");
    let answer = ErrorAnswer { allow, ..ErrorAnswer::of(AadSts::WrongMethod) };
    core.turn_away(Shed::Verb, &answer, &circumstances(&core, &parts))
}

fn circumstances(core: &Core, parts: &Parts) -> Circumstances {
    core.circumstances((&parts.uri, &parts.headers, &parts.extensions))
}
