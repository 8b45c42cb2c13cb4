//! Requests of HTTP/2 connections, which the guard below TLS cannot tell from one another: each
//! has its own time, and the connection is told that it carries many.

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
use http::{Request, Response, StatusCode, Version};
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
            return Either::Left(self.inner.call(request));
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
