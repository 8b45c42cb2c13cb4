//! What users may do and have, over the socket.

use super::*;

const BOB: &str = "/v1/tenants/acme.test/users/bob@acme.test";

async fn world(server: &Arc<Server>) {
    acme(server).await;
    let manifest = json!({
        "apiVersion": "behalf/v1",
        "tenant": "acme.test",
        "apps": [{
            "name": "orders",
            "offers": { "roles": { "Clerk": { "for": ["user"] }, "Robot": { "for": ["app"] } } },
        }],
        "users": [{ "name": "bob@acme.test" }],
    });
    let (status, applied) = post(server, "/v1/apply", &json!({ "manifest": manifest })).await;
    assert_eq!(status, StatusCode::OK, "{applied}");
}

#[tokio::test]
async fn a_policy_changes_by_what_is_given() {
    let server = server().await;
    world(&server).await;
    let at = "/v1/tenants/acme.test/user-policy";
    let with = |consent: bool, password: bool, degraded: bool| json!({ "userConsent": consent, "passwordGrant": password, "degradedService": degraded });
    let policy = |consent: bool, password: bool| with(consent, password, true);
    assert_eq!(get(&server, at).await, (StatusCode::OK, policy(true, false)));
    for (change, after) in [
        (json!({ "userConsent": false }), policy(false, false)),
        (json!({ "passwordGrant": true }), policy(false, true)),
        (json!({}), policy(false, true)),
        (json!({ "userConsent": true, "passwordGrant": false }), policy(true, false)),
        (json!({ "degradedService": false }), with(true, false, false)),
        (json!({ "userConsent": false }), with(false, false, false)),
        (json!({ "degradedService": true, "userConsent": true }), policy(true, false)),
    ] {
        assert_eq!(post(&server, at, &change).await, (StatusCode::OK, after), "{change}");
    }
    let (status, _) = post(&server, at, &json!({ "consent": true })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(get(&server, "/v1/tenants/nobody.test/user-policy").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_user_gets_roles_that_are_for_users() {
    let server = server().await;
    world(&server).await;
    let at = format!("{BOB}/assignments");
    let wanted =
        |app: &str, role: &str, assigned| json!({ "app": app, "role": role, "assigned": assigned });
    for body in [
        wanted("orders", "Clerk", true),
        wanted("orders", "Clerk", true),
        wanted("orders", "Clerk", false),
        json!({ "app": "orders", "assigned": true }),
    ] {
        assert_eq!(post(&server, &at, &body).await.0, StatusCode::OK, "{body}");
    }
    for (body, expected, told) in [
        (wanted("orders", "Robot", true), StatusCode::BAD_REQUEST, "no enabled role"),
        (wanted("nobody", "Clerk", true), StatusCode::NOT_FOUND, "no application"),
        (json!({ "app": "orders" }), StatusCode::BAD_REQUEST, "missing field"),
    ] {
        let (status, refused) = post(&server, &at, &body).await;
        assert_eq!(status, expected, "{refused}");
        assert!(refused["message"].as_str().unwrap().contains(told), "{refused}");
    }
}
