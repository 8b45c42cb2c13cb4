//! A server that moved to another public URL: who still speaks to the old one is understood, and
//! what it gets is of the new one.

use serde_json::json;

use crate::common::{
    ACME, BASE, TestServer,
    assertion::{claims, header, present, refused, register, signed, with},
};

const OLD: &str = "https://login.old.example";

#[tokio::test]
async fn assertions_to_a_former_url_count_and_tokens_carry_the_present_one() {
    let server = TestServer::with(|s| s.previous_public_urls = vec![OLD.to_owned()]).await;
    register(&server).await;
    for address in [
        format!("{OLD}/{ACME}/oauth2/v2.0/token"),
        format!("{OLD}/acme.test/oauth2/token"),
        format!("{OLD}/{ACME}/v2.0"),
        format!("{BASE}/{ACME}/oauth2/v2.0/token"),
    ] {
        let assertion = signed(&header(), &with(claims(), "aud", json!(address)));
        let answer = present(&server, &assertion).await;
        assert_eq!(answer.status, 200, "{address}: {}", answer.text);
        assert_eq!(answer.token().1["iss"], format!("{BASE}/{ACME}/v2.0"));
    }
    let discovery = server.get("/acme.test/v2.0/.well-known/openid-configuration").await;
    assert!(!discovery.text.contains(OLD), "{}", discovery.text);

    for stranger in ["https://login.other.example", "https://login.old.example.evil.example"] {
        let audience = json!(format!("{stranger}/{ACME}/oauth2/v2.0/token"));
        let assertion = signed(&header(), &with(claims(), "aud", audience));
        refused(&server, &assertion, (401, "invalid_client", 700_023)).await;
    }
}

#[tokio::test]
async fn without_the_setting_the_former_url_is_a_strangers() {
    let server = TestServer::start().await;
    register(&server).await;
    let audience = json!(format!("{OLD}/{ACME}/oauth2/v2.0/token"));
    let assertion = signed(&header(), &with(claims(), "aud", audience));
    refused(&server, &assertion, (401, "invalid_client", 700_023)).await;
}
