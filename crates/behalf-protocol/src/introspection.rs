//! Token introspection (RFC 7662). The request is a [`crate::revocation::NamedToken`].

use serde::Serialize;
use uuid::Uuid;

/// The answer about a token.
#[derive(Debug, Clone)]
pub enum IntrospectionResponse<'a> {
    /// Not valid, or not for the caller: nothing else is told apart (RFC 7662 2.2).
    Inactive,
    /// Valid for the caller.
    Active(ActiveToken<'a>),
}

/// What a resource is told about a token that is addressed to it.
#[derive(Debug, Clone, Serialize)]
pub struct ActiveToken<'a> {
    /// Delegated scopes, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'a str>,
    /// The client it was issued to.
    pub client_id: Uuid,
    /// The user's sign-in name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<&'a str>,
    /// `Bearer`, of an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'a str>,
    /// Expiry, seconds since 1970.
    pub exp: u64,
    /// Issue time as in the token.
    pub iat: u64,
    /// Start of validity.
    pub nbf: u64,
    /// The subject.
    pub sub: &'a str,
    /// The audience.
    pub aud: &'a str,
    /// The issuer.
    pub iss: &'a str,
    /// The token's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<&'a str>,
}

impl IntrospectionResponse<'_> {
    /// The JSON body.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            active: bool,
            #[serde(flatten)]
            token: Option<&'a ActiveToken<'a>>,
        }
        let body = match self {
            Self::Inactive => Body { active: false, token: None },
            Self::Active(token) => Body { active: true, token: Some(token) },
        };
        // Texts and numbers under fixed names cannot fail; if they did, saying no is safe.
        serde_json::to_string(&body).unwrap_or_else(|_| r#"{"active":false}"#.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inactive_token_is_nothing_else() {
        assert_eq!(IntrospectionResponse::Inactive.to_json(), r#"{"active":false}"#);
    }

    #[test]
    fn an_active_token_is_described() {
        let token = ActiveToken {
            scope: Some("Read"),
            client_id: Uuid::nil(),
            username: None,
            token_type: Some("Bearer"),
            exp: 2,
            iat: 1,
            nbf: 1,
            sub: "s",
            aud: "a\"",
            iss: "i",
            jti: None,
        };
        assert_eq!(
            IntrospectionResponse::Active(token).to_json(),
            concat!(
                r#"{"active":true,"scope":"Read","client_id":"00000000-0000-0000-0000-000000000000","#,
                r#""token_type":"Bearer","exp":2,"iat":1,"nbf":1,"sub":"s","aud":"a\"","iss":"i"}"#
            )
        );
    }
}
