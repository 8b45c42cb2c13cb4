//! Client assertions: keys, algorithms, audiences, replays, bombs.

use behalf_core::application::TokenAlg;
use behalf_jose::Certificate;
use serde_json::json;

use crate::common::assertion::{
    CERTIFICATE, FORM, NOT_SIGNED, PATH, claims, compact, encoded, header, hs256, present, refused,
    server, signed, signed_by_stranger, stranger_jwk, with,
};
use crate::common::{ACME, BASE, DAEMON, NOW, SECRET, good};

/// What the other tests change one thing of is accepted.
#[tokio::test]
async fn the_good_assertion() {
    assert_eq!(present(&server().await, &signed(&header(), &claims())).await.status, 200);
}

/// `PyJWT` (also Authlib CVE-2024-37568, Keycloak CVE-2026-11800): HS256 was verified with the public
/// key as the secret, because the key did not say its algorithms.
#[tokio::test]
async fn cve_2022_29217_a_public_key_is_no_hmac_secret() {
    let server = server().await;
    let certificate = Certificate::from_der(CERTIFICATE).unwrap();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, CERTIFICATE)
    );
    for key in [certificate.spki_der(), CERTIFICATE, pem.as_bytes(), SECRET.as_bytes(), b""] {
        let header = with(header(), "alg", json!("HS256"));
        refused(&server, &compact(&header, &claims(), hs256(key)), NOT_SIGNED).await;
    }
}

/// oic: `alg: none` was accepted where a signature was expected.
#[tokio::test]
async fn cve_2020_26244_none_is_no_algorithm() {
    let server = server().await;
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let header = with(header(), "alg", json!(alg));
        refused(&server, &compact(&header, &claims(), |_| Vec::new()), NOT_SIGNED).await;
        refused(&server, &signed(&header, &claims()), NOT_SIGNED).await;
    }
}

/// Keycloak: "clients must use a signed JWT" was satisfied by an unsigned one sent beside a secret.
#[tokio::test]
async fn cve_2026_16093_a_policy_counts_the_method_that_was_used() {
    use behalf_core::application::credential::Method;
    let server = server().await;
    server.edit(DAEMON, |app| app.behalf.allowed_methods = [Method::Certificate].into()).await;
    assert_eq!(server.post(PATH, &good()).await.refusal().2, 7_000_215, "the secret alone");
    let dummy = compact(&with(header(), "alg", json!("none")), &claims(), |_| Vec::new());
    refused(&server, &dummy, NOT_SIGNED).await;
    let both = [("client_assertion", dummy.as_str()), ("client_secret", SECRET)];
    let both: Vec<_> = FORM.into_iter().chain(both).collect();
    let answer = server.post(PATH, &both).await;
    assert_eq!(answer.refusal().0, 400, "two methods at once: {}", answer.text);
    assert_eq!(present(&server, &signed(&header(), &claims())).await.status, 200);
}

/// Several libraries: the header's own `jwk`, `jku`, `x5u` or `x5c`, or a `kid` that is a path or a
/// query, chose the key.
#[tokio::test]
async fn jwk_jku_x5u_kid_injection_the_header_brings_no_key() {
    let server = server().await;
    let evil = json!("https://evil.example/keys");
    for (name, value) in [
        ("jwk", stranger_jwk()),
        ("jku", evil.clone()),
        ("x5u", evil),
        ("x5c", json!(["MIIB"])),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("x' UNION SELECT 'key' --")),
    ] {
        refused(&server, &signed_by_stranger(&with(header(), name, value), &claims()), NOT_SIGNED)
            .await;
    }
}

/// Reported 2024, public February 2025: a malicious server names the victim's address as audience
/// and the client signs it; servers took lists and any address of theirs.
#[tokio::test]
async fn private_key_jwt_audience_injection_the_audience_is_this_endpoint_alone() {
    let server = server().await;
    let own = format!("{BASE}/{ACME}/oauth2/v2.0/token");
    for audience in [
        json!([own, "https://evil.example"]),
        json!(["https://evil.example", own]),
        json!("https://evil.example/oauth2/v2.0/token"),
        json!(format!("{BASE}/globex.test/oauth2/v2.0/token")),
        json!(format!("{BASE}/{ACME}/oauth2/v2.0/authorize")),
        json!(format!("{BASE}/{ACME}/discovery/v2.0/keys")),
        json!(own.replace("https://", "https://evil@")),
        json!(BASE),
    ] {
        let assertion = signed(&header(), &with(claims(), "aud", audience));
        refused(&server, &assertion, (401, "invalid_client", 700_023)).await;
    }
}

