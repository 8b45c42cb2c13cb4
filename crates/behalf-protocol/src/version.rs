/// Which of the two token endpoints (or metadata documents) was asked.
///
/// It changes the spelling of requests and answers only; the format of an access token is
/// [`TokenVersion`], which the resource decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointVersion {
    /// `/{tenant}/oauth2/token`: `resource`, and every value of the answer a string.
    V1,
    /// `/{tenant}/oauth2/v2.0/token`: `scope`, and numbers in the answer.
    V2,
}

/// The format of an access token: `ver` and the names of the client's claims.
///
/// The resource's `requestedAccessTokenVersion` chooses it, whichever endpoint was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenVersion {
    /// `"ver":"1.0"`, client in `appid`, issuer `{authority}/{tenant id}/`.
    V1,
    /// `"ver":"2.0"`, client in `azp`, issuer `{authority}/{tenant id}/v2.0`.
    V2,
}

impl TokenVersion {
    /// The value of the `ver` claim.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        }
    }
}
