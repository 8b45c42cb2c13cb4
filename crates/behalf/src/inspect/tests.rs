mod agreement;

use std::{fmt::Write as _, path::PathBuf};

use behalf_jose::{Algorithm, EncodedHeader, JwkSet, SigningKey, base64url, sign_compact};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    ApiFacts, InspectArgs,
    input::{NoToken, token_in},
    report, run,
};

const NOW: u64 = 1_795_351_340;
const TENANT: &str = "ac3e0000-0000-4000-8000-000000000001";
const DAEMON: &str = "dae00000-0000-4000-8000-000000000001";
const ORDERS: &str = "a9100000-0000-4000-8000-000000000003";
const LEDGER: &str = "a9200000-0000-4000-8000-000000000004";

/// A dev instance: its key, and what ledger-api accepts.
struct World {
    key: SigningKey,
    ledger: ApiFacts,
}

impl World {
    fn new() -> Self {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let mut jwk = key.public_jwk();
        jwk.kid = Some("5c1d".into());
        let name = |id: &str, name: &str| (id.to_owned(), name.to_owned());
        let ledger = ApiFacts {
            name: "ledger-api".into(),
            issuer_base: "https://localhost:8443".into(),
            tenants: vec![TENANT.into()],
            audiences: vec![LEDGER.into(), "api://ledger".into()],
            scopes: vec!["Entries.Read".into()],
            roles: vec!["Entries.Read.All".into(), "Entries.Post.All".into()],
            keys: JwkSet { keys: vec![jwk] },
            names: [
                name(DAEMON, "invoice-daemon"),
                name(ORDERS, "orders-api"),
                name(TENANT, "acme.test"),
            ]
            .into(),
        };
        Self { key, ledger }
    }

    fn sign(&self, claims: &Value) -> String {
        let header = EncodedHeader::new("JWT", &self.key, "5c1d", None);
        sign_compact(&header, claims.to_string().as_bytes(), &self.key).unwrap()
    }

    fn judge(&self, claims: &Value) -> String {
        self.judge_text(&self.sign(claims))
    }

    fn judge_text(&self, token: &str) -> String {
        report(token, Some(&self.ledger), NOW).unwrap().to_string()
    }

    /// The lines of the verdict that failed, and the fixes.
    fn wrong(&self, claims: &Value) -> String {
        let text = self.judge(claims);
        let (_, verdict) = text.split_once("Would ").unwrap();
        verdict.lines().filter(|line| !line.starts_with("  ok")).collect::<Vec<_>>().join("\n")
    }
}

fn app_token() -> Value {
    json!({
        "aud": LEDGER, "iss": format!("https://localhost:8443/{TENANT}/v2.0"),
        "iat": NOW - 300, "nbf": NOW - 300, "exp": NOW + 3540,
        "azp": DAEMON, "azpacr": "1", "oid": "dae00000-0000-4000-8000-0000000000f1",
        "sub": "dae00000-0000-4000-8000-0000000000f1", "roles": ["Entries.Read.All"],
        "tid": TENANT, "uti": "AAAAAAAAAAAAAAAAAAAABQ", "ver": "2.0",
    })
}

fn with(mut claims: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(&name);
        } else {
            claims[name] = value;
        }
    }
    claims
}

#[test]
fn a_token_that_is_accepted() {
    insta::assert_snapshot!(World::new().judge(&app_token()));
}

#[test]
fn a_token_for_another_api_without_roles() {
    let claims = with(app_token(), json!({"aud": ORDERS, "roles": null}));
    insta::assert_snapshot!(World::new().judge(&claims));
}

#[test]
fn without_an_api_there_is_no_verdict_and_ids_stay_ids() {
    let v1 = json!({
        "aud": "api://ledger", "iss": format!("https://localhost:8443/{TENANT}/"),
        "idp": format!("https://localhost:8443/{TENANT}/"), "appid": DAEMON, "appidacr": "2",
        "oid": DAEMON, "sub": DAEMON, "tid": TENANT, "ver": "1.0", "exp": NOW - 4000, "rh": "0.A",
    });
    let report = report(&World::new().sign(&v1), None, NOW).unwrap();
    assert_eq!(report.accepted(), None);
    insta::assert_snapshot!(report.to_string());
}