/// Keycloak: each `jti` was cached until the `exp` that the client chose, without a bound. Here a
/// life is bounded, and a client that need not be strict leaves nothing behind.
#[tokio::test]
async fn cve_2025_2559_assertions_do_not_fill_a_cache() {
    let server = server().await;
    let year = json!(NOW.unix_seconds() + 365 * 86_400);
    let long = signed(&header(), &with(claims(), "exp", year));
    refused(&server, &long, (401, "invalid_client", 700_024)).await;
    let assertion = signed(&header(), &claims());
    assert_eq!(present(&server, &assertion).await.status, 200);
    let before = server.server.store.reads();
    assert_eq!(present(&server, &assertion).await.status, 200);
    assert_eq!(server.server.store.reads(), before);
}

/// fosite (also Hydra CVE-2020-5300): the uniqueness of `jti` was not checked.
#[tokio::test]
async fn cve_2020_15222_a_strict_clients_assertion_counts_once() {
    let server = server().await;
    server.edit(DAEMON, |app| app.behalf.strict_assertions = true).await;
    let claims = with(claims(), "aud", json!(format!("{BASE}/{ACME}/v2.0")));
    let assertion = signed(&header(), &claims);
    assert_eq!(present(&server, &assertion).await.status, 200);
    refused(&server, &assertion, NOT_SIGNED).await;
    let resigned = signed(&with(header(), "typ", json!("jwt")), &claims);
    refused(&server, &resigned, NOT_SIGNED).await;
    let next = signed(&header(), &with(claims, "jti", json!("two")));
    assert_eq!(present(&server, &next).await.status, 200);
}

/// go-jose (also golang-jwt CVE-2025-30204, x/oauth2 CVE-2025-22868): splitting on dots allocated
/// for each of a million dots before anything was checked.
#[tokio::test]
async fn cve_2025_27144_dots_are_counted_no_further_than_needed() {
    let server = server().await;
    for dots in [0, 1, 3, 4, 30_000] {
        refused(&server, &".".repeat(dots + 1), NOT_SIGNED).await;
    }
    let endless = ".".repeat(1_000_000);
    let unread = behalf_jose::jws::Unverified::parse(
        &endless,
        behalf_jose::jws::Profile::ClientAssertion,
        endless.len(),
    );
    assert!(unread.is_err());
}

/// go-jose (also CVE-2024-28122, CVE-2023-49290, CVE-2023-6681): an encrypted token asked for work:
/// a bomb to inflate, two billion rounds of PBES2.
#[tokio::test]
async fn cve_2024_28180_an_encrypted_assertion_asks_for_no_work() {
    let server = server().await;
    for header in [
        json!({ "alg": "dir", "enc": "A256GCM", "zip": "DEF" }),
        json!({ "alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 2_147_483_647_u32, "p2s": "AA" }),
    ] {
        let five = format!("{}..AAAA.{}.AAAA", encoded(header.to_string()), encoded([0; 8_192]));
        refused(&server, &five, NOT_SIGNED).await;
    }
}

/// jwx (also go-jose CVE-2026-34986): a JSON serialization without its members, or an empty part,
/// was a panic from the network.
#[tokio::test]
async fn cve_2024_21664_shapes_without_members_are_refused() {
    let server = server().await;
    for text in [
        r#"{"payload":"e30","signatures":[{}]}"#,
        r#"{"payload":"e30","signature":"AA"}"#,
        "{}",
        "..",
        "....",
        "e30.e30.",
        "e30..AAAA",
        "bnVsbA.bnVsbA.AAAA",
        "W10.W10.AAAA",
    ] {
        refused(&server, text, NOT_SIGNED).await;
    }
}

/// Entra, July 2025: an unsigned wrapper around a real token was believed, tenant and user included.
#[tokio::test]
async fn cve_2025_55241_a_wrapper_is_not_believed_for_what_it_wraps() {
    let server = server().await;
    let actor = server.post(PATH, &good()).await.json()["access_token"].clone();
    let wrapper = with(claims(), "actortoken", actor.clone());
    let unsigned = compact(&json!({ "alg": "none" }), &wrapper, |_| Vec::new());
    refused(&server, &unsigned, NOT_SIGNED).await;
    let answer = present(&server, actor.as_str().unwrap()).await;
    assert_eq!(answer.status, 401, "an access token is no assertion: {}", answer.text);
}

/// Storm-0558: one key set served two purposes. The server's own key signs tokens; it vouches for
/// no client.
#[tokio::test]
async fn storm_0558_the_servers_key_is_no_clients_key() {
    let server = server().await;
    let keys = server.server.keys.current();
    let key = keys.active(TokenAlg::Rs256, NOW);
    let version = behalf_core::application::TokenVersion::V1;
    let forged = key.sign(version, claims().to_string().as_bytes()).unwrap();
    refused(&server, &forged, NOT_SIGNED).await;
}
