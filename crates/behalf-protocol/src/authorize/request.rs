use crate::claims_request::{ClaimsRequest, ClaimsRequestError};
use crate::error::AadSts;
use crate::pkce::{CodeChallenge, PkceError};
use crate::token::request::{RequestedScopes, TargetError};
use crate::{ClientInfo, EndpointVersion};

use super::{AuthorizeParameters, MAX_STATE_BYTES, Prompts, ResponseMode, ResponseType};

/// What an authorization request asks for, every value checked for form and size.
#[derive(Debug)]
pub struct AuthorizeRequest<'a> {
    /// What comes back.
    pub response_type: ResponseType,
    /// How it comes back.
    pub response_mode: ResponseMode,
    /// `scope` and `resource` understood. Several resources are allowed: consent may be asked for
    /// all, the code is redeemed for one. On v1 there may be none yet.
    pub scopes: RequestedScopes<'a>,
    /// `scope` as sent.
    pub scope: Option<&'a str>,
    /// `resource` as sent; the token request may repeat it and must then agree.
    pub resource: Option<&'a str>,
    /// `state`, to be echoed.
    pub state: Option<&'a str>,
    /// `nonce`, of the ID token.
    pub nonce: Option<&'a str>,
    /// What to ask the user.
    pub prompts: Prompts,
    /// The greatest age of the sign-in, in seconds; 0 asks for a new one.
    pub max_age: Option<u32>,
    /// Which account is meant. Shown to nobody but as escaped text.
    pub login_hint: Option<&'a str>,
    /// Which tenant's accounts are meant.
    pub domain_hint: Option<&'a str>,
    /// An ID token of the account that is meant; unverified.
    pub id_token_hint: Option<&'a str>,
    /// The claims request.
    pub claims: ClaimsRequest,
    /// The PKCE challenge.
    pub challenge: Option<CodeChallenge>,
    /// Whether the answer should carry `client_info`.
    pub client_info: bool,
}

/// Why the second stage fails. Each is sent to the redirect URI, which is trusted by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// A parameter appears twice (RFC 6749 3.1).
    #[error("The parameter {name} appears more than once. Send it once.")]
    Repeated {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter that is needed is missing or empty.
    #[error("The parameter {name} is missing or empty. Add it to the authorization request.")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter is longer than is read.
    #[error("The parameter {name} is longer than {limit} bytes. Send a shorter value.")]
    TooLong {
        /// The parameter.
        name: &'static str,
        /// The most bytes read.
        limit: usize,
    },
    /// `prompt` holds an unknown value, or `none` beside another.
    #[error(
        "The value of prompt is not supported. Expected none alone, or any of login, consent, \
         select_account (v1 also admin_consent)."
    )]
    Prompt,
    /// `max_age` is not a number of seconds.
    #[error("The value of max_age is not a whole number of seconds, 0 or more.")]
    MaxAge,
    /// `request`, a request object (OIDC Core 6).
    #[error("The parameter request is not supported. Send the parameters themselves.")]
    RequestObject,
    /// `request_uri`, the address of one. Nothing is ever fetched from it.
    #[error("The parameter request_uri is not supported. Send the parameters themselves.")]
    RequestUri,
    /// An unknown `response_type`.
    #[error("The response_type is not one that this server knows. Use response_type=code.")]
    ResponseType,
    /// An unknown `response_mode`, or tokens in a query.
    #[error(
        "The response_mode is unknown or does not go with the response_type. Use query, fragment \
         or form_post; with id_token not query."
    )]
    ResponseMode,
    /// The scope or the resource cannot be read.
    #[error(transparent)]
    Scope(TargetError),
    /// The PKCE challenge cannot be one.
    #[error(transparent)]
    Challenge(PkceError),
    /// The claims request cannot be read.
    #[error(transparent)]
    Claims(ClaimsRequestError),
}

impl AuthorizeError {
    /// The catalogue's row.
    pub const fn aadsts(self) -> AadSts {
        match self {
            Self::Repeated { .. } => AadSts::RepeatedParameter,
            Self::Missing { .. } => AadSts::MissingParameter,
            Self::TooLong { .. } => AadSts::QueryTooLong,
            Self::Prompt | Self::MaxAge => AadSts::InvalidParameter,
            Self::RequestObject => AadSts::RequestObjectNotSupported,
            Self::RequestUri => AadSts::RequestUriNotSupported,
            Self::ResponseType => AadSts::ResponseTypeUnknown,
            Self::ResponseMode => AadSts::ResponseModeInvalid,
            Self::Scope(error) => error.aadsts(),
            Self::Challenge(error) => error.aadsts(),
            Self::Claims(error) => error.aadsts(),
        }
    }
}

/// Texts that are kept or echoed, with the most bytes of each.
const LIMITS: [(&str, usize); 5] = [
    ("state", MAX_STATE_BYTES),
    ("nonce", 512),
    ("login_hint", 512),
    ("domain_hint", 253),
    ("id_token_hint", 8192),
];

impl<'a> AuthorizeRequest<'a> {
    pub(super) fn read(
        parameters: &'a AuthorizeParameters<'_>,
        version: EndpointVersion,
    ) -> Result<Self, AuthorizeError> {
        if let Some(name) = parameters.repeated() {
            return Err(AuthorizeError::Repeated { name });
        }
        let get = |name| parameters.get(name);
        for (name, limit) in LIMITS {
            if get(name).is_some_and(|value| value.len() > limit) {
                return Err(AuthorizeError::TooLong { name, limit });
            }
        }
        if get("request").is_some() {
            return Err(AuthorizeError::RequestObject);
        }
        if get("request_uri").is_some() {
            return Err(AuthorizeError::RequestUri);
        }
        let response_type = get("response_type");
        let response_type =
            response_type.ok_or(AuthorizeError::Missing { name: "response_type" })?;
        let response_type =
            ResponseType::parse(response_type).ok_or(AuthorizeError::ResponseType)?;
        let response_mode = ResponseMode::parse(get("response_mode"), response_type)
            .ok_or(AuthorizeError::ResponseMode)?;
        if response_type.has_id_token() && get("nonce").is_none() {
            return Err(AuthorizeError::Missing { name: "nonce" });
        }
        let (scope, resource) = (get("scope"), get("resource"));
        Ok(Self {
            response_type,
            response_mode,
            scopes: RequestedScopes::parse(version, resource, scope)
                .map_err(AuthorizeError::Scope)?,
            scope,
            resource,
            state: get("state"),
            nonce: get("nonce"),
            prompts: Prompts::parse(version, get("prompt").unwrap_or_default())
                .ok_or(AuthorizeError::Prompt)?,
            max_age: get("max_age").map(max_age).transpose()?,
            login_hint: get("login_hint"),
            domain_hint: get("domain_hint"),
            id_token_hint: get("id_token_hint"),
            claims: get("claims")
                .map_or_else(|| Ok(ClaimsRequest::default()), ClaimsRequest::parse)
                .map_err(AuthorizeError::Claims)?,
            challenge: CodeChallenge::parse(get("code_challenge"), get("code_challenge_method"))
                .map_err(AuthorizeError::Challenge)?,
            client_info: ClientInfo::requested(get("client_info")),
        })
    }
}

/// Digits only; more seconds than a `u32` holds are as good as no limit.
fn max_age(text: &str) -> Result<u32, AuthorizeError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AuthorizeError::MaxAge);
    }
    Ok(text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
