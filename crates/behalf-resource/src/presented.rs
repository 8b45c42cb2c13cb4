use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use crate::server::ResourceServer;
use crate::token::ValidToken;

/// The token of a request: validated, and as it came, for calling onwards on behalf of its user.
/// Only the layer makes one.
#[derive(Clone)]
pub struct Presented {
    pub(crate) token: Arc<ValidToken>,
    bearer: Bearer,
    server: ResourceServer,
}

impl Presented {
    pub(crate) fn new(token: Arc<ValidToken>, bearer: Bearer, server: &ResourceServer) -> Self {
        Self { token, bearer, server: server.clone() }
    }

    /// The token, validated.
    pub fn token(&self) -> &ValidToken {
        &self.token
    }

    pub(crate) fn bearer(&self) -> &str {
        self.bearer.as_str()
    }

    pub(crate) fn authorization_uri(&self) -> &str {
        self.server.authorization_uri()
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("token", &self.token).finish_non_exhaustive()
    }
}

/// A bearer token inside the header it came in: cheap to keep, and without a `Debug`.
#[derive(Clone)]
pub(crate) struct Bearer {
    header: HeaderValue,
    start: usize,
}

impl Bearer {
    /// The part of `header` from `start` on; the header is ASCII.
    pub(crate) const fn new(header: HeaderValue, start: usize) -> Self {
        Self { header, start }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.header.to_str().ok().and_then(|text| text.get(self.start..)).unwrap_or_default()
    }
}
