//! The userinfo endpoint (OIDC Core 5.3): a protected resource, so it refuses by RFC 6750.

use serde::Serialize;

/// Claims about the user whose access token was presented.
#[derive(Debug, Clone, Serialize)]
pub struct UserInfo<'a> {
    /// The `sub` of the client's ID tokens: pairwise for the client the access token was issued to.
    pub sub: &'a str,
    /// The name for people, with `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// Surname, with `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<&'a str>,
    /// First name, with `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<&'a str>,
    /// The sign-in name, with `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<&'a str>,
    /// The address, with `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
}

/// Why userinfo is refused (RFC 6750 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserInfoRefusal {
    /// No token was sent, so no error is named.
    #[error("Send an access token in the Authorization header.")]
    NoToken,
    /// The token is malformed, expired, revoked, or not for userinfo.
    #[error("The access token is not valid here.")]
    InvalidToken,
    /// The token has no scope `openid`.
    #[error("The access token was issued without the scope openid.")]
    InsufficientScope,
    /// More than one token was sent (RFC 6750 2).
    #[error("Send one access token, and in one place: the Authorization header.")]
    SeveralTokens,
}

impl UserInfoRefusal {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::NoToken | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::SeveralTokens => 400,
        }
    }

    /// `error`, where one is named.
    pub const fn error(self) -> Option<&'static str> {
        match self {
            Self::NoToken => None,
            Self::InvalidToken => Some("invalid_token"),
            Self::InsufficientScope => Some("insufficient_scope"),
            Self::SeveralTokens => Some("invalid_request"),
        }
    }

    /// The value of `WWW-Authenticate`.
    pub const fn www_authenticate(self) -> &'static str {
        match self {
            Self::NoToken => "Bearer",
            Self::InvalidToken => {
                r#"Bearer error="invalid_token", error_description="The access token is not valid here.""#
            }
            Self::InsufficientScope => r#"Bearer error="insufficient_scope", scope="openid""#,
            Self::SeveralTokens => r#"Bearer error="invalid_request""#,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_scopes_open_is_told() {
        let mut info = UserInfo {
            sub: "pairwise",
            name: None,
            family_name: None,
            given_name: None,
            preferred_username: None,
            email: None,
        };
        assert_eq!(serde_json::to_string(&info).unwrap(), r#"{"sub":"pairwise"}"#);
        info.name = Some("Ada");
        info.email = Some("ada@acme.test");
        assert_eq!(
            serde_json::to_string(&info).unwrap(),
            r#"{"sub":"pairwise","name":"Ada","email":"ada@acme.test"}"#
        );
    }

    #[test]
    fn an_error_is_named_only_to_who_sent_a_token() {
        for (refusal, status, error) in [
            (UserInfoRefusal::NoToken, 401, None),
            (UserInfoRefusal::InvalidToken, 401, Some(r#"error="invalid_token""#)),
            (UserInfoRefusal::InsufficientScope, 403, Some(r#"error="insufficient_scope""#)),
            (UserInfoRefusal::SeveralTokens, 400, Some(r#"error="invalid_request""#)),
        ] {
            let header = refusal.www_authenticate();
            assert_eq!(refusal.status(), status);
            assert_eq!(header.contains("error="), error.is_some(), "{header}");
            assert!(header.contains(refusal.error().unwrap_or_default()));
            assert!(header.starts_with("Bearer") && header.contains(error.unwrap_or_default()));
        }
    }
}
