//! One request of a browser: its cookies, what it may see, and how it is answered.

use askama::Template;
use axum::body::Body;
use behalf_core::{
    id::TenantId,
    ticket::{FORM_LIFETIME, SealError, Sheet, Span, whole_second},
    time::{Timestamp, written},
};
use behalf_protocol::error::AadSts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};

use super::flow::{Flow, Kind};
use crate::{
    entropy,
    pages::{self, Page, ProblemPage},
    request::Circumstances,
    session::{
        account::{self, SignedIn},
        cookie::{self, Cookies},
        csrf,
    },
    state::{Core, ErrorPages, Server},
};

/// A browser's request.
pub(super) struct Visit<'a> {
    pub(super) core: &'a Core,
    pub(super) circumstances: Circumstances,
    pub(super) headers: &'a HeaderMap,
    pub(super) cookies: Cookies,
    /// What this browser's forms are bound to.
    pub(super) browser: String,
}

/// What a page of ours carries, sealed, and which browser it was made for.
pub(super) trait Bound: behalf_core::ticket::Body + Clone {
    /// [`Visit::browser`] of the page.
    fn browser(&self) -> &str;
}

/// What a problem page says.
#[derive(Debug, Default)]
pub(super) struct Problem<'a> {
    /// In a few words.
    pub(super) title: &'a str,
    /// What happened, for whoever may see it; the row's own words for anybody else.
    pub(super) text: String,
    /// What anybody can do.
    pub(super) advice: Option<&'a str>,
    /// More of the text.
    pub(super) details: Vec<String>,
    /// What mends it.
    pub(super) command: Option<String>,
    /// The text says nothing that anybody could not know.
    pub(super) public: bool,
    /// The application's home tenant, whose administrators see everything.
    pub(super) home: Option<TenantId>,
}

impl<'a> Visit<'a> {
    /// Of a request's head.
    pub(super) fn of(core: &'a Core, parts: &'a Parts) -> Self {
        let circumstances = core.circumstances((&parts.uri, &parts.headers, &parts.extensions));
        let cookies = Cookies::of(&parts.headers);
        let browser = cookies.browser.clone().unwrap_or_else(|| {
            behalf_jose::base64url::encode(entropy::random::<16>(&*core.server.entropy))
        });
        Self { core, circumstances, headers: &parts.headers, cookies, browser }
    }

