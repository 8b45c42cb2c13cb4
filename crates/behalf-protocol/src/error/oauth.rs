//! The `error` member of an error answer.

/// The values of `error` (RFC 6749 5.2 and 4.1.2.1, and Entra's own). Clients branch on these; the
/// numbers of [`super::AadSts`] are diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OAuthError {
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
    /// Entra: metadata of a tenant that does not exist.
    InvalidTenant,
    /// RFC 6749 4.1.2.1: a fault of the server.
    ServerError,
    /// RFC 6749 4.1.2.1: busy or rate limited; comes with `Retry-After`.
    TemporarilyUnavailable,
    /// RFC 6749 5.2.
    UnauthorizedClient,
    /// RFC 6749 5.2.
    UnsupportedGrantType,
}

impl OAuthError {
    /// The value as written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidInstance => "invalid_instance",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidResource => "invalid_resource",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTenant => "invalid_tenant",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }
}
