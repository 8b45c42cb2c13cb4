//! The password grant over HTTP (RFC 6749 4.3, protocol 8.6; CC-17, CN-11, CN-12).

use std::time::Duration;

use behalf_core::{application::SignInAudience, user::Totp};

use super::browser::{
    Browser, DESK, PASSWORD, WEB, edit_user, request, user_id, world as browsers_world,
};
use crate::common::{ACME, Answer, TestServer, encode};

const SCOPES: &str = "openid offline_access api://orders/Orders.Read";
const BOB: &str = "bob@acme.test";
const TOKEN: &str = "/acme.test/oauth2/v2.0/token";

/// Bob has consented to desk-app, which may use his password in Acme.
async fn world() -> TestServer {
    let server = browsers_world().await;
    Browser::new(&server).whole_way(&request(&[]), BOB).await;
    server.edit(DESK, |desk| desk.behalf.password_grant = true).await;
    server.edit_tenant(ACME, |acme| acme.users.password_grant = true).await;
    server
}

fn form<'a>(client: &'a str, name: &'a str, password: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("grant_type", "password"),
        ("client_id", client),
        ("username", name),
        ("password", password),
        ("scope", SCOPES),
    ]
}

async fn sign_in(server: &TestServer, name: &str, password: &str) -> Answer {
    server.post(TOKEN, &form(&DESK.to_string(), name, password)).await
}

fn refused(code: u64, error: &str) -> (u16, String, u64) {
    (400, error.to_owned(), code)
}

