use crate::EndpointVersion;
use crate::error::AadSts;
use crate::pkce::{CodeVerifier, PkceError};
use crate::token::SecretText;

use super::{RequestedPermissions, RequestedScopes, TargetError, TokenForm};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Why the parameters of a grant cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantParameterError {
    /// A parameter that the grant needs is missing or empty.
    #[error("The parameter {name} is missing or empty. Add it to the body of the request.")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// `requested_token_use` is missing or is not `on_behalf_of`.
    #[error(
        "The parameter requested_token_use is missing or has another value than on_behalf_of. Send \
         requested_token_use=on_behalf_of with the assertion."
    )]
    TokenUse,
    /// A token type that is not served, such as SAML, an ID token or a refresh token.
    #[error(
        "The value of {name} is not supported. Expected \
         urn:ietf:params:oauth:token-type:access_token."
    )]
    TokenType {
        /// The parameter.
        name: &'static str,
    },
    /// An actor beside the authenticated client, which is the only actor.
    #[error(
        "The parameter actor_token is not supported: the actor is the client that is authenticated. \
         Leave it out."
    )]
    ActorToken,
    /// Not exactly one of `resource`, `audience` and scopes of one resource (RFC 8693 2.2.2).
    #[error(
        "The request must name exactly one target. Send one of: resource, audience, or a scope of \
         one resource."
    )]
    Target,
    /// The scope cannot be read.
    #[error(transparent)]
    Scope(TargetError),
    /// The `code_verifier` cannot be one.
    #[error(transparent)]
    Verifier(PkceError),
}

impl GrantParameterError {
    /// The catalogue's row.
    pub const fn aadsts(self) -> AadSts {
        match self {
            Self::Missing { .. } | Self::TokenUse => AadSts::MissingParameter,
            Self::TokenType { .. } | Self::ActorToken => AadSts::InvalidParameter,
            Self::Target => AadSts::SeveralTargets,
            Self::Scope(error) => error.aadsts(),
            Self::Verifier(error) => error.aadsts(),
        }
    }
}

type Parsed<T> = Result<T, GrantParameterError>;

fn needed<'a, T>(value: Option<&'a T>, name: &'static str) -> Parsed<&'a T> {
    value.ok_or(GrantParameterError::Missing { name })
}

/// What `authorization_code` presents (RFC 6749 4.1.3, RFC 7636 4.5).
#[derive(Debug)]
pub struct AuthorizationCodeRequest<'a> {
    /// The code.
    pub code: &'a SecretText<'a>,
    /// Where the code was sent; absent when the authorization request had none either.
    pub redirect_uri: Option<&'a str>,
    /// The answer to the code's challenge.
    pub code_verifier: Option<CodeVerifier<'a>>,
}

impl<'a> AuthorizationCodeRequest<'a> {
    /// Reads them; nothing is verified.
    pub fn of(form: &'a TokenForm<'a>) -> Parsed<Self> {
        let verifier = form.code_verifier.as_ref().map(CodeVerifier::parse).transpose();
        Ok(Self {
            code: needed(form.code.as_ref(), "code")?,
            redirect_uri: form.redirect_uri.as_deref(),
            code_verifier: verifier.map_err(GrantParameterError::Verifier)?,
        })
    }
}

/// What `refresh_token` presents (RFC 6749 6).
#[derive(Debug, Clone, Copy)]
pub struct RefreshTokenRequest<'a> {
    /// The refresh token.
    pub refresh_token: &'a SecretText<'a>,
}

impl<'a> RefreshTokenRequest<'a> {
    /// Reads it; nothing is verified.
    pub fn of(form: &'a TokenForm<'a>) -> Parsed<Self> {
        Ok(Self { refresh_token: needed(form.refresh_token.as_ref(), "refresh_token")? })
    }
}

/// What on-behalf-of presents: Entra's profile of the `jwt-bearer` grant.
#[derive(Debug, Clone, Copy)]
pub struct OnBehalfOfRequest<'a> {
    /// The access token that the caller received.
    pub assertion: &'a SecretText<'a>,
}

impl<'a> OnBehalfOfRequest<'a> {
    /// Reads it; nothing is verified. `requested_token_type` may ask for an access token only.
    pub fn of(form: &'a TokenForm<'a>) -> Parsed<Self> {
        let assertion = needed(form.assertion.as_ref(), "assertion")?;
        if form.requested_token_use.as_deref() != Some("on_behalf_of") {
            return Err(GrantParameterError::TokenUse);
        }
        access_token(form.requested_token_type.as_deref(), "requested_token_type")?;
        Ok(Self { assertion })
    }
}

