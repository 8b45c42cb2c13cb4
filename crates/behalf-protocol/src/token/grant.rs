use std::str::FromStr;

/// A grant, by which a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantType {
    /// RFC 6749 4.4.
    ClientCredentials,
    /// RFC 6749 4.1.3.
    AuthorizationCode,
    /// RFC 6749 6.
    RefreshToken,
    /// The `jwt-bearer` grant of RFC 7523 with `requested_token_use=on_behalf_of`: Entra's private
    /// profile, in which the assertion is an access token for the caller.
    OnBehalfOf,
    /// RFC 8628 3.4. Clients name it by its URN or by `device_code`.
    DeviceCode,
    /// RFC 6749 4.3.
    Password,
    /// RFC 8693.
    TokenExchange,
}

/// A `grant_type` that nobody serves: 70003 `unsupported_grant_type`. The value is not kept, so it
/// cannot be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "The grant_type is not supported. Expected client_credentials, authorization_code, refresh_token, \
     urn:ietf:params:oauth:grant-type:jwt-bearer, urn:ietf:params:oauth:grant-type:token-exchange, \
     urn:ietf:params:oauth:grant-type:device_code or device_code, or, where it is allowed, password."
)]
pub struct UnsupportedGrantType;

impl GrantType {
    /// Every grant.
    pub const ALL: [Self; 7] = [
        Self::ClientCredentials,
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::OnBehalfOf,
        Self::DeviceCode,
        Self::Password,
        Self::TokenExchange,
    ];

    /// The value as the specification writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::OnBehalfOf => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::Password => "password",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }
}

impl FromStr for GrantType {
    type Err = UnsupportedGrantType;

    /// Exact and case-sensitive, as every OAuth value. `device_code` is what all MSALs but
    /// Python's write instead of the URN.
    fn from_str(text: &str) -> Result<Self, UnsupportedGrantType> {
        match text {
            "device_code" => Ok(Self::DeviceCode),
            _ => Self::ALL
                .into_iter()
                .find(|grant| grant.as_str() == text)
                .ok_or(UnsupportedGrantType),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_by_its_own_name() {
        for grant in GrantType::ALL {
            assert_eq!(grant.as_str().parse(), Ok(grant));
        }
        assert_eq!("device_code".parse(), Ok(GrantType::DeviceCode));
    }

    #[test]
    fn the_refusal_names_each_that_is_served() {
        let text = UnsupportedGrantType.to_string();
        for grant in GrantType::ALL {
            assert!(text.contains(grant.as_str()), "{grant:?}");
        }
    }

    #[test]
    fn knows_these_spellings_only() {
        let long = "x".repeat(10_000);
        for other in [
            "implicit",
            "jwt-bearer",
            "on_behalf_of",
            "Client_Credentials",
            "client_credentials ",
            "urn:ietf:params:oauth:grant-type:saml2-bearer",
            "",
            &long,
        ] {
            assert_eq!(other.parse::<GrantType>(), Err(UnsupportedGrantType));
        }
    }
}
