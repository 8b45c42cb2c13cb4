use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::response::{IntoResponse as _, Response};
use futures_util::future::Either as EitherFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request};
use tower::{Layer, Service};

use crate::challenge::AuthError;
use crate::guard::Guard;
use crate::presented::{Bearer, Presented};
use crate::server::ResourceServer;
use crate::validate::Refusal;

/// Puts the outcome of validation before the handlers. Made by
/// [`ResourceServer::layer`](crate::ResourceServer::layer).
#[derive(Debug, Clone)]
#[must_use]
pub struct ResourceLayer {
    server: ResourceServer,
    deny_by_default: bool,
}

impl ResourceLayer {
    pub(crate) const fn new(server: ResourceServer) -> Self {
        Self { server, deny_by_default: false }
    }

    /// Refuses requests without a valid token before any handler runs, on every path, and withholds
    /// the answer of a handler whose signature has no guard (403), so that forgetting one shows at
    /// the first call.
    ///
    /// That handler has run by then: axum's router does not tell what a handler asks for until it
    /// does. [`GuardedRouter`](crate::routing::GuardedRouter) knows at compile time; there, a
    /// forgotten guard has no effects at all.
    pub const fn deny_by_default(mut self) -> Self {
        self.deny_by_default = true;
        self
    }
}

impl<S> Layer<S> for ResourceLayer {
    type Service = ResourceService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ResourceService { layer: self.clone(), inner }
    }
}

/// The service that [`ResourceLayer`] makes.
#[derive(Debug, Clone)]
pub struct ResourceService<S> {
    layer: ResourceLayer,
    inner: S,
}

/// What the layer found out about a request; kept in its extensions for the guards.
#[derive(Clone)]
pub(crate) struct Authentication {
    outcome: Result<Presented, AuthError>,
    /// Set when a guard looked at the token; only where the layer wants to know.
    guarded: Option<Arc<AtomicBool>>,
}

impl Authentication {
    /// Lets a guard decide.
    pub(crate) fn authorize<G: Guard>(&self) -> Result<G, AuthError> {
        if let Some(guarded) = &self.guarded {
            guarded.store(true, Ordering::Relaxed);
        }
        G::check(self.outcome.clone()?).map_err(AuthError::Forbidden)
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S, B> Service<Request<B>> for ResourceService<S>
where
    S: Service<Request<B>, Response = Response> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = EitherFuture<S::Future, BoxFuture<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The clone takes the place of the service that `poll_ready` has prepared.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let ResourceLayer { server, deny_by_default } = &self.layer;
        let known = match bearer(request.headers()) {
            Ok(Some((text, bearer))) => {
                server.remembered(text).map(|token| Ok(Presented::new(token, bearer, server)))
            }
            Ok(None) => Some(Err(AuthError::NoToken(server.directions()))),
            Err(error) => Some(Err(error)),
        };
        match known {
            // The usual case makes no future of its own.
            Some(outcome) if !deny_by_default => {
                request.extensions_mut().insert(Authentication { outcome, guarded: None });
                EitherFuture::Left(inner.call(request))
            }
            known => {
                let (server, deny_by_default) = (server.clone(), *deny_by_default);
                EitherFuture::Right(Box::pin(async move {
                    let outcome = match known {
                        Some(outcome) => outcome,
                        None => validate(&server, request.headers()).await,
                    };
                    if !deny_by_default {
                        request.extensions_mut().insert(Authentication { outcome, guarded: None });
                        return inner.call(request).await;
                    }
                    if let Err(error) = outcome {
                        return Ok(error.into_response());
                    }
                    let guarded = Arc::new(AtomicBool::new(false));
                    request
                        .extensions_mut()
                        .insert(Authentication { outcome, guarded: Some(Arc::clone(&guarded)) });
                    let response = inner.call(request).await?;
                    if guarded.load(Ordering::Relaxed) {
                        Ok(response)
                    } else {
                        Ok(AuthError::Unguarded.into_response())
                    }
                }))
            }
        }
    }
}

async fn validate(server: &ResourceServer, headers: &HeaderMap) -> Result<Presented, AuthError> {
    let refused = |refusal| AuthError::Token { refusal, directions: server.directions() };
    match bearer(headers)? {
        Some((text, bearer)) => {
            let token = server.validate(text).await.map_err(refused)?;
            Ok(Presented::new(token, bearer, server))
        }
        None => Err(refused(Refusal::Malformed)),
    }
}

/// The bearer token of the `Authorization` header, the only place that is looked at (RFC 6750
/// section 2.1). Other schemes count as no token.
fn bearer(headers: &HeaderMap) -> Result<Option<(&str, Bearer)>, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(AuthError::Header);
    }
    let text = value.to_str().map_err(|_| AuthError::Header)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Ok(None);
    }
    let token = token.trim_start_matches(' ');
    if token.is_empty() {
        return Err(AuthError::Header);
    }
    Ok(Some((token, Bearer::new(value.clone(), text.len() - token.len()))))
}
