//! What is sent to the token endpoint: grants as forms.

use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::retry::Repeat;
use crate::scopes::Scopes;
use crate::secret::Secret;

/// What is asked for, and with what right.
#[derive(Debug)]
pub(crate) enum Grant {
    /// RFC 6749 section 4.4.
    ClientCredentials { scopes: Scopes },
    /// The same on the v1 endpoint, which takes a resource.
    ClientCredentialsV1 { resource: String },
    /// The platform's on-behalf-of: the profile of RFC 7523 with `requested_token_use`.
    OnBehalfOf { assertion: Secret, scopes: Scopes },
    /// RFC 6749 section 4.1.3 with PKCE (RFC 7636 section 4.5).
    AuthorizationCode { code: Secret, redirect_uri: String, verifier: Secret, scopes: Scopes },
    /// RFC 6749 section 6.
    RefreshToken { refresh_token: Secret, scopes: Scopes },
    /// RFC 8628 section 3.4.
    DeviceCode { device_code: Secret },
}

/// What a user's request asks for besides: who they are, and a refresh token.
pub(crate) const SIGN_IN_SCOPES: &[&str] = &["offline_access", "openid", "profile"];

impl Grant {
    pub(crate) fn repeat(&self) -> Repeat {
        match self {
            Self::ClientCredentials { .. }
            | Self::ClientCredentialsV1 { .. }
            | Self::OnBehalfOf { .. } => Repeat::Safe,
            // A code or a rotated token that arrives twice looks stolen, and all it gave is revoked.
            Self::AuthorizationCode { .. }
            | Self::RefreshToken { .. }
            | Self::DeviceCode { .. } => Repeat::IfUnsent,
        }
    }

    /// Whether it is for the v1 endpoint.
    pub(crate) const fn is_v1(&self) -> bool {
        matches!(self, Self::ClientCredentialsV1 { .. })
    }

    /// The parameters of this grant, without the client's.
    pub(crate) fn write(&self, form: &mut Form) {
        match self {
            Self::ClientCredentials { scopes } => {
                form.add("grant_type", "client_credentials");
                form.add("scope", scopes.to_string());
            }
            Self::ClientCredentialsV1 { resource } => {
                form.add("grant_type", "client_credentials");
                form.add("resource", resource);
            }
            Self::OnBehalfOf { assertion, scopes } => {
                form.add("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                form.add("requested_token_use", "on_behalf_of");
                form.add("scope", scopes.to_string());
                form.add_secret("assertion", assertion.clone());
            }
            Self::AuthorizationCode { code, redirect_uri, verifier, scopes } => {
                form.add("grant_type", "authorization_code");
                form.add("client_info", "1");
                form.add("redirect_uri", redirect_uri);
                form.add("scope", scopes.with(SIGN_IN_SCOPES).to_string());
                form.add_secret("code", code.clone());
                form.add_secret("code_verifier", verifier.clone());
            }
            Self::RefreshToken { refresh_token, scopes } => {
                form.add("grant_type", "refresh_token");
                form.add("client_info", "1");
                form.add("scope", scopes.with(SIGN_IN_SCOPES).to_string());
                form.add_secret("refresh_token", refresh_token.clone());
            }
            Self::DeviceCode { device_code } => {
                form.add("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
                form.add("client_info", "1");
                form.add_secret("device_code", device_code.clone());
            }
        }
    }
}

/// A form with values that must not be shown.
#[derive(Default)]
pub(crate) struct Form {
    fields: Vec<(&'static str, Secret)>,
    secrets: Vec<Secret>,
}

impl Form {
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<String>) {
        self.fields.push((name, Secret::from(value)));
    }

    /// Adds a value that no error text may repeat.
    pub(crate) fn add_secret(&mut self, name: &'static str, value: Secret) {
        self.secrets.push(value.clone());
        self.fields.push((name, value));
    }

    pub(crate) fn secrets(&self) -> Vec<&str> {
        self.secrets.iter().map(Secret::expose).collect()
    }

    /// As `application/x-www-form-urlencoded`.
    pub(crate) fn encode(&self) -> Zeroizing<String> {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(self.fields.iter().map(|(name, value)| (name, value.expose())));
        Zeroizing::new(form.finish())
    }
}