#[test]
fn a_users_token() {
    let claims = with(
        app_token(),
        json!({
            "sub": "pairwise", "scp": "Entries.Post", "roles": ["Entries.Read.All"],
            "preferred_username": "bob@acme.test", "name": "Bob",
        }),
    );
    insta::assert_snapshot!(World::new().judge(&claims));
}

#[test]
fn each_thing_that_can_be_wrong_has_its_line_and_its_fix() {
    let world = World::new();
    let mut all = String::new();
    for (case, changes) in [
        ("expired", json!({"exp": NOW - 301})),
        ("within the skew", json!({"exp": NOW - 299})),
        ("not yet", json!({"nbf": NOW + 301})),
        ("exp is a text", json!({"exp": "1795354940"})),
        ("another server", json!({"iss": format!("https://sts.example/{TENANT}/")})),
        ("http", json!({"iss": format!("http://localhost:8443/{TENANT}/v2.0")})),
        ("v1 issuer, v2 token", json!({"iss": format!("https://localhost:8443/{TENANT}/")})),
        ("another tenant's issuer", json!({"iss": "https://localhost:8443/x/v2.0"})),
        (
            "another tenant",
            json!({"tid": ORDERS, "iss": format!("https://localhost:8443/{ORDERS}/v2.0")}),
        ),
        ("v1 name of another API", json!({"aud": "api://orders"})),
        ("the name in other letters", json!({"aud": "api://Ledger"})),
        ("two audiences", json!({"aud": [LEDGER, ORDERS]})),
        ("an ID token", json!({"azp": null, "roles": null, "nonce": "n", "name": "Bob"})),
        ("neither app nor user", json!({"sub": "x"})),
        ("no role", json!({"roles": null})),
        ("another role", json!({"roles": ["Entries.Delete.All"]})),
        ("a scope it has not", json!({"scp": "x"})),
    ] {
        let _ = writeln!(all, "{case}: {}", world.wrong(&with(app_token(), changes)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn signatures() {
    let world = World::new();
    let good = world.sign(&app_token());
    let (message, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{message}.{}", base64url::encode([1; 64]));
    assert!(world.judge_text(&forged).contains("FAIL  signature   does not hold under kid 5c1d"));

    let stranger = World::new();
    let foreign = world.judge_text(&stranger.sign(&app_token()));
    assert!(foreign.contains("FAIL  signature"), "a key of the same name does not help");

    let header = EncodedHeader::new("JWT", &world.key, "other", None);
    let unknown = sign_compact(&header, app_token().to_string().as_bytes(), &world.key).unwrap();
    assert!(world.judge_text(&unknown).contains("kid other is not in this server's key set"));

    let none = base64url::encode(r#"{"alg":"none","kid":"5c1d"}"#);
    let unsigned = format!("{none}.{}.", good.split('.').nth(1).unwrap());
    assert!(world.judge_text(&unsigned).contains("FAIL  signature"));
}

#[test]
fn an_api_that_asks_for_nothing_takes_any_permission() {
    let mut world = World::new();
    world.ledger.roles.clear();
    let report =
        report(&world.sign(&with(app_token(), json!({"roles": null}))), Some(&world.ledger), NOW);
    assert_eq!(report.unwrap().accepted(), Some(true));
}

#[test]
fn a_client_assertion_is_told_from_a_token() {
    let claims = json!({
        "aud": format!("https://localhost:8443/{TENANT}/oauth2/v2.0/token"), "iss": DAEMON,
        "sub": DAEMON, "jti": "1", "exp": NOW + 600,
    });
    let text = World::new().judge(&claims);
    assert!(text.starts_with("A client assertion of invoice-daemon"), "{text}");
    assert!(text.contains("as client_assertion"), "{text}");
}

#[test]
fn hostile_text_stays_text() {
    let claims = with(
        app_token(),
        json!({
            "roles": ["\u{1b}[31mred\u{1b}[0m", "\u{202e}txt"],
            "\u{7}bell": "line\nbreak", "long": "x".repeat(5000), "deep": {"a": [1, null]},
        }),
    );
    let text = World::new().judge(&claims);
    assert!(text.chars().all(|c| c == '\n' || c == '…' || !c.is_control()), "{text}");
    assert!(!text.contains('\u{202e}') && text.contains("\\u{1b}[31mred"), "{text}");
    assert!(text.len() < 4000, "{} bytes", text.len());

    let many: serde_json::Map<String, Value> =
        (0..1000).map(|n| (format!("claim{n:04}"), json!(n))).collect();
    let text = World::new().judge(&Value::Object(many));
    assert!(text.contains("and 976 more"), "{text}");
}

#[test]
fn the_token_is_found_in_what_people_paste() {
    for text in [
        "eyJ.eyJ.c2ln",
        " eyJ.eyJ.c2ln\n",
        "Bearer eyJ.eyJ.c2ln",
        "bearer  eyJ.eyJ.c2ln",
        r#"{"token_type":"Bearer","access_token":"eyJ.eyJ.c2ln"}"#,
    ] {
        assert_eq!(token_in(text).as_deref(), Ok("eyJ.eyJ.c2ln"), "{text}");
    }
    for (text, expected) in [
        ("", NoToken::Empty),
        (" \n", NoToken::Empty),
        ("bhs_0123456789", NoToken::Secret),
        ("behalf-dev-invoice-daemon", NoToken::Secret),
        ("a.b.c.d.e", NoToken::Encrypted),
        ("{}", NoToken::Json),
        ("{", NoToken::Json),
        (r#"{"access_token":1}"#, NoToken::Json),
        (r#"{"error":"invalid_client"}"#, NoToken::Json),
        ("token", NoToken::NotAJwt),
        ("a.b", NoToken::NotAJwt),
        ("a. b.c", NoToken::NotAJwt),
    ] {
        let error = token_in(text).unwrap_err();
        assert_eq!(error, expected, "{text}");
        assert!(text.len() < 5 || !error.to_string().contains(text), "{error}");
    }
}

#[test]
fn standard_input_and_files_are_read_within_bounds() {
    let world = World::new();
    let token = world.sign(&app_token());
    let stdin = InspectArgs { api: None, file: PathBuf::from("-") };
    let read = |text: &str| run(&stdin, Some(&world.ledger), NOW, &mut text.as_bytes());
    let inspection = read(&token).unwrap();
    assert_eq!(inspection.accepted, Some(true));
    assert!(inspection.text.starts_with("An app-only access token (v2.0) for ledger-api"));

    let error = read(&"x".repeat(65 * 1024)).unwrap_err();
    assert_eq!(format!("{error:#}"), "standard input: over 64 KiB: no token is that long");
    assert!(run(&stdin, None, NOW, &mut [0xff_u8, 0xfe].as_slice()).is_err(), "not UTF-8");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, &token).unwrap();
    let from_file = InspectArgs { api: None, file: file.clone() };
    let text = run(&from_file, Some(&world.ledger), NOW, &mut [].as_slice()).unwrap().text;
    assert_eq!(text, inspection.text);
    let missing = InspectArgs { api: None, file: folder.path().join("none") };
    let error = run(&missing, None, NOW, &mut [].as_slice()).unwrap_err();
    assert!(error.to_string().starts_with("there is no file"), "{error:#}");
}

proptest! {
    #[test]
    fn any_text_is_explained_or_refused(text in "\\PC{0,80}") {
        let world = World::new();
        if let Ok(token) = token_in(&text) {
            let _ = report(&token, Some(&world.ledger), NOW);
        }
    }

    #[test]
    fn any_claims_are_explained(
        name in "(aud|iss|azp|scp|roles|exp|nbf|uti|tid|ver|oid|sub|x)",
        text in "\\PC{0,20}",
        number: f64,
    ) {
        let world = World::new();
        for value in [json!(text), json!(number), json!([text]), json!({"a": text})] {
            let text = world.judge(&with(app_token(), json!({name.clone(): value})));
            prop_assert!(text.contains("Would ledger-api accept it?"));
        }
    }
}
