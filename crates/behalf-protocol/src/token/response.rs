//! The answer to a granted token request.

use std::fmt::{self, Write as _};

use crate::EndpointVersion;
use crate::json::push_string;

/// A token answer of a userless grant: never a refresh token, an ID token, `scope` or
/// `client_info` (MSAL Python would file an app token with `client_info` under a user and never
/// find it again).
#[derive(Clone, Copy)]
pub struct TokenResponse<'a> {
    /// The JWT, compact.
    pub access_token: &'a str,
    /// Seconds the client may use it; also `ext_expires_in`.
    pub expires_in: u64,
    /// The token's `exp`, seconds since 1970. Written by v1.
    pub expires_on: u64,
    /// The token's `nbf`, seconds since 1970. Written by v1.
    pub not_before: u64,
    /// The resource, as the client asked for it. Written by v1.
    pub resource: &'a str,
}

impl TokenResponse<'_> {
    /// The JSON body, members in Entra's order; content type `application/json; charset=utf-8`.
    ///
    /// v1 writes every value as a string (ADAL parses them so); v2 writes numbers and no
    /// `expires_on`, which some clients would prefer to `expires_in`.
    pub fn to_json(&self, version: EndpointVersion) -> String {
        let mut out = String::with_capacity(256 + self.resource.len() + self.access_token.len());
        let life = self.expires_in;
        // Writing into a `String` cannot fail.
        match version {
            EndpointVersion::V1 => {
                let _ = write!(
                    out,
                    concat!(
                        r#"{{"token_type":"Bearer","expires_in":"{life}","ext_expires_in":"{life}","#,
                        r#""expires_on":"{on}","not_before":"{nbf}","resource":"#
                    ),
                    life = life,
                    on = self.expires_on,
                    nbf = self.not_before,
                );
                push_string(&mut out, self.resource);
            }
            EndpointVersion::V2 => {
                let _ = write!(
                    out,
                    r#"{{"token_type":"Bearer","expires_in":{life},"ext_expires_in":{life}"#
                );
            }
        }
        out.push_str(r#","access_token":"#);
        push_string(&mut out, self.access_token);
        out.push('}');
        out
    }
}

impl fmt::Debug for TokenResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("expires_on", &self.expires_on)
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: TokenResponse<'_> = TokenResponse {
        access_token: "eyJ0.eyJh.c2ln",
        expires_in: 3599,
        expires_on: 1_732_284_000,
        not_before: 1_732_280_100,
        resource: "https://service.contoso.com/",
    };

    #[test]
    fn v1_is_all_strings() {
        assert_eq!(
            RESPONSE.to_json(EndpointVersion::V1),
            concat!(
                r#"{"token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599","#,
                r#""expires_on":"1732284000","not_before":"1732280100","#,
                r#""resource":"https://service.contoso.com/","access_token":"eyJ0.eyJh.c2ln"}"#,
            )
        );
    }

    #[test]
    fn v2_is_numbers() {
        assert_eq!(
            RESPONSE.to_json(EndpointVersion::V2),
            concat!(
                r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"#,
                r#""access_token":"eyJ0.eyJh.c2ln"}"#,
            )
        );
    }

    #[test]
    fn a_hostile_resource_stays_a_string() {
        let json = TokenResponse { resource: "a\",\"scope\":\"x", ..RESPONSE }
            .to_json(EndpointVersion::V1);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["resource"], "a\",\"scope\":\"x");
        assert!(read.get("scope").is_none());
    }

    #[test]
    fn the_token_is_not_shown() {
        assert!(!format!("{RESPONSE:?}").contains("eyJ0"));
    }
}