#[tokio::test]
async fn tokens_for_a_password() {
    let server = world().await;
    let answer = sign_in(&server, " Bob@Acme.Test ", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (_, claims) = answer.token();
    assert_eq!((&claims["scp"], &claims["tid"]), (&"Orders.Read".into(), &ACME.to_string().into()));
    assert_eq!(claims["oid"], user_id(BOB).to_string());
    assert!(answer.json()["id_token"].is_string());
    let (client, refresh) = (DESK.to_string(), answer.text_of("refresh_token"));
    let again =
        [("grant_type", "refresh_token"), ("client_id", &*client), ("refresh_token", &refresh)];
    assert_eq!(server.post(TOKEN, &again).await.status, 200);
    let v1 = [
        ("grant_type", "password"),
        ("client_id", &*client),
        ("username", BOB),
        ("password", PASSWORD),
        ("resource", "api://orders"),
    ];
    let answer = server.post("/acme.test/oauth2/token", &v1).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let event = server.event(answer.header("x-ms-request-id").unwrap().parse().unwrap());
    assert_eq!(event.grant, behalf_core::event::Grant::Password);
}

#[tokio::test]
async fn cc_17_off_unless_tenant_and_application_allow_it() {
    let server = browsers_world().await;
    let off = refused(70_003, "unsupported_grant_type");
    assert_eq!(sign_in(&server, BOB, PASSWORD).await.refusal(), off);
    server.edit(DESK, |desk| desk.behalf.password_grant = true).await;
    assert_eq!(sign_in(&server, BOB, PASSWORD).await.refusal(), off);
    server.edit(DESK, |desk| desk.behalf.password_grant = false).await;
    server.edit_tenant(ACME, |acme| acme.users.password_grant = true).await;
    assert_eq!(sign_in(&server, BOB, PASSWORD).await.refusal(), off);
    assert_eq!(sign_in(&server, BOB, "wrong").await.refusal(), off, "and nothing is tried");
    server.edit(DESK, |desk| desk.behalf.password_grant = true).await;
    assert_eq!(sign_in(&server, BOB, PASSWORD).await.refusal().2, 65_001, "consent is not implied");
}

#[tokio::test]
async fn cn_12_nobody_learns_who_exists() {
    let server = world().await;
    let told = async |name: &str, password: &str| {
        let answer = sign_in(&server, name, password).await;
        let mut json = answer.json();
        for own in ["trace_id", "correlation_id", "timestamp", "error_description"] {
            json.as_object_mut().unwrap().remove(own);
        }
        let text = answer.text_of("error_description");
        (answer.status, json, text.split(" Trace ID").next().unwrap().to_owned())
    };
    let wrong = told(BOB, "wrong").await;
    assert_eq!(wrong.1["error_codes"][0], 50_126);
    for name in ["nobody@acme.test", "dan@acme.test", "gus@globex.test", "no name", "@"] {
        assert_eq!(told(name, "wrong").await, wrong, "{name}");
    }
    let long = "x".repeat(300);
    assert_eq!(told(BOB, &long).await, wrong, "longer than any");
    assert_eq!(told(BOB, &format!("{PASSWORD} ")).await, wrong, "a blank counts");
    // Only who knows the password is told.
    assert_eq!(told("dan@acme.test", PASSWORD).await.1["error_codes"][0], 50_057);
}

#[tokio::test]
async fn cn_11_a_thousand_guesses_are_ten_and_the_user_signs_in_elsewhere() {
    let server = world().await;
    for _ in 0..10 {
        assert_eq!(sign_in(&server, BOB, "wrong").await.refusal().2, 50_126);
    }
    let locked = refused(50_053, "invalid_grant");
    assert_eq!(sign_in(&server, BOB, "wrong").await.refusal(), locked);
    assert_eq!(sign_in(&server, BOB, PASSWORD).await.refusal(), locked, "not looked at");
    for _ in 0..10 {
        assert_eq!(sign_in(&server, "nobody@acme.test", "wrong").await.refusal().2, 50_126);
    }
    assert_eq!(sign_in(&server, "nobody@acme.test", "wrong").await.refusal(), locked, "CN-12");
    let (client, elsewhere) = (DESK.to_string(), "198.51.100.9:1".parse().unwrap());
    let answer = server.post_from(elsewhere, TOKEN, &form(&client, BOB, PASSWORD)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    server.clock.advance(Duration::from_mins(1));
    assert_eq!(sign_in(&server, BOB, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_second_factor_is_never_skipped() {
    let server = world().await;
    edit_user(&server, BOB, |bob| {
        bob.totp = Some(Totp { sealed_secret: String::new(), last_step: 0 });
    })
    .await;
    let answer = sign_in(&server, BOB, PASSWORD).await;
    assert_eq!(answer.refusal(), refused(50_076, "invalid_grant"));
    assert_eq!(answer.json()["suberror"], "basic_action");
    assert_eq!(sign_in(&server, BOB, "wrong").await.refusal().2, 50_126, "told to him alone");
}

#[tokio::test]
async fn organizations_is_the_users_and_common_nobodys() {
    let server = world().await;
    let client = DESK.to_string();
    let told = async |segment: &str, name: &str| {
        let path = format!("/{segment}/oauth2/v2.0/token");
        server.post(&path, &form(&client, name, PASSWORD)).await
    };
    let one_directory = told("organizations", BOB).await.refusal();
    assert_eq!(one_directory, refused(50_194, "invalid_request"));
    server.edit(DESK, |desk| desk.audience = SignInAudience::Multi).await;
    let answer = told("Organizations", BOB).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.token().1["tid"], ACME.to_string());
    assert_eq!(told("common", BOB).await.refusal(), refused(9_001_023, "invalid_request"));
    assert_eq!(told("consumers", BOB).await.refusal().2, 90_002);
    for nowhere in ["bob@nowhere.test", "bob", ""] {
        let code = told("organizations", nowhere).await.refusal().2;
        assert_eq!(code, 50_059, "{nowhere}");
    }
    let globex = told("organizations", "gus@globex.test").await.refusal();
    assert_eq!(
        globex,
        refused(70_003, "unsupported_grant_type"),
        "his directory does not allow it"
    );
}

#[tokio::test]
async fn who_may_ask_without_a_credential() {
    let server = world().await;
    server.edit(WEB, |web| web.behalf.password_grant = true).await;
    let web = server.post(TOKEN, &form(&WEB.to_string(), BOB, PASSWORD)).await;
    assert_eq!(web.refusal(), (401, "invalid_client".to_owned(), 7_000_218));
    for missing in ["username", "password", "scope"] {
        let client = DESK.to_string();
        let form: Vec<_> =
            form(&client, BOB, PASSWORD).into_iter().filter(|(name, _)| *name != missing).collect();
        let answer = server.post(TOKEN, &form).await;
        assert_eq!(answer.refusal(), refused(900_144, "invalid_request"), "{missing}");
    }
}

async fn hash_of(server: &TestServer, name: &str) -> String {
    let reading = server.server.store.reading();
    let user = reading.user(ACME, user_id(name)).await.unwrap().unwrap();
    user.value.password.unwrap().0
}

const TODAY: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

#[tokio::test]
async fn a_right_password_is_kept_under_todays_parameters() {
    let server = browsers_world().await;
    server.edit(DESK, |desk| desk.behalf.password_grant = true).await;
    server.edit_tenant(ACME, |acme| acme.users.password_grant = true).await;
    let old = hash_of(&server, BOB).await;
    assert!(!old.starts_with(TODAY), "{old}");
    sign_in(&server, BOB, "wrong").await;
    assert_eq!(hash_of(&server, BOB).await, old, "a wrong one is not");
    let reading = server.server.store.reading();
    let before = reading.user(ACME, user_id(BOB)).await.unwrap().unwrap().value.revisions;
    assert_eq!(sign_in(&server, BOB, PASSWORD).await.refusal().2, 65_001);
    let new = hash_of(&server, BOB).await;
    assert!(new.starts_with(TODAY), "{new}");
    let after = reading.user(ACME, user_id(BOB)).await.unwrap().unwrap().value.revisions;
    assert_eq!(before, after, "nothing ends by it");
    assert_eq!(sign_in(&server, BOB, PASSWORD).await.refusal().2, 65_001, "the same password");
    assert_eq!(hash_of(&server, BOB).await, new, "once");
    // In the browser too.
    let landing = Browser::new(&server).whole_way(&request(&[]), "ada@acme.test").await;
    assert!(!landing.get("code").is_empty());
    assert!(hash_of(&server, "ada@acme.test").await.starts_with(TODAY));
}

/// 200 at once, each from elsewhere and for another name: as many as fit are looked at, and the
/// others are told to come again, in JSON.
#[tokio::test]
async fn a_flood_of_passwords_is_sent_away() {
    let server = world().await;
    let client = DESK.to_string();
    let tries = (0..200_u32).map(|n| {
        let (server, client) = (&server, &client);
        async move {
            let peer = format!("198.51.{}.{}:1", n / 200, n % 200).parse().unwrap();
            let name = format!("user{n}@acme.test");
            server.post_from(peer, TOKEN, &form(client, &name, "wrong")).await
        }
    });
    let answers = futures_util::future::join_all(tries).await;
    let (wrong, busy): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 400);
    // As many as wait, and those whose turn came meanwhile.
    assert!((64..200).contains(&wrong.len()), "{}", wrong.len());
    for answer in busy {
        let told = answer.refusal();
        assert_eq!(told, (503, "temporarily_unavailable".to_owned(), 90_006));
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(sign_in(&server, BOB, PASSWORD).await.status, 200, "and all is well again");
}

#[tokio::test]
async fn the_password_is_in_no_answer() {
    let server = world().await;
    let secret = "a-password-that-nobody-else-has";
    let answer = sign_in(&server, BOB, secret).await;
    assert!(!answer.text.contains(secret));
    let body = encode(&[("grant_type", "password"), ("password", secret), ("password", secret)]);
    assert!(!server.post_body(TOKEN, &body).await.text.contains(secret));
}