/// What a polling device presents (RFC 8628 3.4).
#[derive(Debug, Clone, Copy)]
pub struct DeviceCodeRequest<'a> {
    /// The device code.
    pub device_code: &'a SecretText<'a>,
    /// Whether the client is an MSAL by its form, which must not be told to slow down.
    pub msal_telemetry: bool,
}

impl<'a> DeviceCodeRequest<'a> {
    /// Reads `device_code`, or `code`, where ADAL sends it; MSAL Python sends both.
    pub fn of(form: &'a TokenForm<'a>) -> Parsed<Self> {
        let sent = form.device_code.as_ref().or(form.code.as_ref());
        let device_code = needed(sent, "device_code")?;
        Ok(Self { device_code, msal_telemetry: form.msal_telemetry })
    }
}

/// What the password grant presents (RFC 6749 4.3.2).
#[derive(Debug, Clone, Copy)]
pub struct PasswordRequest<'a> {
    /// The user principal name, as typed.
    pub username: &'a str,
    /// The password; blanks at its ends are part of it.
    pub password: &'a SecretText<'a>,
}

impl<'a> PasswordRequest<'a> {
    /// Reads them; nothing is verified.
    pub fn of(form: &'a TokenForm<'a>) -> Parsed<Self> {
        Ok(Self {
            username: needed(form.username.as_ref(), "username")?,
            password: needed(form.password.as_ref(), "password")?,
        })
    }
}

/// What token exchange presents (RFC 8693 2.1), as far as it is the twin of on-behalf-of: an access
/// token for the caller, exchanged for an access token of one target.
#[derive(Debug)]
pub struct TokenExchangeRequest<'a> {
    /// The access token that the caller received.
    pub subject_token: &'a SecretText<'a>,
    /// The target. `resource` is allowed on v2.0 for this grant.
    pub scopes: RequestedScopes<'a>,
}

impl<'a> TokenExchangeRequest<'a> {
    /// The `issued_token_type` of the answer (RFC 8693 2.2.1).
    pub const ISSUED_TOKEN_TYPE: &'static str = ACCESS_TOKEN;

    /// Reads it; nothing is verified.
    pub fn of(form: &'a TokenForm<'a>) -> Parsed<Self> {
        let subject_token = needed(form.subject_token.as_ref(), "subject_token")?;
        let kind = needed(form.subject_token_type.as_ref(), "subject_token_type")?;
        access_token(Some(kind), "subject_token_type")?;
        access_token(form.requested_token_type.as_deref(), "requested_token_type")?;
        if form.actor_token.is_some() || form.actor_token_type.is_some() {
            return Err(GrantParameterError::ActorToken);
        }
        Ok(Self { subject_token, scopes: exchange_target(form)? })
    }
}

fn exchange_target<'a>(form: &'a TokenForm<'a>) -> Parsed<RequestedScopes<'a>> {
    let scoped = form.scope.as_deref().map(RequestedScopes::of_list).transpose();
    let scoped = scoped.map_err(GrantParameterError::Scope)?;
    let (oidc, scoped) = match scoped {
        Some(scoped) if names_no_resource(&scoped) => (scoped.oidc, None),
        Some(scoped) => (scoped.oidc, Some(scoped)),
        None => Default::default(),
    };
    match (form.resource.as_deref(), form.audience.as_deref(), scoped) {
        (None, None, Some(scoped)) if scoped.resources.len() == 1 => Ok(scoped),
        (Some(target), None, None) | (None, Some(target), None) => {
            let target =
                RequestedScopes::of_resource(target).map_err(GrantParameterError::Scope)?;
            Ok(RequestedScopes { oidc, ..target })
        }
        _ => Err(GrantParameterError::Target),
    }
}

/// Scopes of OpenID Connect alone say nothing about the target here.
fn names_no_resource(scopes: &RequestedScopes<'_>) -> bool {
    let nothing = RequestedPermissions::Named(Vec::new());
    scopes.resources.iter().all(|asked| asked.permissions == nothing)
}

fn access_token(kind: Option<&str>, name: &'static str) -> Parsed<()> {
    match kind {
        None | Some(ACCESS_TOKEN | JWT) => Ok(()),
        Some(_) => Err(GrantParameterError::TokenType { name }),
    }
}

impl<'a> RequestedScopes<'a> {
    /// The target of a request that may leave it out, because a code or a refresh token remembers
    /// one: `None` when neither `resource` nor `scope` is there.
    pub fn optional(
        version: EndpointVersion,
        resource: Option<&'a str>,
        scope: Option<&'a str>,
    ) -> Result<Option<Self>, TargetError> {
        match (resource, scope) {
            (None, None) => Ok(None),
            _ => Self::parse(version, resource, scope).map(Some),
        }
    }
}

#[cfg(test)]
mod tests;
