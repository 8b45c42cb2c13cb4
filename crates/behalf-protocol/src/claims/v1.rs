//! Access tokens in the v1.0 format.

use serde::Serialize;
use uuid::Uuid;

use super::{ClientAuthenticationClass, TokenId};

/// Claims of an app-only access token, v1.0: client in `appid`, no `scp`, `sub` = `oid`.
#[derive(Debug, Clone, Serialize)]
pub struct AppToken<'a> {
    /// The resource as requested, in its registered spelling; its application id when it was
    /// requested by that.
    pub aud: &'a str,
    /// `{authority}/{tenant id}/`.
    pub iss: &'a str,
    /// Issue time less 300 s.
    pub iat: u64,
    /// The same as `iat`.
    pub nbf: u64,
    /// Issue time plus life.
    pub exp: u64,
    /// The client's application id.
    pub appid: Uuid,
    /// How the client was authenticated.
    pub appidacr: ClientAuthenticationClass,
    /// The same as `iss`.
    pub idp: &'a str,
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
    /// Always `1.0`.
    pub ver: Version,
}

/// The value of `ver`.
#[derive(Debug, Clone, Copy, Serialize)]
pub enum Version {
    /// `1.0`
    #[serde(rename = "1.0")]
    V1,
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;

    #[test]
    fn written_as_entra_writes_it() {
        let mut token = AppToken {
            aud: "api://ledger",
            iss: "https://host/AAAA/",
            iat: 1_700_000_000,
            nbf: 1_700_000_000,
            exp: 1_700_003_900,
            appid: uuid!("7E4D0000-0000-4000-8000-000000000001"),
            appidacr: ClientAuthenticationClass::Assertion,
            idp: "https://host/AAAA/",
            oid: uuid!("7e4d0000-0000-4000-8000-000000000002"),
            roles: &["Entries.Read.All"],
            sub: uuid!("7e4d0000-0000-4000-8000-000000000002"),
            tid: uuid!("7e4d0000-0000-4000-8000-000000000003"),
            uti: TokenId(Uuid::nil()),
            ver: Version::V1,
        };
        assert_eq!(
            serde_json::to_string(&token).unwrap(),
            concat!(
                r#"{"aud":"api://ledger","iss":"https://host/AAAA/","iat":1700000000,"#,
                r#""nbf":1700000000,"exp":1700003900,"#,
                r#""appid":"7e4d0000-0000-4000-8000-000000000001","appidacr":"2","#,
                r#""idp":"https://host/AAAA/","oid":"7e4d0000-0000-4000-8000-000000000002","#,
                r#""roles":["Entries.Read.All"],"sub":"7e4d0000-0000-4000-8000-000000000002","#,
                r#""tid":"7e4d0000-0000-4000-8000-000000000003","#,
                r#""uti":"AAAAAAAAAAAAAAAAAAAAAA","ver":"1.0"}"#,
            )
        );
        token.roles = &[];
        assert!(!serde_json::to_string(&token).unwrap().contains("roles"));
    }
}
