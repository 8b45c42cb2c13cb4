//! Which tokens are accepted: the claims of protocol 5.6 and the rows MW-04 to MW-33.

use behalf_jose::{Algorithm, SigningKey, base64url};
use behalf_resource::{Caller, Refusal, ResourceServer};
use serde_json::{Value, json};

use crate::world::{
    ACME, API, CLIENT, GLOBEX, HOST, INITECH, NOW, PRINCIPAL, V1_KEYS, V2_KEYS, app_v1, app_v2,
    elliptic, first, jwk, raw_token, second, token, user_v2, with, world,
};

async fn verdict(server: &ResourceServer, claims: &Value) -> Result<(), Refusal> {
    server.validate(&token(claims, "k1", &first())).await.map(drop)
}

/// Each change to a good v2 app token, with the refusal it must meet.
async fn refuses(server: &ResourceServer, base: fn() -> Value, rows: &[(Value, Refusal)]) {
    assert_eq!(verdict(server, &base()).await, Ok(()), "the unchanged token");
    for (change, expected) in rows {
        let claims = with(base(), change);
        assert_eq!(verdict(server, &claims).await, Err(expected.clone()), "{change}");
    }
}

#[tokio::test]
async fn both_versions_and_both_kinds_of_caller_are_recognised() {
    let server = world().server().await;
    let accepted = async |claims: Value| {
        server.validate(&token(&claims, "k1", &first())).await.unwrap().caller().clone()
    };
    for claims in [app_v1(), app_v2(), with(app_v2(), &json!({ "idtyp": "app", "roles": null }))] {
        let Caller::App { tenant, oid, client, .. } = accepted(claims).await else {
            panic!("an application's token")
        };
        assert_eq!(tenant.to_string(), ACME);
        assert_eq!(oid.to_string(), PRINCIPAL);
        assert_eq!(client.to_string(), CLIENT);
    }
    let user_v1 = with(app_v1(), &json!({ "scp": "Entries.Read", "sub": "pairwise" }));
    for claims in [user_v2(), user_v1] {
        assert!(matches!(accepted(claims).await, Caller::User { .. }));
    }
}

#[tokio::test]
async fn mw_09_the_audience_must_be_ours_alone() {
    let server = world().server().await;
    let aud = |aud: Value| (json!({ "aud": aud }), Refusal::Audience);
    let rows = [
        aud(json!("3f6c2a0e-0000-4000-8000-00000000000b")),
        aud(json!("api://ledger")),
        aud(json!("")),
        aud(json!(&API[..35])),
        aud(json!(format!("{API}0"))),
        aud(json!(API.to_uppercase())),
        aud(json!([API, "api://other"])),
        aud(json!([API, API])),
        aud(json!([])),
        aud(json!(format!("{HOST}/{ACME}/v2.0"))),
    ];
    refuses(&server, app_v2, &rows).await;
    for aud in [json!([API]), json!(format!("{API}/")), json!(format!("api://{API}"))] {
        assert_eq!(
            verdict(&server, &with(app_v2(), &json!({ "aud": aud }))).await,
            Ok(()),
            "{aud}"
        );
    }
}

#[tokio::test]
async fn mw_11_and_12_the_tenant_must_be_the_issuers_and_an_accepted_one() {
    let server = world().server().await;
    let iss = |tenant: &str| format!("{HOST}/{tenant}/v2.0");
    let rows = [
        (json!({ "tid": null }), Refusal::Issuer),
        (json!({ "tid": GLOBEX }), Refusal::Issuer),
        (json!({ "tid": "" , "iss": iss("") }), Refusal::Issuer),
        (json!({ "tid": "acme.test", "iss": iss("acme.test") }), Refusal::Issuer),
        (json!({ "tid": "{tenantid}", "iss": iss("{tenantid}") }), Refusal::Issuer),
        (
            json!({ "iss": "https://evil.test/11111111-1111-4111-8111-111111111111/v2.0" }),
            Refusal::Issuer,
        ),
        (json!({ "iss": format!("{HOST}/{ACME}/") }), Refusal::Issuer),
        (json!({ "iss": format!("{HOST}/{ACME}/v2.0/") }), Refusal::Issuer),
        (json!({ "iss": format!("https://sts.windows.net/{ACME}/v2.0") }), Refusal::Issuer),
        (json!({ "tid": INITECH, "iss": iss(INITECH) }), Refusal::Tenant),
        (json!({ "ver": "1.0" }), Refusal::Version),
        (json!({ "ver": null }), Refusal::Version),
        (json!({ "iss": format!("https://sts.windows.net/{ACME}/") }), Refusal::Version),
    ];
    refuses(&server, app_v2, &rows).await;
    let globex = json!({ "tid": GLOBEX, "iss": iss(GLOBEX) });
    assert_eq!(verdict(&server, &with(app_v2(), &globex)).await, Ok(()));
    refuses(&server, app_v1, &[(json!({ "ver": "2.0" }), Refusal::Version)]).await;
}

