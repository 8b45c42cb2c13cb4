//! What is done to each request before the router sees it.
//!
//! Requests of HTTP/2 connections, which the guard below TLS cannot tell from one another, have
//! their own time each, and the connection is told that it carries many. HTTP/1.1 requests whose
//! end two parties could see in different places are refused, or are the last of their connection.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use futures_util::future::Either;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use tower::Service;

use super::guard::Connection;

/// A connection's service, with the time that one HTTP/2 request may take.
#[derive(Debug, Clone)]
pub(super) struct Timed<S> {
    pub(super) inner: S,
    pub(super) connection: Arc<Connection>,
    pub(super) request: Duration,
}

type Boxed = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<S> Service<Request<Incoming>> for Timed<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Boxed>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        if request.version() != Version::HTTP_2 {
            // One request at a time: the guard times the connection.
            return match Framing::of(request.headers()) {
                Framing::Plain => Either::Left(self.inner.call(request)),
                Framing::Chunked => {
                    let answer = self.inner.call(request);
                    Either::Right(Box::pin(async move { answer.await.map(the_last) }))
                }
                Framing::Unclear => {
                    let mut refused = Response::new(Body::empty());
                    *refused.status_mut() = StatusCode::BAD_REQUEST;
                    Either::Right(Box::pin(std::future::ready(Ok(the_last(refused)))))
                }
            };
        }
        self.connection.carries_many();
        let answer = tokio::time::timeout(self.request, self.inner.call(request));
        Either::Right(Box::pin(async move {
            answer.await.unwrap_or_else(|_| {
                let mut late = Response::new(Body::empty());
                *late.status_mut() = StatusCode::REQUEST_TIMEOUT;
                Ok(late)
            })
        }))
    }
}

/// How an HTTP/1.1 request says where it ends and whom it is for (RFC 9112 3.2, 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// By its length, or it has no body.
    Plain,
    /// By chunks. Whether a length was sent too is not known here, since it is dropped when the
    /// head is read; so nothing that follows on the connection may count as a request.
    Chunked,
    /// By an encoding besides `chunked`, or it has two hosts.
    Unclear,
}

impl Framing {
    fn of(headers: &HeaderMap) -> Self {
        if headers.get_all(header::HOST).iter().nth(1).is_some() {
            return Self::Unclear;
        }
        let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
        match (encodings.next(), encodings.next()) {
            (None, _) => Self::Plain,
            (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Self::Chunked,
            _ => Self::Unclear,
        }
    }
}

/// Closes the connection after this answer.
fn the_last(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
