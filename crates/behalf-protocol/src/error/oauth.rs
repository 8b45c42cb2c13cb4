//! The `error` member of an error answer.

/// The values of `error` (RFC 6749 5.2 and 4.1.2.1, and Entra's own). Clients branch on these; the
/// numbers of [`super::AadSts`] are diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OAuthError {
    /// RFC 6749 4.1.2.1: the user or the tenant says no.
    AccessDenied,
    /// Entra: the user declined the device.
    AuthorizationDeclined,
    /// RFC 8628 3.5: the user is not done; ask again.
    AuthorizationPending,
    /// Entra: the device code is not one of ours.
    BadVerificationCode,
    /// Entra, v1 endpoint: the device code has expired.
    CodeExpired,
    /// OIDC Core 3.1.2.6: consent is missing and may not be asked for.
    ConsentRequired,
    /// RFC 8628 3.5: the device code has expired.
    ExpiredToken,
    /// OIDC Core 3.1.2.6: the user must act and may not be asked to.
    InteractionRequired,
    /// RFC 6749 5.2: client authentication failed. The only one answered with 401.
    InvalidClient,
    /// RFC 6749 5.2.
    InvalidGrant,
    /// Entra: the host asked about by instance discovery is not this server.
    InvalidInstance,
    /// RFC 6749 5.2.
    InvalidRequest,
    /// Entra: the resource is unknown or disabled in the tenant.
    InvalidResource,
    /// RFC 6749 5.2.
    InvalidScope,
    /// RFC 8693 2.2.2: several targets, or none.
    InvalidTarget,
    /// Entra: metadata of a tenant that does not exist.
    InvalidTenant,
    /// OIDC Core 3.1.2.6: nobody is signed in and may not be asked to.
    LoginRequired,
    /// Entra, v1 admin consent: the administrator cancelled.
    PermissionDenied,
    /// OIDC Core 3.1.2.6: request objects are not read.
    RequestNotSupported,
    /// OIDC Core 3.1.2.6: request objects are not fetched.
    RequestUriNotSupported,
    /// RFC 6749 4.1.2.1: a fault of the server.
    ServerError,
    /// RFC 8628 3.5: ask less often.
    SlowDown,
    /// RFC 6749 4.1.2.1: busy or rate limited; comes with `Retry-After`.
    TemporarilyUnavailable,
    /// RFC 6749 5.2.
    UnauthorizedClient,
    /// RFC 6749 5.2.
    UnsupportedGrantType,
    /// RFC 6749 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 7009 2.2.1.
    UnsupportedTokenType,
}

impl OAuthError {
    /// The value as written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AuthorizationDeclined => "authorization_declined",
            Self::AuthorizationPending => "authorization_pending",
            Self::BadVerificationCode => "bad_verification_code",
            Self::CodeExpired => "code_expired",
            Self::ConsentRequired => "consent_required",
            Self::ExpiredToken => "expired_token",
            Self::InteractionRequired => "interaction_required",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidInstance => "invalid_instance",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidResource => "invalid_resource",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidTenant => "invalid_tenant",
            Self::LoginRequired => "login_required",
            Self::PermissionDenied => "permission_denied",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::SlowDown => "slow_down",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }
}
