//! Users over the admin socket.

use http::StatusCode;
use serde_json::json;

use super::{NOW, acme, get, post, send, server};
use crate::session::totp::TotpSecret;

#[tokio::test]
async fn users_are_made_and_changed_and_a_password_is_shown_once() {
    let server = server().await;
    acme(&server).await;
    let users = "/v1/tenants/acme.test/users";
    let new = json!({ "name": "Bob@acme.test", "password": "generate" });
    let (status, made) = post(&server, users, &new).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    assert_eq!(made["password"].as_str().unwrap().len(), 23);
    let bob = format!("{users}/bob@acme.test");
    let (_, shown) = get(&server, &bob).await;
    assert_eq!((&shown["name"], &shown["password"]), (&json!("bob@acme.test"), &json!(true)));
    assert!(!shown.to_string().contains("argon2"), "{shown}");
    let given = json!({ "password": { "value": "correct horse" } });
    let (status, reset) = post(&server, &format!("{bob}/password"), &given).await;
    assert_eq!((status, reset.get("password")), (StatusCode::OK, None));
    for (path, body, expected, told) in [
        (users.to_owned(), new, StatusCode::CONFLICT, "there is a user"),
        (users.to_owned(), json!({ "name": "bob" }), StatusCode::BAD_REQUEST, "is no user name"),
        (
            users.to_owned(),
            json!({ "name": "eve@acme.test", "password": { "from-env": "HOME" } }),
            StatusCode::BAD_REQUEST,
            "was not read",
        ),
        (
            format!("{bob}/password"),
            json!({ "password": { "value": "Bob" } }),
            StatusCode::BAD_REQUEST,
            "expected at least 8",
        ),
        (
            format!("{users}/eve@acme.test/state"),
            json!({ "disabled": true }),
            StatusCode::NOT_FOUND,
            "there is no user",
        ),
        (
            format!("{bob}/roles"),
            json!({ "add": ["king"] }),
            StatusCode::BAD_REQUEST,
            "unknown variant",
        ),
    ] {
        let (status, refused) = post(&server, &path, &body).await;
        assert_eq!(status, expected, "{path} {refused}");
        assert!(refused["message"].as_str().unwrap().contains(told), "{path} {refused}");
    }
    let (status, gone) = send(&server, "DELETE", &bob, "").await;
    assert_eq!((status, &gone["id"]), (StatusCode::OK, &shown["id"]));
    assert_eq!(get(&server, &bob).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_second_factor_is_registered_with_a_code_of_it() {
    let server = server().await;
    acme(&server).await;
    let users = "/v1/tenants/acme.test/users";
    post(&server, users, &json!({ "name": "bob@acme.test" })).await;
    let bob = format!("{users}/bob@acme.test");
    let (_, begun) = post(&server, &format!("{bob}/begin-second-factor"), &json!({})).await;
    let secret = begun["secret"].as_str().unwrap();
    let uri = format!("otpauth://totp/behalf:bob%40acme.test?secret={secret}&issuer=behalf");
    assert_eq!(begun["uri"], json!(uri));
    assert_eq!(get(&server, &bob).await.1["secondFactor"], false, "nothing is kept yet");
    let code = TotpSecret::from_base32(secret).unwrap().code_at(NOW);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let add = format!("{bob}/add-second-factor");
    for body in [
        json!({ "secret": secret, "code": wrong }),
        json!({ "secret": secret, "code": "" }),
        json!({ "secret": "not base32", "code": code }),
    ] {
        let (status, refused) = post(&server, &add, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
        assert!(!refused.to_string().contains(secret), "{refused}");
        assert_eq!(get(&server, &bob).await.1["secondFactor"], false);
    }
    let (status, added) = post(&server, &add, &json!({ "secret": secret, "code": code })).await;
    assert_eq!((status, &added["secondFactor"]), (StatusCode::OK, &json!(true)));
    assert!(!added.to_string().contains(secret), "{added}");
}
