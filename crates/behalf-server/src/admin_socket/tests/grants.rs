//! Consent over the socket.

use super::*;

async fn world(server: &Arc<Server>) {
    acme(server).await;
    let manifest = json!({
        "apiVersion": "behalf/v1",
        "tenant": "acme.test",
        "apps": [
            { "name": "ledger", "offers": { "scopes": { "Entries.Read": { "consent": "user" } } } },
            { "name": "orders", "calls": { "ledger": { "as-user": ["Entries.Read"] } } },
        ],
    });
    let (status, applied) = post(server, "/v1/apply", &json!({ "manifest": manifest })).await;
    assert_eq!(status, StatusCode::OK, "{applied}");
}

#[tokio::test]
async fn consent_is_given_listed_and_taken_back() {
    let server = server().await;
    world(&server).await;
    let at = "/v1/tenants/acme.test/grants";
    let wanted = json!({ "client": "orders", "permissions": [{ "api": "ledger", "value": "Entries.Read" }] });
    let (status, granted) = post(&server, at, &wanted).await;
    let expected = json!([
        { "client": "orders", "resource": "ledger", "value": "Entries.Read", "kind": "scope" },
    ]);
    assert_eq!((status, granted), (StatusCode::OK, expected));
    let (_, again) = post(&server, at, &json!({ "client": "orders" })).await;
    assert_eq!(again, json!([]), "all that it requires is granted");
    let (_, list) = get(&server, &format!("{at}?client=orders")).await;
    assert_eq!(list[0]["values"], json!(["Entries.Read"]));
    assert_eq!(list[0].get("user"), None, "everyone's");
    let (_, all) = get(&server, at).await;
    assert_eq!(all, list);
    let revoke = format!("{at}/revoke");
    let (_, revoked) =
        post(&server, &revoke, &json!({ "client": "orders", "api": "ledger" })).await;
    assert_eq!(revoked, json!({ "permissions": 1 }));
    assert_eq!(get(&server, at).await.1, json!([]));
    assert_eq!(get(&server, "/v1/tenants/acme.test/consent-requests").await.1, json!([]));
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let server = server().await;
    world(&server).await;
    let at = "/v1/tenants/acme.test/grants";
    let nil = "00000000-0000-0000-0000-000000000000";
    for (path, body, status, expected) in [
        (at, json!({ "client": "nobody" }), 404, "no application \"nobody\""),
        (at, json!({ "client": nil }), 400, "cannot be used in this tenant"),
        (at, json!({ "clients": "orders" }), 400, "unknown field"),
        ("/v1/tenants/nowhere/grants", json!({ "client": "orders" }), 404, "no tenant"),
        (&format!("{at}/revoke"), json!({ "client": nil }), 404, "no service principal"),
        (
            "/v1/tenants/acme.test/consent-requests/decline",
            json!({ "client": nil, "user": nil }),
            404,
            "no such request",
        ),
    ] {
        let (found, answer) = post(&server, path, &body).await;
        assert_eq!(found.as_u16(), status, "{body}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(expected), "{body}: {answer}");
    }
}
