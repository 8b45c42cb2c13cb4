/// Which of the two token endpoints (or metadata documents) was asked.
///
/// It changes the spelling of requests and answers only; the format of an access token is
/// the resource's choice
/// ([`crate::claims::v1`], [`crate::claims::v2`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointVersion {
    /// `/{tenant}/oauth2/token`: `resource`, and every value of the answer a string.
    V1,
    /// `/{tenant}/oauth2/v2.0/token`: `scope`, and numbers in the answer.
    V2,
}

impl EndpointVersion {
    /// The version of an issuer, which its suffix tells: `…/v2.0` is v2.
    pub fn of_issuer(issuer: &str) -> Self {
        if issuer.ends_with("/v2.0") { Self::V2 } else { Self::V1 }
    }

    /// The `ver` of tokens from an issuer of this version.
    pub const fn claim(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_of_the_issuer_tells_the_version() {
        assert_eq!(EndpointVersion::of_issuer("https://host/t/v2.0"), EndpointVersion::V2);
        assert_eq!(EndpointVersion::of_issuer("https://host/t/"), EndpointVersion::V1);
        assert_eq!(EndpointVersion::of_issuer("https://host/t/v2.0/"), EndpointVersion::V1);
    }
}
