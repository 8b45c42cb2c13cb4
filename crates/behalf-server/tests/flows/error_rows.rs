//! Every row of the error table that a client can reach here, in its envelope: status, `error`,
//! number, ids, headers (vectors V5, V9–V14, V32).

use crate::common::{DAEMON, LEDGER, TREND, TestServer, good, good_but};
use behalf_core::application::AppKind;

const V2: &str = "/acme.test/oauth2/v2.0/token";

/// What is sent, and the row it must meet.
type Row<'a> = (&'a str, String, (u16, &'a str, u64));

#[tokio::test]
async fn rows_a_request_alone_can_reach() {
    let server = TestServer::start().await;
    let with = |name, value| crate::common::encode(&good_but(name, value));
    let plus = |extra: &str| format!("{}&{extra}", crate::common::encode(&good()));
    let long_scope = "api://ledger/.default ".repeat(200);
    let rows: Vec<Row<'_>> = vec![
        (V2, "%zz=1".into(), (400, "invalid_request", 9_002_313)),
        (V2, "client_id=%ff%fe".into(), (400, "invalid_request", 9_002_313)),
        (V2, "client_id=a%00b".into(), (400, "invalid_request", 9_002_313)),
        (V2, plus("grant_type=client_credentials"), (400, "invalid_request", 9_000_411)),
        (V2, plus("client_secret=x"), (400, "invalid_request", 9_000_411)),
        (
            V2,
            plus(
                "client_assertion=x&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
            ),
            (400, "invalid_request", 90_023),
        ),
        (V2, String::new(), (400, "invalid_request", 900_144)),
        (V2, with("grant_type", ""), (400, "invalid_request", 900_144)),
        (V2, with("grant_type", "password"), (400, "unsupported_grant_type", 70_003)),
        (V2, with("grant_type", &"x".repeat(10_000)), (400, "unsupported_grant_type", 70_003)),
        (V2, with("scope", ""), (400, "invalid_request", 900_144)),
        (V2, with("scope", "api://ledger/Entries.Read"), (400, "invalid_scope", 1_002_012)),
        (
            V2,
            with("scope", "api://ledger/.default api://orders/.default"),
            (400, "invalid_scope", 28_000),
        ),
        (
            V2,
            with("scope", "api://ledger/.default api://ledger/Entries.Read"),
            (400, "invalid_scope", 70_011),
        ),
        (V2, with("scope", &long_scope), (400, "invalid_scope", 70_011)),
        (V2, plus("resource=api%3A%2F%2Fledger"), (400, "invalid_request", 901_002)),
        (
            V2,
            with("client_id", "00000000-0000-0000-0000-000000000000"),
            (400, "unauthorized_client", 700_038),
        ),
        (
            V2,
            with("client_id", "dae00000-0000-4000-8000-000000000099"),
            (400, "unauthorized_client", 700_016),
        ),
        (V2, with("client_id", "invoice-daemon"), (400, "unauthorized_client", 700_016)),
        (
            V2,
            with("client_id", "{dae00000-0000-4000-8000-000000000001}"),
            (400, "unauthorized_client", 700_016),
        ),
        (V2, with("client_secret", ""), (401, "invalid_client", 7_000_216)),
        (V2, with("client_secret", "wrong"), (401, "invalid_client", 7_000_215)),
        (V2, with("client_secret", "behalf-dev-invoice-daemo"), (401, "invalid_client", 7_000_215)),
        (
            V2,
            with("client_secret", "behalf-dev-invoice-daemonx"),
            (401, "invalid_client", 7_000_215),
        ),
        (V2, with("client_secret", "' OR 1=1 --"), (401, "invalid_client", 7_000_215)),
        (V2, with("client_secret", &"a".repeat(60_000)), (401, "invalid_client", 7_000_215)),
        (
            V2,
            with("client_secret", "an-expired-secret-of-some-length"),
            (401, "invalid_client", 7_000_222),
        ),
        (
            V2,
            with("client_secret", "5ec00000-0000-4000-8000-000000000001"),
            (401, "invalid_client", 7_000_215),
        ),
        (V2, with("scope", "api://nothing/.default"), (400, "invalid_resource", 500_011)),
        (
            "/globex.test/oauth2/v2.0/token",
            with("scope", "api://ledger/.default"),
            (400, "unauthorized_client", 700_016),
        ),
        ("/nobody.test/oauth2/v2.0/token", with("x", ""), (400, "invalid_request", 90_002)),
        (
            "/00000000-0000-4000-8000-000000000009/oauth2/v2.0/token",
            with("x", ""),
            (400, "invalid_request", 90_002),
        ),
        ("/consumers/oauth2/v2.0/token", with("x", ""), (400, "invalid_request", 90_002)),
        ("/acme/oauth2/v2.0/token", with("x", ""), (400, "invalid_request", 900_023)),
        ("/acme.test%00/oauth2/v2.0/token", with("x", ""), (400, "invalid_request", 900_023)),
        ("/a%27b.test/oauth2/v2.0/token", with("x", ""), (400, "invalid_request", 900_023)),
        ("/common/oauth2/v2.0/token", with("x", ""), (400, "invalid_request", 50_059)),
        ("/Organizations/oauth2/token", with("x", ""), (400, "invalid_request", 50_059)),
    ];
    for (path, body, (status, error, code)) in rows {
        let answer = server.post_body(path, &body).await;
        let shown: String = body.chars().take(120).collect();
        assert_eq!(answer.refusal(), (status, error.to_owned(), code), "{path} {shown}");
        check_envelope(&answer, code);
        if let Some(secret) = body.split('&').find_map(|f| f.strip_prefix("client_secret=")) {
            assert!(secret.len() < 6 || !answer.text.contains(secret), "a secret is repeated");
        }
    }
}