#[tokio::test]
async fn mw_13_accepted_from_nbf_less_300_s_until_just_before_exp_plus_300_s() {
    let world = world();
    let server = world.server().await;
    let (nbf, exp) = (NOW + 1000, NOW + 2000);
    let claims = with(app_v2(), &json!({ "nbf": nbf, "exp": exp }));
    for (now, expected) in [
        (nbf - 301, Err(Refusal::NotYetValid)),
        (nbf - 300, Ok(())),
        (nbf, Ok(())),
        (exp, Ok(())),
        (exp + 60, Ok(())),
        (exp + 299, Ok(())),
        (exp + 300, Err(Refusal::Expired { ago: 300 })),
        (exp + 301, Err(Refusal::Expired { ago: 301 })),
        // A clock that is set back does not let an early token through either.
        (nbf - 301, Err(Refusal::NotYetValid)),
    ] {
        world.clock.set(now);
        assert_eq!(verdict(&server, &claims).await, expected, "at {now}");
    }
}

#[tokio::test]
async fn mw_14_and_18_claims_of_a_wrong_type_are_refused() {
    let server = world().server().await;
    let malformed = |change: Value| (change, Refusal::Malformed);
    let rows = [
        malformed(json!({ "exp": null })),
        malformed(json!({ "iat": null })),
        malformed(json!({ "exp": (NOW + 3600).to_string() })),
        malformed(json!({ "exp": -1 })),
        malformed(json!({ "exp": 1.8e9 + 0.5 })),
        malformed(json!({ "nbf": "soon" })),
        malformed(json!({ "iat": true })),
        malformed(json!({ "roles": "Entries.Read.All" })),
        malformed(json!({ "roles": [1] })),
        malformed(json!({ "roles": {} })),
        malformed(json!({ "scp": ["Entries.Read"] })),
        malformed(json!({ "aud": null })),
        malformed(json!({ "aud": 7 })),
        malformed(json!({ "iss": null })),
        malformed(json!({ "oid": 7 })),
    ];
    refuses(&server, app_v2, &rows).await;
    let far = with(app_v2(), &json!({ "exp": u64::MAX }));
    assert_eq!(verdict(&server, &far).await, Ok(()), "no overflow");
    let twice = app_v2().to_string().replace('}', r#","aud":"again"}"#);
    let twice = raw_token(r#"{"alg":"RS256","kid":"k1"}"#, &twice, &first());
    assert_eq!(server.validate(&twice).await.unwrap_err(), Refusal::Malformed);
}

#[tokio::test]
async fn an_id_token_is_refused_and_so_is_what_is_no_clear_caller() {
    let server = world().server().await;
    let rows = [
        (json!({ "azp": null }), Refusal::NotAnAccessToken),
        (json!({ "azp": "not an id" }), Refusal::NotAnAccessToken),
        (json!({ "oid": null }), Refusal::Caller),
        (json!({ "oid": "ann@acme.test", "sub": "ann@acme.test" }), Refusal::Caller),
        (json!({ "sub": "someone else" }), Refusal::Caller),
        (json!({ "sub": null }), Refusal::Caller),
        (json!({ "idtyp": "user" }), Refusal::Caller),
        (json!({ "idtyp": "app", "scp": "Entries.Read" }), Refusal::Caller),
    ];
    refuses(&server, app_v2, &rows).await;
}

#[tokio::test]
async fn mw_04_05_07_and_31_the_signature_must_be_of_the_key_and_its_algorithm() {
    let server = world().server().await;
    let claims = app_v2();
    let good = token(&claims, "k1", &first());
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = input.split_once('.').unwrap();
    let other = token(&with(claims.clone(), &json!({ "uti": "x" })), "k1", &first());
    let (other_input, other_signature) = other.rsplit_once('.').unwrap();
    let none = base64url::encode(r#"{"alg":"none","kid":"k1"}"#);
    let hs256 = base64url::encode(r#"{"alg":"HS256","kid":"k1"}"#);
    let payload = base64url::encode(claims.to_string());
    let modulus = first().public_jwk().n.unwrap();
    let mac = aws_lc_rs::hmac::sign(
        &aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, modulus.as_bytes()),
        format!("{hs256}.{payload}").as_bytes(),
    );
    let pss = SigningKey::from_pkcs8(Algorithm::Ps256, &first().to_pkcs8().unwrap()).unwrap();
    let rows = [
        ("payload edited", format!("{other_input}.{signature}")),
        ("signature of another token", format!("{input}.{other_signature}")),
        ("no signature", format!("{input}.")),
        ("alg none", format!("{none}.{payload}.")),
        ("HS256 with the modulus", format!("{hs256}.{payload}.{}", base64url::encode(mac))),
        ("another key", token(&claims, "k1", &second())),
        ("an EC key under the RSA key's name", token(&claims, "k1", &elliptic())),
        ("PS256 with an RS256 key", token(&claims, "k1", &pss)),
        (
            "PS256 declared RS256",
            raw_token(r#"{"alg":"RS256","kid":"k1"}"#, &claims.to_string(), &pss),
        ),
    ];
    for (name, token) in rows {
        assert_eq!(server.validate(&token).await.unwrap_err(), Refusal::Signature, "{name}");
    }
    let no_kid = raw_token(r#"{"alg":"RS256"}"#, &claims.to_string(), &first());
    assert_eq!(server.validate(&no_kid).await.unwrap_err(), Refusal::UnknownKey);
    assert!(header.len() > 10 && server.validate(&good).await.is_ok());
}

#[tokio::test]
async fn mw_06_keys_in_the_header_are_ignored_and_cause_no_fetch() {
    let world = world();
    let server = world.server().await;
    let before = world.service.total();
    for member in [
        format!(r#""jwk":{}"#, jwk("k1", &second())),
        r#""jku":"https://evil.test/keys""#.to_owned(),
        r#""x5u":"https://evil.test/cert""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"k1",{member}}}"#);
        let token = raw_token(&header, &app_v2().to_string(), &second());
        assert_eq!(server.validate(&token).await.unwrap_err(), Refusal::Signature, "{member}");
    }
    assert_eq!(world.service.total(), before);
}

#[tokio::test]
async fn mw_08_a_key_is_looked_up_among_its_issuers_and_serves_its_issuer_only() {
    let world = world();
    // k2 signs v2 tokens only, and k3 is limited to GLOBEX.
    let mut limited = jwk("k3", &elliptic());
    limited["issuer"] = format!("{HOST}/{GLOBEX}/v2.0").into();
    world.service.set(V1_KEYS, &json!({ "keys": [jwk("k1", &first())] }));
    world
        .service
        .set(V2_KEYS, &json!({ "keys": [jwk("k1", &first()), jwk("k2", &second()), limited] }));
    let server = world.server().await;
    let globex = json!({ "tid": GLOBEX, "iss": format!("{HOST}/{GLOBEX}/v2.0") });
    for (claims, kid, key, expected) in [
        (app_v2(), "k2", &second(), Ok(())),
        (app_v1(), "k2", &second(), Err(Refusal::UnknownKey)),
        (with(app_v2(), &globex), "k3", &elliptic(), Ok(())),
        (app_v2(), "k3", &elliptic(), Err(Refusal::UnknownKey)),
    ] {
        let verdict = server.validate(&token(&claims, kid, key)).await.map(drop);
        assert_eq!(verdict, expected, "{kid} {claims}");
    }
}

#[tokio::test]
async fn a_v1_token_is_accepted_under_a_v1_key_that_names_the_metadatas_issuer() {
    let world = world();
    let mut key = jwk("k1", &first());
    key["issuer"] = "https://sts.windows.net/{tenantid}/".into();
    world.service.set(V1_KEYS, &json!({ "keys": [key] }));
    let mut foreign = jwk("k1", &first());
    foreign["cloud_instance_name"] = "elsewhere.test".into();
    world.service.set(V2_KEYS, &json!({ "keys": [foreign] }));
    let server = world.server().await;
    assert_eq!(verdict(&server, &app_v1()).await, Ok(()));
    assert_eq!(verdict(&server, &app_v2()).await, Err(Refusal::UnknownKey), "of another cloud");
}

#[tokio::test]
async fn mw_21_23_and_24_other_forms_spellings_and_sizes_are_refused() {
    let server = world().server().await;
    let good = token(&app_v2(), "k1", &first());
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let parts: Vec<_> = good.split('.').collect();
    let nested = raw_token(r#"{"alg":"RS256","kid":"k1"}"#, &format!("\"{good}\""), &first());
    let rows = [
        String::new(),
        "....".to_owned(),
        ".".repeat(16_000),
        ".".repeat(1_000_000),
        "A".repeat(65_536),
        format!("{good}="),
        format!("{good} "),
        format!("{rest}.+{}", &signature[1..]),
        format!("{rest}./{}", &signature[1..]),
        format!("{rest}. {signature}"),
        format!("{rest}.{signature}.a.b"),
        format!("{}..{}", parts[0], parts[2]),
        json!({ "payload": parts[1], "protected": parts[0], "signature": parts[2] }).to_string(),
        nested,
    ];
    for text in rows {
        let verdict = server.validate(&text).await.unwrap_err();
        assert_eq!(verdict, Refusal::Malformed, "{}", &text[..text.len().min(60)]);
    }
    let long = with(app_v2(), &json!({ "groups": vec![ACME; 400] }));
    assert_eq!(verdict(&server, &long).await, Err(Refusal::Malformed), "over 16 KiB");
    let groups = with(app_v2(), &json!({ "groups": vec![ACME; 200] }));
    assert_eq!(verdict(&server, &groups).await, Ok(()), "Entra's longest");
}