    pub(super) fn server(&self) -> &'a Server {
        &self.core.server
    }

    pub(super) fn now(&self) -> Timestamp {
        self.circumstances.now
    }

    /// The accounts that are signed in with this browser, of `tenant` or of any.
    pub(super) async fn accounts(
        &self,
        tenant: Option<TenantId>,
    ) -> Result<Vec<SignedIn>, behalf_store::ReadError> {
        let all = account::standing(self.server(), &self.cookies.sessions, self.now()).await?;
        let here =
            |signed: &SignedIn| tenant.is_none_or(|tenant| signed.account.user.tenant == tenant);
        Ok(all.into_iter().filter(here).collect())
    }

    /// A flow that begins with this request.
    pub(super) fn begin(&self, kind: Kind, segment: &str, query: &str) -> Flow {
        Flow {
            kind,
            segment: segment.to_owned(),
            query: query.to_owned(),
            browser: self.browser.clone(),
            session: None,
            fresh: false,
            turn: None,
            consented: false,
            device: None,
            half: None,
        }
    }

    /// Seals a page's content for ten minutes.
    pub(super) fn seal<T: behalf_core::ticket::Body>(
        &self,
        tenant: TenantId,
        body: T,
    ) -> Result<String, SealError> {
        let issued = whole_second(self.now());
        let span = Span { issued, expires: issued.plus(FORM_LIFETIME), absolute: None };
        let tickets = &self.server().tickets;
        tickets.seal(tenant, &Sheet::new(tickets.new_id(), span, body), self.now())
    }

    /// Opens what was sealed for this very browser and has not waited too long.
    pub(super) fn open<T: Bound>(&self, text: &str) -> Result<T, Box<Response<Body>>> {
        let opened = self.server().tickets.open::<Sheet<T>>(text, self.now());
        let body = opened.ok().and_then(|opened| opened.body(self.now()).ok().cloned());
        let body = body.ok_or_else(|| Box::new(self.stale()))?;
        match csrf::same_browser(body.browser(), self.cookies.browser.as_deref()) {
            Ok(()) => Ok(body),
            Err(_) => Err(Box::new(self.foreign())),
        }
    }

    /// A page whose forms may lead to `uri` in the end.
    pub(super) fn page(&self, template: &impl Template, uri: Option<&str>) -> Response<Body> {
        self.page_with(StatusCode::OK, template, uri)
    }

    pub(super) fn page_with(
        &self,
        status: StatusCode,
        template: &impl Template,
        uri: Option<&str>,
    ) -> Response<Body> {
        let page = Page::new(status);
        let page = match uri {
            Some(uri) => page.leading_to(uri),
            None => page,
        };
        self.finish(page.answer(template, &self.circumstances))
    }

    /// 303 to one of our own addresses or to a trusted one.
    pub(super) fn redirect(&self, location: &str) -> Response<Body> {
        let answer = pages::redirect(location, &self.circumstances);
        answer.map_or_else(|| self.failed(), |answer| self.finish(answer))
    }

    /// Gives a new browser its cookie.
    pub(super) fn finish(&self, mut answer: Response<Body>) -> Response<Body> {
        let cookie = (self.cookies.browser.is_none()).then(|| cookie::browser(&self.browser));
        if let Some(cookie) = cookie.flatten() {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        answer
    }

    /// A page that ends here.
    pub(super) async fn problem(&self, kind: AadSts, problem: Problem<'_>) -> Response<Body> {
        let everybody = self.server().error_pages == ErrorPages::ForEverybody;
        let full = problem.public || everybody || self.is_administrator(problem.home).await;
        let text = if full { problem.text.as_str() } else { kind.cause() };
        let (details, command) = if full {
            (problem.details.as_slice(), problem.command.as_deref())
        } else {
            (&[] as &[String], None)
        };
        let circumstances = &self.circumstances;
        let page = ProblemPage {
            title: problem.title,
            text,
            advice: problem.advice,
            details,
            command,
            code: kind.code(),
            request: &circumstances.id.to_string(),
            correlation: &circumstances.correlation.to_string(),
            time: &written(self.now().unix_seconds()),
        };
        let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::BAD_REQUEST);
        self.page_with(status, &page, None)
    }

    /// Whether somebody who administers `home` is signed in with this browser.
    async fn is_administrator(&self, home: Option<TenantId>) -> bool {
        let Some(home) = home else { return false };
        let accounts = self.accounts(Some(home)).await.unwrap_or_default();
        accounts.iter().any(|signed| !signed.account.user.roles.is_empty())
    }

    /// A page that loads `frames`.
    pub(super) fn framing(&self, template: &impl Template, frames: &[String]) -> Response<Body> {
        let page = Page::new(StatusCode::OK).framing(frames.iter().map(String::as_str));
        self.finish(page.answer(template, &self.circumstances))
    }

    /// A page that ends here and says nothing that anybody could not know.
    pub(super) fn ended(&self, kind: AadSts, title: &str, text: &str) -> Response<Body> {
        let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::BAD_REQUEST);
        self.simple(status, kind, (title, text))
    }

    fn simple(&self, status: StatusCode, kind: AadSts, words: (&str, &str)) -> Response<Body> {
        let circumstances = &self.circumstances;
        let page = ProblemPage {
            title: words.0,
            text: words.1,
            advice: None,
            details: &[],
            command: None,
            code: kind.code(),
            request: &circumstances.id.to_string(),
            correlation: &circumstances.correlation.to_string(),
            time: &written(self.now().unix_seconds()),
        };
        self.page_with(status, &page, None)
    }

    /// The flow is over or none of ours.
    pub(super) fn stale(&self) -> Response<Body> {
        let words = ("This page waited too long", "Go back to the application and sign in again.");
        self.simple(StatusCode::BAD_REQUEST, AadSts::MalformedRequest, words)
    }

    /// The form is not this browser's, or another site sent it.
    pub(super) fn foreign(&self) -> Response<Body> {
        let words = (
            "This page was not opened in this browser",
            "Nothing was done. Go back to the application and sign in again; cookies must be allowed.",
        );
        self.simple(StatusCode::FORBIDDEN, AadSts::MalformedRequest, words)
    }

    /// A request that no page of ours makes.
    pub(super) fn unreadable(&self) -> Response<Body> {
        let words = ("This address cannot be read", AadSts::MalformedRequest.cause());
        self.simple(StatusCode::BAD_REQUEST, AadSts::MalformedRequest, words)
    }

    /// Too much was asked from one address.
    pub(super) fn throttled(&self, wait: u64) -> Response<Body> {
        let words = ("Too many requests", "Wait a moment, and try again.");
        let mut answer = self.simple(StatusCode::TOO_MANY_REQUESTS, AadSts::Throttled, words);
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        answer
    }

    /// Nothing was decided.
    pub(super) fn unavailable(&self) -> Response<Body> {
        let words = ("The server is busy", "Nothing was done. Try again in a few seconds.");
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut answer = self.simple(status, AadSts::Unavailable, words);
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(2_u64));
        answer
    }

    /// Something of ours failed.
    pub(super) fn failed(&self) -> Response<Body> {
        let words = ("Something went wrong", AadSts::InternalError.cause());
        self.simple(StatusCode::INTERNAL_SERVER_ERROR, AadSts::InternalError, words)
    }
}
