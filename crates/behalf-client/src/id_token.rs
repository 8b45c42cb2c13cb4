use behalf_jose::{base64url, jwt};
use serde::Deserialize;
use uuid::Uuid;

use crate::metadata::Endpoints;
use behalf_protocol::authority::tenant_id;

/// The longest ID token that is read.
const MAX_ID_TOKEN: usize = 64 * 1024;

/// What an ID token says about the user, checked for this client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) tenant: Uuid,
    pub(crate) oid: Uuid,
    pub(crate) username: Option<String>,
    pub(crate) name: Option<String>,
}

/// What an ID token must be.
pub(crate) struct Expected<'a> {
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) client_id: &'a str,
    /// Of the authorization request; none where there was no such request.
    pub(crate) nonce: Option<&'a str>,
    pub(crate) now: u64,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: jwt::NumericDate,
    nonce: Option<String>,
    tid: String,
    oid: String,
    preferred_username: Option<String>,
    name: Option<String>,
}

/// Clocks differ by up to this, in seconds.
const SKEW: u64 = 300;

/// Reads an ID token that came from the token endpoint over TLS, so that its signature need not be
/// checked (OpenID Connect Core section 3.1.3.7, step 6); everything else is. The error says what is
/// wrong.
pub(crate) fn read(token: &str, expected: &Expected<'_>) -> Result<Identity, &'static str> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("it is no JWS with three parts");
    };
    if token.len() > MAX_ID_TOKEN {
        return Err("it is longer than 64 KiB");
    }
    let json = base64url::decode(claims).map_err(|_| "its claims are not base64url")?;
    let claims: Claims = jwt::parse_claims(&json, MAX_ID_TOKEN)
        .map_err(|_| "its claims lack one of iss, aud, exp, tid, oid")?;
    let endpoints = expected.endpoints;
    let (Some(tenant), Some(oid)) = (tenant_id(&claims.tid), tenant_id(&claims.oid)) else {
        return Err("its tid or oid is no id");
    };
    let names_tenant = claims.iss.ends_with(&format!("/{tenant}/v2.0"));
    if !endpoints.is_issuer(&claims.iss) || !names_tenant {
        Err("its issuer is another")
    } else if !claims.aud.eq_ignore_ascii_case(expected.client_id) {
        Err("it is for another client")
    } else if expected.nonce.is_some() && claims.nonce.as_deref() != expected.nonce {
        Err("its nonce is not the one of this sign-in")
    } else if u64::try_from(claims.exp.0).unwrap_or(0) + SKEW <= expected.now {
        Err("it has expired")
    } else {
        let (username, name) = (claims.preferred_username, claims.name);
        Ok(Identity { tenant, oid, username, name })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use behalf_protocol::authority::Authority;

    const ACME: &str = "ac3e0000-0000-4000-8000-000000000001";
    const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";
    const NOW: u64 = 1_795_351_340;

    fn read_with(change: &Value) -> Result<Identity, &'static str> {
        let host = "https://login.acme.test";
        let document = json!({
            "issuer": format!("{host}/{{tenantid}}/v2.0"),
            "token_endpoint": format!("{host}/common/oauth2/v2.0/token"),
        });
        let authority = Authority::parse(&format!("{host}/common")).unwrap();
        let endpoints = Endpoints::parse(&authority, document.to_string().as_bytes()).unwrap();
        let mut claims = json!({
            "iss": format!("{host}/{ACME}/v2.0"), "aud": "app", "exp": NOW + 3600, "nonce": "n",
            "tid": ACME, "oid": ALICE, "preferred_username": "alice@acme.test", "sub": "pairwise",
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = format!("e30.{}.c2ln", base64url::encode(claims.to_string()));
        let expected =
            Expected { endpoints: &endpoints, client_id: "app", nonce: Some("n"), now: NOW };
        read(&token, &expected)
    }

    #[test]
    fn a_users_id_token_names_them() {
        let identity = read_with(&json!({})).unwrap();
        assert_eq!(identity.tenant, tenant_id(ACME).unwrap());
        assert_eq!(identity.oid, tenant_id(ALICE).unwrap());
        assert_eq!(identity.username.as_deref(), Some("alice@acme.test"));
    }

    #[test]
    fn one_for_somebody_else_is_refused() {
        for (change, reason) in [
            (json!({"iss": format!("https://evil.test/{ACME}/v2.0")}), "issuer"),
            (json!({"tid": ALICE}), "issuer"),
            (json!({"aud": "another"}), "another client"),
            (json!({"aud": ["app"]}), "lack"),
            (json!({"nonce": "m"}), "nonce"),
            (json!({"nonce": null}), "nonce"),
            (json!({"exp": NOW - 300}), "expired"),
            (json!({"oid": "alice"}), "no id"),
            (json!({"oid": null}), "lack"),
        ] {
            let error = read_with(&change).unwrap_err();
            assert!(error.contains(reason), "{change}: {error}");
        }
    }
}
