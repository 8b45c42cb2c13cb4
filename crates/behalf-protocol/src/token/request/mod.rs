//! A token request, parsed: [`TokenForm`] (the body), [`BasicCredentials`] (the header),
//! [`PresentedClient`] (who asks, and by which method), what each grant presents
//! ([`OnBehalfOfRequest`] …), [`ResourceIdentifier`] and [`RequestedScopes`] (for what).
//!
//! Every error here knows its row of the catalogue (`aadsts()`), and its text says what was found,
//! what was expected and what to do, repeating nothing of the request.

mod authentication;
mod basic;
mod form;
mod grants;
mod scopes;
mod target;

pub use authentication::{
    CLIENT_ASSERTION_TYPE, ClientAuthentication, ClientAuthenticationError, PresentedClient,
    SecretTransport,
};
pub use basic::{BasicCredentials, BasicError};
pub use form::{FormError, MAX_BODY_BYTES, MAX_FIELDS, TokenForm};
pub use grants::{
    AuthorizationCodeRequest, DeviceCodeRequest, GrantParameterError, OnBehalfOfRequest,
    PasswordRequest, RefreshTokenRequest, TokenExchangeRequest,
};
pub use scopes::{OidcScopes, RequestedPermissions, RequestedResource, RequestedScopes};
pub use target::{
    MAX_RESOURCE_BYTES, MAX_SCOPE_BYTES, MAX_SCOPES, RequestedAccess, ResourceIdentifier,
    TargetError,
};
