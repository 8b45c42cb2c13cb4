use std::str::FromStr;

/// A grant this version serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantType {
    /// RFC 6749 4.4.
    ClientCredentials,
}

/// A `grant_type` that is not served: 70003 `unsupported_grant_type`. The value is not kept, so it
/// cannot be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The grant_type is not one that this server knows. Use client_credentials.")]
pub struct UnsupportedGrantType;

impl GrantType {
    /// The value as written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
        }
    }
}

impl FromStr for GrantType {
    type Err = UnsupportedGrantType;

    /// Exact and case-sensitive, as every OAuth value.
    fn from_str(text: &str) -> Result<Self, UnsupportedGrantType> {
        match text {
            "client_credentials" => Ok(Self::ClientCredentials),
            _ => Err(UnsupportedGrantType),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_spelling_only() {
        assert_eq!(GrantType::ClientCredentials.as_str().parse(), Ok(GrantType::ClientCredentials));
        let long = "x".repeat(10_000);
        for other in ["password", "Client_Credentials", "client_credentials ", "", &long] {
            assert_eq!(other.parse::<GrantType>(), Err(UnsupportedGrantType));
        }
    }
}
