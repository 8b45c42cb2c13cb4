//! Access tokens in the v2.0 format.

use serde::Serialize;
use uuid::Uuid;

use super::{ClientAuthenticationClass, TokenId};

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
            oid: uuid!("7e4d0000-0000-4000-8000-000000000002"),
            roles: &[],
            sub: uuid!("7e4d0000-0000-4000-8000-000000000002"),
            tid: uuid!("7e4d0000-0000-4000-8000-000000000003"),
            uti: TokenId(Uuid::max()),
            ver: Version::V2,
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
}
