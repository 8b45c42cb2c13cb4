use crate::EndpointVersion;
use crate::query::{Parameters, QueryError};

use super::{AuthorizeError, AuthorizeRequest, ResponseMode, ResponseType};

/// The longest `state`, in bytes. It is echoed byte for byte, so it must fit into what remembers
/// the request while the user signs in.
pub const MAX_STATE_BYTES: usize = 2048;

const NAMES: [&str; 24] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "resource",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "domain_hint",
    "id_token_hint",
    "claims",
    "client_info",
    "code_challenge",
    "code_challenge_method",
    "ui_locales",
    "acr_values",
    "display",
    "registration",
    "request",
    "request_uri",
    "mkt",
];

/// The parameters of an authorization or admin consent request, decoded; nothing is believed yet.
///
/// `client-request-id`, `x-client-*`, `instance_aware`, `msafed`, `haschrome` and whatever else is
/// unknown is ignored.
#[derive(Debug)]
pub struct AuthorizeParameters<'a>(Parameters<'a, 24>);

/// Who asks and where the answer should go, as sent. Nothing may be redirected before the directory
/// knows the client and the URI as its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a> {
    /// `client_id`.
    pub client_id: &'a str,
    /// `redirect_uri`. v1 may leave it out: the application's only one is meant.
    pub redirect_uri: Option<&'a str>,
}

impl<'a> AuthorizeParameters<'a> {
    /// Decodes a query string (GET) or a form (POST), the text alone without `?`.
    pub fn parse(encoded: &'a str) -> Result<Self, QueryError> {
        Parameters::parse(&NAMES, encoded).map(Self)
    }

    /// The first stage. Every error of it is a page.
    pub fn destination(&self, version: EndpointVersion) -> Result<Destination<'_>, QueryError> {
        let client_id = self.0.needed("client_id")?;
        let redirect_uri = match version {
            EndpointVersion::V1 => self.0.trusted("redirect_uri")?,
            EndpointVersion::V2 => Some(self.0.needed("redirect_uri")?),
        };
        Ok(Destination { client_id, redirect_uri })
    }

    /// The second stage: what is asked for. Its errors are redirectable.
    pub fn request(
        &self,
        version: EndpointVersion,
    ) -> Result<AuthorizeRequest<'_>, AuthorizeError> {
        AuthorizeRequest::read(self, version)
    }

    /// `state`, to be echoed. `None` when it was repeated or is longer than [`MAX_STATE_BYTES`].
    pub fn state(&self) -> Option<&str> {
        self.0.get("state").filter(|state| state.len() <= MAX_STATE_BYTES)
    }

    /// How an error of the second stage is sent: as asked, or by the default of `response_type`
    /// when that cannot be.
    pub fn error_response_mode(&self) -> ResponseMode {
        let response_type = self.0.get("response_type").unwrap_or_default();
        let response_type = ResponseType::parse(response_type).unwrap_or(ResponseType::Code);
        ResponseMode::parse(self.0.get("response_mode"), response_type)
            .or_else(|| ResponseMode::parse(None, response_type))
            .unwrap_or(ResponseMode::Query)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    pub(crate) fn repeated(&self) -> Option<&'static str> {
        self.0.repeated()
    }

    /// The same as a query that reads the same and is short, to be kept while the user signs in. An
    /// `id_token_hint` is left out: it switches nothing (AZ-19).
    pub fn kept(&self) -> String {
        self.0.kept(&["id_token_hint"])
    }

    /// Whether the client wants a language, its first wish: `ui_locales`, or Entra's `mkt`.
    pub fn locale(&self) -> Option<&str> {
        let wish = self.0.get("ui_locales").or_else(|| self.0.get("mkt"))?;
        wish.split(' ').next().filter(|locale| locale.len() <= 35)
    }
}