fn check_envelope(answer: &crate::common::Answer, code: u64) {
    let json = answer.json();
    let text = json["error_description"].as_str().unwrap();
    let trace = json["trace_id"].as_str().unwrap();
    assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
    assert!(text.contains(&format!(" Trace ID: {trace} Correlation ID: ")), "{text}");
    assert!(text.ends_with(json["timestamp"].as_str().unwrap()), "{text}");
    assert_eq!(answer.header("x-ms-request-id"), Some(trace));
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store, no-cache"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("server").is_none());
    let uri = json.get("error_uri").map(|u| u.as_str().unwrap().to_owned());
    let expected = format!("https://localhost:8443/error?code={code}");
    assert_eq!(uri, (![70_003, 700_038].contains(&code)).then_some(expected));
    assert!(json.get("access_token").is_none());
}

#[tokio::test]
async fn rows_that_the_directory_decides() {
    let server = TestServer::start().await;
    let expect = |answer: crate::common::Answer, row: (u16, &str, u64)| {
        assert_eq!(answer.refusal(), (row.0, row.1.to_owned(), row.2), "{}", answer.text);
    };

    // A multi-tenant client that nobody added here: said only to who holds its secret (V14).
    let id = TREND.to_string();
    let trend = [
        ("grant_type", "client_credentials"),
        ("client_id", &id),
        ("scope", "api://ledger/.default"),
    ];
    let with =
        |secret| trend.iter().copied().chain([("client_secret", secret)]).collect::<Vec<_>>();
    expect(
        server.post(V2, &with("behalf-dev-trend-report")).await,
        (401, "invalid_client", 7_000_229),
    );
    expect(server.post(V2, &with("wrong")).await, (401, "invalid_client", 7_000_215));

    server.edit_principal(DAEMON, |p| p.disabled = true).await;
    expect(server.post(V2, &good()).await, (400, "unauthorized_client", 7_000_112));
    expect(
        server.post(V2, &good_but("client_secret", "wrong")).await,
        (401, "invalid_client", 7_000_215),
    );
    server.edit_principal(DAEMON, |p| p.disabled = false).await;

    server.edit(DAEMON, |app| app.disabled = true).await;
    expect(server.post(V2, &good()).await, (400, "unauthorized_client", 7_000_112));
    server.edit(DAEMON, |app| app.disabled = false).await;

    server.edit_principal(LEDGER, |p| p.disabled = true).await;
    expect(server.post(V2, &good()).await, (400, "invalid_resource", 500_014));
    server.edit_principal(LEDGER, |p| p.disabled = false).await;

    server.edit(DAEMON, |app| app.kind = AppKind::Native).await;
    expect(server.post(V2, &good()).await, (401, "invalid_client", 700_025));
    server.edit(DAEMON, |app| app.kind = AppKind::Daemon).await;
    assert_eq!(server.post(V2, &good()).await.status, 200);
}
