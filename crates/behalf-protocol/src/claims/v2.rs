//! Access tokens in the v2.0 format, and ID tokens of the v2.0 endpoint.

use serde::Serialize;
use uuid::Uuid;

use super::{ClientAuthenticationClass, TokenId, UserClaims};

/// Claims of an app-only access token, v2.0: client in `azp`, no `scp`, `sub` = `oid`.
#[derive(Debug, Clone, Serialize)]
pub struct AppToken<'a> {
    /// The resource's application id, however it was requested.
    pub aud: Uuid,
    /// `{authority}/{tenant id}/v2.0`.
    pub iss: &'a str,
    /// Issue time less 300 s.
    pub iat: u64,
    /// The same as `iat`.
    pub nbf: u64,
    /// Issue time plus life.
    pub exp: u64,
    /// The client's application id.
    pub azp: Uuid,
    /// How the client was authenticated.
    pub azpacr: ClientAuthenticationClass,
    /// `app`, where the resource asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idtyp: Option<&'a str>,
    /// The client's service principal in the tenant.
    pub oid: Uuid,
    /// Assigned application roles of the resource; absent when there is none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub roles: &'a [&'a str],
    /// The same as `oid`.
    pub sub: Uuid,
    /// The tenant.
    pub tid: Uuid,
    /// The token's id.
    pub uti: TokenId,
    /// Always `2.0`.
    pub ver: Version,
    /// What the client can do (`cp1`), when it said so and the resource asks.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub xms_cc: &'a [&'a str],
}

/// Claims of an access token on behalf of a user, 2.0.
#[derive(Debug, Clone, Serialize)]
pub struct UserToken<'a> {
    /// The resource's application id, however it was requested.
    pub aud: Uuid,
    /// `{authority}/{tenant id}/v2.0`.
    pub iss: &'a str,
    /// Issue time less 300 s.
    pub iat: u64,
    /// The same as `iat`.
    pub nbf: u64,
    /// Issue time plus life.
    pub exp: u64,
    /// The client's application id: of on-behalf-of, the middle tier's.
    pub azp: Uuid,
    /// How the client was authenticated.
    pub azpacr: ClientAuthenticationClass,
    /// Delegated scopes, separated by spaces.
    pub scp: &'a str,
    /// The user.
    #[serde(flatten)]
    pub user: &'a UserClaims<'a>,
    /// Always `2.0`.
    pub ver: Version,
}

/// Claims of an ID token, 2.0. It never has `azp`: that tells it from an access token.
#[derive(Debug, Clone, Serialize)]
pub struct IdToken<'a> {
    /// The client's application id.
    pub aud: Uuid,
    /// `{authority}/{tenant id}/v2.0`.
    pub iss: &'a str,
    /// Issue time less 300 s.
    pub iat: u64,
    /// The same as `iat`.
    pub nbf: u64,
    /// Issue time plus one hour.
    pub exp: u64,
    /// The `nonce` of the authorization request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// Binds the code of the same authorization response (OIDC Core 3.3.2.11).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c_hash: Option<&'a str>,
    /// The user.
    #[serde(flatten)]
    pub user: &'a UserClaims<'a>,
    /// Always `2.0`.
    pub ver: Version,
}

/// The value of `ver`.
#[derive(Debug, Clone, Copy, Serialize)]
pub enum Version {
    /// `2.0`
    #[serde(rename = "2.0")]
    V2,
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;

    #[test]
    fn written_as_entra_writes_it() {
        let token = AppToken {
            aud: uuid!("7e4d0000-0000-4000-8000-000000000004"),
            iss: "https://host/AAAA/v2.0",
            iat: 1_700_000_000,
            nbf: 1_700_000_000,
            exp: 1_700_003_900,
            azp: uuid!("7e4d0000-0000-4000-8000-000000000001"),
            azpacr: ClientAuthenticationClass::Secret,
            idtyp: None,
            oid: uuid!("7e4d0000-0000-4000-8000-000000000002"),
            roles: &[],
            sub: uuid!("7e4d0000-0000-4000-8000-000000000002"),
            tid: uuid!("7e4d0000-0000-4000-8000-000000000003"),
            uti: TokenId(Uuid::max()),
            ver: Version::V2,
            xms_cc: &[],
        };
        assert_eq!(
            serde_json::to_string(&token).unwrap(),
            concat!(
                r#"{"aud":"7e4d0000-0000-4000-8000-000000000004","iss":"https://host/AAAA/v2.0","#,
                r#""iat":1700000000,"nbf":1700000000,"exp":1700003900,"#,
                r#""azp":"7e4d0000-0000-4000-8000-000000000001","azpacr":"1","#,
                r#""oid":"7e4d0000-0000-4000-8000-000000000002","#,
                r#""sub":"7e4d0000-0000-4000-8000-000000000002","#,
                r#""tid":"7e4d0000-0000-4000-8000-000000000003","#,
                r#""uti":"_____________________w","ver":"2.0"}"#,
            )
        );
    }

    fn ada() -> UserClaims<'static> {
        UserClaims {
            amr: &["pwd"],
            name: Some("Ada"),
            oid: Some(uuid!("7e4d0000-0000-4000-8000-00000000000a")),
            ..UserClaims::of(
                "pairwise",
                uuid!("7e4d0000-0000-4000-8000-000000000003"),
                TokenId(Uuid::nil()),
            )
        }
    }

    #[test]
    fn a_users_access_token_names_the_client_and_the_scopes() {
        let token = UserToken {
            aud: uuid!("7e4d0000-0000-4000-8000-000000000004"),
            iss: "https://host/AAAA/v2.0",
            iat: 1,
            nbf: 1,
            exp: 2,
            azp: uuid!("7e4d0000-0000-4000-8000-000000000001"),
            azpacr: ClientAuthenticationClass::Secret,
            scp: "Read Write",
            user: &ada(),
            ver: Version::V2,
        };
        assert_eq!(
            serde_json::to_string(&token).unwrap(),
            concat!(
                r#"{"aud":"7e4d0000-0000-4000-8000-000000000004","iss":"https://host/AAAA/v2.0","#,
                r#""iat":1,"nbf":1,"exp":2,"#,
                r#""azp":"7e4d0000-0000-4000-8000-000000000001","azpacr":"1","#,
                r#""scp":"Read Write","amr":["pwd"],"name":"Ada","#,
                r#""oid":"7e4d0000-0000-4000-8000-00000000000a","sub":"pairwise","#,
                r#""tid":"7e4d0000-0000-4000-8000-000000000003","#,
                r#""uti":"AAAAAAAAAAAAAAAAAAAAAA","ver":"2.0"}"#,
            )
        );
    }

    #[test]
    fn an_id_token_has_neither_client_nor_scopes() {
        let user = ada();
        let token = IdToken {
            aud: uuid!("7e4d0000-0000-4000-8000-000000000001"),
            iss: "https://host/AAAA/v2.0",
            iat: 1,
            nbf: 1,
            exp: 2,
            nonce: Some("n"),
            c_hash: None,
            user: &user,
            ver: Version::V2,
        };
        let json = serde_json::to_value(&token).unwrap();
        assert_eq!(json["aud"], "7e4d0000-0000-4000-8000-000000000001");
        assert_eq!(
            (&json["nonce"], &json["sub"], &json["ver"]),
            (&"n".into(), &"pairwise".into(), &"2.0".into())
        );
        for absent in ["appid", "azp", "appidacr", "azpacr", "scp", "c_hash"] {
            assert!(json.get(absent).is_none(), "{absent}");
        }
    }
}
