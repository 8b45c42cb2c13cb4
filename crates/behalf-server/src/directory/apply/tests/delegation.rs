//! What a manifest says of the sign-in of users and of what is granted in their names.

use behalf_core::application::Platform;
use serde_json::json;

use super::*;

#[tokio::test]
async fn what_an_application_says_of_sign_in_is_applied_and_told() {
    let w = World::new().await;
    let app = |name: &str, more: Value| {
        let mut app = json!({ "name": name, "uri": "api://stock" });
        app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "apps": [app, { "name": "viewer", "type": "native" }] })
    };
    let wanted = json!({
        "offers": { "scopes": { "Stock.Read": { "consent": "user", "require": { "mfa": true } } } },
        "redirects": ["https://stock.acme.test/cb", { "spa": "http://localhost:3000" }],
        "logout": "https://stock.acme.test/bye",
        "fallback-public-client": true,
        "password-grant": true,
        "optional-claims": { "access-token": ["act"], "id-token": ["email"] },
        "require": { "max-age": "1h", "acrs": ["c1"] },
        "pre-authorized": { "viewer": ["Stock.Read"] },
    });
    let told = lines(&apply(&w, app("stock", wanted.clone())).await.lines);
    for expected in [
        "~ stock: password grant not allowed -> allowed",
        "~ stock: fallback client none -> public",
        "~ stock: logout URL none -> https://stock.acme.test/bye",
        "~ stock: demand none -> sign-in within 1h, c1",
        "+ stock: redirect http://localhost:3000",
        "+ stock: optional claim in access tokens act",
        "+ stock: optional claim in ID tokens email",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected}\n{told:#?}");
    }
    assert_eq!(lines(&apply(&w, app("stock", wanted)).await.lines), [""; 0]);
    let stock = w.directory.application(w.acme.id, &AppRef::Name("stock".into())).await.unwrap();
    assert_eq!(stock.redirects[1].platform, Platform::Spa);
    assert_eq!(stock.pre_authorized[0].scopes, [stock.scopes[0].id].into(), "by id");
    assert!(stock.scopes[0].require.mfa && stock.behalf.password_grant);

    for (wrong, expected) in [
        (json!({ "redirects": ["http://stock.acme.test"] }), "redirects: \"http://stock"),
        (json!({ "redirects": [{ "spa": "app://cb" }] }), "redirects: \"app://cb\": a spa"),
        (json!({ "logout": "javascript:/x" }), "\"javascript:/x\""),
        (json!({ "optional-claims": { "id-token": ["act"] } }), "the optional claim act is for"),
        (json!({ "require": { "acrs": ["c 1"] } }), "`acrs`: expected"),
        (
            json!({ "pre-authorized": { "viewer": ["Stock.Burn"] } }),
            "pre-authorized: stock offers no scope \"Stock.Burn\", but Stock.Read",
        ),
    ] {
        let found = problems(&w, app("stock", wrong)).await;
        assert!(found[0].starts_with(&format!("stock: {expected}")), "{found:?}");
    }
}

#[tokio::test]
async fn consent_for_everyone_covers_scopes_and_leaves_users_their_own() {
    let w = World::new().await;
    let world = |consent: Value| {
        json!({
            "apps": [
                { "name": "ledger", "pre-authorized": { "trusted": ["Entries.Read"] }, "offers": { "scopes": {
                    "Entries.Read": { "consent": "user" }, "Entries.Post": { "consent": "admin" },
                } } },
                { "name": "orders", "offers": { "scopes": { "Orders.Read": { "consent": "user" } } },
                  "calls": { "ledger": { "as-user": ["Entries.Read", "Entries.Post"] } },
                  "combined-consent-for": ["desk"] },
                { "name": "desk", "type": "native", "calls": { "orders": { "as-user": ["Orders.Read"] } } },
                { "name": "trusted", "calls": { "ledger": { "as-user": ["Entries.Read"] } } },
            ],
            "grants": { "admin-consent": consent },
        })
    };
    let told = lines(&apply(&w, world(json!(["orders", "trusted"]))).await.lines);
    let grants: Vec<_> = told.iter().filter(|line| line.contains("grant ")).collect();
    assert_eq!(
        grants,
        ["+ grant orders: ledger Entries.Post", "+ grant orders: ledger Entries.Read"]
    );
    assert_eq!(lines(&apply(&w, world(json!(["orders", "trusted"]))).await.lines), [""; 0]);
    // What one application gets is said of that one: nothing is combined.
    let expected = ["+ grant desk: orders Orders.Read", "- grant orders: all of its 2 permissions"];
    assert_eq!(lines(&apply(&w, world(json!(["desk", "trusted"]))).await.lines), expected);
    assert_eq!(lines(&apply(&w, world(json!(["desk", "trusted"]))).await.lines), [""; 0]);
}
