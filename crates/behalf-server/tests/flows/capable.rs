//! V27: a client says that it handles claims challenges, an API asks whether, and only where both
//! are so the token says it and lives for 20 to 28 hours (protocol 5.3, 8.8).

use behalf_core::application::OptionalClaim;
use serde_json::{Value, json};

use crate::common::{
    Answer, LEDGER, NOW, TestServer,
    users::{API_SECRET, JWT_BEARER, ORDERS, V2},
};

const CP1: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

/// What `orders-api` gets for `ledger-api`, as itself and on behalf of Ada.
async fn both(server: &TestServer, claims: &str) -> [Answer; 2] {
    let (orders, assertion) = (ORDERS.to_string(), server.token_for_orders().await);
    let form = |grant| {
        vec![
            ("grant_type", grant),
            ("client_id", orders.as_str()),
            ("client_secret", API_SECRET),
            ("scope", "api://ledger/.default"),
            ("claims", claims),
        ]
    };
    let mut obo = form(JWT_BEARER);
    obo.extend([("assertion", assertion.as_str()), ("requested_token_use", "on_behalf_of")]);
    [server.post(V2, &form("client_credentials")).await, server.post(V2, &obo).await]
}

fn hours(claims: &Value) -> i64 {
    (claims["exp"].as_i64().unwrap() - NOW.unix_seconds()) / 3600
}

#[tokio::test]
async fn v27_only_where_the_client_says_it_and_the_api_asks() {
    for (says, asks) in [(true, true), (true, false), (false, true), (false, false)] {
        let server = TestServer::with_users().await;
        if asks {
            let ask = |ledger: &mut behalf_core::application::Application| {
                ledger.optional_claims.access_token.insert(OptionalClaim::XmsCc);
            };
            server.edit(LEDGER, ask).await;
        }
        for answer in both(&server, if says { CP1 } else { "" }).await {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let (_, claims) = answer.token();
            if says && asks {
                assert_eq!(claims["xms_cc"], json!(["cp1"]));
                assert!((20..=28).contains(&hours(&claims)), "{claims}");
            } else {
                assert_eq!((claims.get("xms_cc"), hours(&claims)), (None, 1), "{says} {asks}");
            }
        }
    }
}

#[tokio::test]
async fn a_life_that_the_api_chose_is_kept() {
    let server = TestServer::with_users().await;
    server
        .edit(LEDGER, |ledger| {
            ledger.optional_claims.access_token.insert(OptionalClaim::XmsCc);
            ledger.behalf.token_lifetime_secs = Some(7_200);
        })
        .await;
    for answer in both(&server, CP1).await {
        let (_, claims) = answer.token();
        assert_eq!((&claims["xms_cc"], hours(&claims)), (&json!(["cp1"]), 2));
    }
}

#[tokio::test]
async fn an_api_that_asks_is_told_an_applications_token_from_a_users() {
    for (claim, user) in
        [(OptionalClaim::Idtyp, None), (OptionalClaim::IdtypIncludingUsers, Some(json!("user")))]
    {
        let server = TestServer::with_users().await;
        let ask = |ledger: &mut behalf_core::application::Application| {
            ledger.optional_claims.access_token.insert(claim);
        };
        server.edit(LEDGER, ask).await;
        let [as_itself, for_ada] = both(&server, "").await;
        assert_eq!(as_itself.token().1["idtyp"], "app");
        assert_eq!(for_ada.token().1.get("idtyp"), user.as_ref());
    }
}

#[tokio::test]
async fn cc_13_claims_that_cannot_be_read_are_refused_and_reserved_ones_ignored() {
    let server = TestServer::with_users().await;
    let long = format!(r#"{{"access_token":{{"x":{{"value":"{}"}}}}}}"#, "y".repeat(40_000));
    for bad in ["{", "[]", "1", "{\"access_token\":1}", long.as_str()] {
        for answer in both(&server, bad).await {
            let (status, error, _) = answer.refusal();
            assert_eq!((status, error.as_str()), (400, "invalid_request"), "{bad:.40}");
        }
    }
    let forged = r#"{"access_token":{"tid":{"value":"x"},"oid":{"value":"x"},"roles":{"values":["Admin"]},"iss":{"value":"x"},"scp":{"value":"All"}}}"#;
    let plain = both(&server, "").await;
    for (plain, forged) in plain.iter().zip(&both(&server, forged).await) {
        let (plain, forged) = (plain.token().1, forged.token().1);
        for name in ["iss", "tid", "oid", "sub", "roles", "scp", "aud"] {
            assert_eq!(plain.get(name), forged.get(name), "{name}");
        }
    }
}
