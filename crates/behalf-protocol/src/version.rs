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
