//! The answer to a granted token request: [`TokenResponse`] without a user, [`UserTokenResponse`]
//! on behalf of one.

use std::fmt::{self, Write as _};

use crate::EndpointVersion;
use crate::json::push_string;

pub use scope::GrantedScope;

mod scope;

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
        let mut out = self.open(version, None, 0);
        out.push('}');
        out
    }

    /// The body but for its closing brace, with room for `more` bytes.
    fn open(&self, version: EndpointVersion, scope: Option<&str>, more: usize) -> String {
        let known = self.resource.len() + self.access_token.len() + scope.map_or(0, str::len);
        let mut out = String::with_capacity(256 + known + more);
        out.push_str(r#"{"token_type":"Bearer""#);
        push_member(&mut out, "scope", scope);
        push_number(&mut out, version, "expires_in", Some(self.expires_in));
        push_number(&mut out, version, "ext_expires_in", Some(self.expires_in));
        if version == EndpointVersion::V1 {
            push_number(&mut out, version, "expires_on", Some(self.expires_on));
            push_number(&mut out, version, "not_before", Some(self.not_before));
            push_member(&mut out, "resource", Some(self.resource));
        }
        push_member(&mut out, "access_token", Some(self.access_token));
        out
    }
}

/// A token answer on behalf of a user.
#[derive(Clone, Copy)]
pub struct UserTokenResponse<'a> {
    /// The access token and its times.
    pub token: TokenResponse<'a>,
    /// What was granted ([`GrantedScope`]). MSAL Node files the token under it.
    pub scope: &'a str,
    /// A refresh token: v1 always, v2 when `offline_access` was asked for.
    pub refresh_token: Option<&'a str>,
    /// An ID token, when `openid` was asked for.
    pub id_token: Option<&'a str>,
    /// [`crate::ClientInfo`], when `client_info=1` was sent.
    pub client_info: Option<&'a str>,
    /// Seconds after which the client should renew: half of a life of two hours or more.
    pub refresh_in: Option<u64>,
    /// Seconds until the refresh token ends for good: of single-page applications.
    pub refresh_token_expires_in: Option<u64>,
    /// The kind of token issued, of token exchange (RFC 8693 2.2.1).
    pub issued_token_type: Option<&'a str>,
}

impl UserTokenResponse<'_> {
    /// The JSON body, as [`TokenResponse::to_json`] writes it, with the user's members.
    pub fn to_json(&self, version: EndpointVersion) -> String {
        let texts = [
            ("refresh_token", self.refresh_token),
            ("id_token", self.id_token),
            ("client_info", self.client_info),
            ("issued_token_type", self.issued_token_type),
        ];
        let more = texts.iter().map(|(name, text)| name.len() + text.map_or(0, str::len) + 6);
        let mut out = self.token.open(version, Some(self.scope), more.sum::<usize>() + 64);
        for (name, text) in texts {
            push_member(&mut out, name, text);
        }
        push_number(&mut out, version, "refresh_in", self.refresh_in);
        let rest = self.refresh_token_expires_in;
        push_number(&mut out, version, "refresh_token_expires_in", rest);
        out.push('}');
        out
    }
}

fn push_member(out: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        push_name(out, name);
        push_string(out, value);
    }
}

/// `,"name":`, of a name with nothing to escape. Not `write!`: this is every request's path.
fn push_name(out: &mut String, name: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

fn push_number(out: &mut String, version: EndpointVersion, name: &str, value: Option<u64>) {
    let Some(value) = value else { return };
    push_name(out, name);
    // Writing into a `String` cannot fail.
    let _ = match version {
        EndpointVersion::V1 => write!(out, r#""{value}""#),
        EndpointVersion::V2 => write!(out, "{value}"),
    };
}

impl fmt::Debug for UserTokenResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokenResponse")
            .field("token", &self.token)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
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

    const USER: UserTokenResponse<'_> = UserTokenResponse {
        token: RESPONSE,
        scope: "user_impersonation",
        refresh_token: Some("eyJr"),
        id_token: None,
        client_info: None,
        refresh_in: None,
        refresh_token_expires_in: None,
        issued_token_type: None,
    };

    #[test]
    fn a_users_v1_is_all_strings() {
        let all = UserTokenResponse { refresh_in: Some(3600), id_token: Some("eyJi"), ..USER };
        assert_eq!(
            all.to_json(EndpointVersion::V1),
            concat!(
                r#"{"token_type":"Bearer","scope":"user_impersonation","expires_in":"3599","#,
                r#""ext_expires_in":"3599","expires_on":"1732284000","not_before":"1732280100","#,
                r#""resource":"https://service.contoso.com/","access_token":"eyJ0.eyJh.c2ln","#,
                r#""refresh_token":"eyJr","id_token":"eyJi","refresh_in":"3600"}"#,
            )
        );
    }

    #[test]
    fn a_users_v2_has_what_was_asked_for_and_no_more() {
        let all = UserTokenResponse {
            scope: "api://b/Read api://b/.default",
            id_token: Some("eyJi"),
            client_info: Some("eyJ1"),
            refresh_in: Some(43_200),
            refresh_token_expires_in: Some(86_399),
            issued_token_type: Some("urn:x"),
            ..USER
        };
        assert_eq!(
            all.to_json(EndpointVersion::V2),
            concat!(
                r#"{"token_type":"Bearer","scope":"api://b/Read api://b/.default","#,
                r#""expires_in":3599,"ext_expires_in":3599,"access_token":"eyJ0.eyJh.c2ln","#,
                r#""refresh_token":"eyJr","id_token":"eyJi","client_info":"eyJ1","#,
                r#""issued_token_type":"urn:x","refresh_in":43200,"#,
                r#""refresh_token_expires_in":86399}"#,
            )
        );
        let least = UserTokenResponse { refresh_token: None, ..USER };
        assert_eq!(
            least.to_json(EndpointVersion::V2),
            concat!(
                r#"{"token_type":"Bearer","scope":"user_impersonation","expires_in":3599,"#,
                r#""ext_expires_in":3599,"access_token":"eyJ0.eyJh.c2ln"}"#,
            )
        );
    }

    #[test]
    fn no_token_of_a_user_is_shown() {
        let shown = format!("{:?}", UserTokenResponse { id_token: Some("eyJi"), ..USER });
        assert!(!shown.contains("eyJ"), "{shown}");
    }

    #[test]
    fn a_hostile_scope_stays_a_string() {
        let json = UserTokenResponse { scope: "x\",\"id_token\":\"y", ..USER }
            .to_json(EndpointVersion::V2);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(read.get("id_token").is_none());
    }
}
