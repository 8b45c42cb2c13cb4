use serde::Deserialize;
use uuid::Uuid;

/// A token of this server that comes back to it: the assertion of on-behalf-of, the subject token
/// of an exchange, the bearer of a userinfo request, the object of an introspection.
///
/// Stricter than [`super::AccessToken`], for only what this server writes can be one: every claim of
/// the wrong JSON type is refused, and `aud` is one string. Unknown claims are ignored, `act` and
/// `may_act` among them: who acts is read from `aio` alone. Nothing is verified here.
#[derive(Debug, Clone, Deserialize)]
pub struct PresentedToken {
    /// Whom the token is for.
    pub aud: String,
    /// Who issued it.
    pub iss: String,
    /// Expiry, seconds since 1970.
    pub exp: u64,
    /// Start of validity, seconds since 1970 (300 s before the issue).
    pub nbf: u64,
    /// The same as `nbf`. Never an issue time to compare with.
    pub iat: u64,
    /// The format.
    pub ver: TokenFormat,
    /// The tenant.
    pub tid: Uuid,
    /// The user or service principal. A v2.0 ID token without `profile` has none.
    pub oid: Option<Uuid>,
    /// The subject: pairwise, or equal to `oid` in an app-only token.
    pub sub: String,
    /// The token's id, as text.
    pub uti: Option<String>,
    /// The client, v1.0.
    appid: Option<Uuid>,
    /// The client, v2.0.
    azp: Option<Uuid>,
    /// Delegated scopes, separated by spaces.
    pub scp: Option<String>,
    /// What only this server can read: revocation counters, family and chain.
    pub aio: Option<String>,
    /// How the user signed in; empty when the token does not say.
    #[serde(default)]
    pub amr: Vec<String>,
    /// How strongly, v1.0.
    pub acr: Option<String>,
    /// When, seconds since 1970.
    pub auth_time: Option<u64>,
    /// Authentication contexts satisfied.
    #[serde(default)]
    pub acrs: Vec<String>,
    /// From where.
    pub ipaddr: Option<String>,
    /// The session.
    pub sid: Option<Uuid>,
    /// The name for people.
    pub name: Option<String>,
    /// The sign-in name, v2.0.
    pub preferred_username: Option<String>,
}

/// The value of `ver`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum TokenFormat {
    /// `1.0`
    #[serde(rename = "1.0")]
    V1,
    /// `2.0`
    #[serde(rename = "2.0")]
    V2,
}

/// What a token of this server is, by its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentedKind<'a> {
    /// An access token on behalf of a user: it has `scp`.
    Delegated {
        /// The user's object id.
        user: Uuid,
        /// The client it was issued to.
        client: Uuid,
        /// Its scopes, separated by spaces.
        scopes: &'a str,
    },
    /// An app-only access token: no `scp`, and `oid` is `sub`.
    AppOnly,
    /// Anything else: an ID token, which has neither client nor scopes.
    IdToken,
}

impl PresentedToken {
    /// The client: `appid` or `azp`, whichever the format has. An ID token has neither.
    pub fn client(&self) -> Option<Uuid> {
        match self.ver {
            TokenFormat::V1 => self.appid,
            TokenFormat::V2 => self.azp,
        }
    }

    /// Tells the kinds apart. A token with `scp` but without client or user is no access token.
    pub fn kind(&self) -> PresentedKind<'_> {
        match (self.scp.as_deref(), self.oid, self.client()) {
            (Some(scopes), Some(user), Some(client)) => {
                PresentedKind::Delegated { user, client, scopes }
            }
            (None, Some(oid), _) if Uuid::try_parse(&self.sub) == Ok(oid) => PresentedKind::AppOnly,
            _ => PresentedKind::IdToken,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const CLIENT: &str = "7e4d0000-0000-4000-8000-000000000001";
    const USER: &str = "7e4d0000-0000-4000-8000-00000000000a";

    fn token(more: &serde_json::Value) -> serde_json::Value {
        let mut token = json!({
            "aud": "api://orders", "iss": "https://host/t/v2.0", "exp": 9, "nbf": 1, "iat": 1,
            "ver": "2.0", "tid": "7e4d0000-0000-4000-8000-000000000003", "oid": USER,
            "sub": "pairwise", "uti": "u", "rh": "x", "act": {"sub": "forged"},
        });
        for (name, value) in more.as_object().unwrap() {
            token[name] = value.clone();
        }
        token
    }

    fn read(more: &serde_json::Value) -> Result<PresentedToken, serde_json::Error> {
        serde_json::from_value(token(more))
    }

    #[test]
    fn a_delegated_token_of_either_format() {
        let user = USER.parse().unwrap();
        let client = CLIENT.parse().unwrap();
        let expected = PresentedKind::Delegated { user, client, scopes: "Read Write" };
        let v2 = read(&json!({"azp": CLIENT, "scp": "Read Write", "aio": "a"})).unwrap();
        assert_eq!((v2.kind(), v2.aio.as_deref()), (expected, Some("a")));
        let v1 = read(&json!({
            "ver": "1.0", "appid": CLIENT, "scp": "Read Write", "amr": ["pwd"], "acr": "1",
            "ipaddr": "192.0.2.1", "auth_time": 1,
        }));
        let v1 = v1.unwrap();
        assert_eq!((v1.kind(), v1.amr.as_slice()), (expected, ["pwd".to_owned()].as_slice()));
    }

    #[test]
    fn tokens_without_a_user_to_act_for() {
        for (more, expected) in [
            (json!({"azp": CLIENT, "sub": USER}), PresentedKind::AppOnly),
            (
                json!({"ver": "1.0", "appid": CLIENT, "sub": USER.to_uppercase()}),
                PresentedKind::AppOnly,
            ),
            (json!({}), PresentedKind::IdToken),
            (json!({"azp": CLIENT}), PresentedKind::IdToken),
            (json!({"scp": "Read"}), PresentedKind::IdToken),
            (json!({"scp": "Read", "appid": CLIENT}), PresentedKind::IdToken),
            (json!({"scp": "Read", "azp": CLIENT, "oid": null}), PresentedKind::IdToken),
        ] {
            assert_eq!(read(&more).unwrap().kind(), expected, "{more}");
        }
    }

    #[test]
    fn a_claim_of_the_wrong_type_is_refused() {
        for more in [
            json!({"aud": ["api://orders"]}),
            json!({"aud": null}),
            json!({"exp": "9"}),
            json!({"exp": -9}),
            json!({"nbf": 1.5}),
            json!({"ver": "3.0"}),
            json!({"ver": 2}),
            json!({"tid": "acme"}),
            json!({"oid": "ada"}),
            json!({"azp": "client"}),
            json!({"scp": ["Read"]}),
            json!({"amr": "pwd"}),
            json!({"aio": 1}),
            json!({"sid": "s"}),
        ] {
            assert!(read(&more).is_err(), "{more}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}\":,a-z0-9._ -]{0,80}") {
            let _ = serde_json::from_str::<PresentedToken>(&text);
        }
    }
}
