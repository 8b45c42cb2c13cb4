use serde::Deserialize;

/// The claims a resource reads from an access token of either version, of behalf or of Entra.
/// Nothing is verified here; a claim of the wrong JSON type is refused, unknown ones are ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct AccessToken {
    /// Whom the token is for.
    pub aud: Audience,
    /// Who issued it.
    pub iss: String,
    /// Expiry, seconds since 1970.
    pub exp: u64,
    /// Start of validity, seconds since 1970.
    pub nbf: Option<u64>,
    /// Issue time, seconds since 1970 (300 s before the fact).
    pub iat: Option<u64>,
    /// `1.0` or `2.0`.
    pub ver: Option<String>,
    /// The tenant.
    pub tid: Option<String>,
    /// The user or service principal.
    pub oid: Option<String>,
    /// The subject: equal to `oid` in app-only tokens.
    pub sub: Option<String>,
    /// The client, v1.0.
    pub appid: Option<String>,
    /// How the client was authenticated, v1.0.
    pub appidacr: Option<String>,
    /// The client, v2.0.
    pub azp: Option<String>,
    /// How the client was authenticated, v2.0.
    pub azpacr: Option<String>,
    /// `app` or `user`, when the resource asked for it.
    pub idtyp: Option<String>,
    /// Delegated scopes, separated by spaces: present in users' tokens only.
    pub scp: Option<String>,
    /// Roles; empty when the claim is absent.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The token's id.
    pub uti: Option<String>,
    /// What the client can do, when the resource asked for it: `cp1` handles claims challenges.
    #[serde(default)]
    pub xms_cc: Vec<String>,
    /// A user's name.
    pub name: Option<String>,
    /// A user's sign-in name, v2.0.
    pub preferred_username: Option<String>,
}

/// `aud`: a string or a list (RFC 7519 4.1.3). Entra and behalf always write one string.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl Audience {
    /// The audiences, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::One(one) => (Some(one), [].as_slice()),
            Self::Many(many) => (None, many.as_slice()),
        };
        one.into_iter().chain(many).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_versions_and_ignores_the_rest() {
        let v1: AccessToken = serde_json::from_str(
            r#"{"aud":"api://a","iss":"i/","exp":2,"appid":"c","roles":["R"],"ver":"1.0","rh":"x"}"#,
        )
        .unwrap();
        assert_eq!(v1.aud.iter().collect::<Vec<_>>(), ["api://a"]);
        assert_eq!((v1.appid.as_deref(), v1.azp), (Some("c"), None));
        assert_eq!(v1.roles, ["R"]);

        let v2: AccessToken = serde_json::from_str(
            r#"{"aud":["a","b"],"iss":"i/v2.0","exp":2,"azp":"c","scp":"x y","ver":"2.0"}"#,
        )
        .unwrap();
        assert_eq!(v2.aud.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(v2.roles.is_empty());
    }

    #[test]
    fn refuses_claims_of_the_wrong_type() {
        for bad in [
            r#"{"aud":1,"iss":"i","exp":2}"#,
            r#"{"aud":"a","iss":"i","exp":"2"}"#,
            r#"{"aud":"a","iss":"i","exp":-2}"#,
            r#"{"aud":"a","iss":"i","exp":2,"roles":"Admin"}"#,
            r#"{"aud":"a","iss":"i","exp":2,"scp":["x"]}"#,
            r#"{"aud":"a","iss":"i","exp":2,"oid":"a","oid":"b"}"#,
            r#"{"aud":"a","iss":"i"}"#,
        ] {
            assert!(serde_json::from_str::<AccessToken>(bad).is_err(), "{bad}");
        }
    }
}
