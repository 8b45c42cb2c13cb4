//! V34 in full: an on-behalf-of refresh token stands on the user, the middle tier and what that was
//! granted. What becomes of the client that it all began with is no matter; the rest bites at once.

use behalf_core::{grant::GrantedFor, user::UserEvent};
use behalf_server::directory::{AppRef, Directory};
use behalf_store::{WriteSet, records};

use crate::common::{
    ACME, Answer, LEDGER, TestServer,
    users::{ADA, API_SECRET, ARCHIVE, CLI, ORDERS, grant},
};

/// `orders-api`'s refresh token for Ada, whom `invoice-cli` brought; it may read `archive-api` too.
async fn refresh_token() -> (TestServer, String) {
    let server = TestServer::with_users().await;
    server.put_grant(&grant(ORDERS, ARCHIVE, GrantedFor::User(ADA), &[5])).await;
    let scope = "api://ledger/Entries.Read offline_access";
    let answer = server.obo(ORDERS, &server.token_for_orders().await, scope).await;
    let token = answer.text_of("refresh_token");
    (server, token)
}

async fn redeem(server: &TestServer, token: &str, scope: &str) -> Answer {
    server.refresh(ORDERS, Some(API_SECRET), (token, scope)).await
}

/// What becomes of the front client.
#[derive(Debug, Clone, Copy)]
enum Front {
    GrantGone,
    Disabled,
    PrincipalDisabled,
    PrincipalDeleted,
    Deleted,
}

async fn becomes(server: &TestServer, front: Front) {
    let directory = Directory::of(&server.server);
    match front {
        Front::GrantGone => {
            server.put_grant(&grant(CLI, ORDERS, GrantedFor::User(ADA), &[])).await;
        }
        Front::Disabled => server.edit(CLI, |cli| cli.disabled = true).await,
        Front::PrincipalDisabled => {
            directory.set_service_principal_disabled(ACME, CLI, true).await.unwrap();
        }
        Front::PrincipalDeleted => directory.delete_service_principal(ACME, CLI).await.unwrap(),
        Front::Deleted => directory.delete_application(ACME, &AppRef::AppId(CLI)).await.unwrap(),
    }
}

#[tokio::test]
async fn v34_whatever_becomes_of_the_front_client() {
    for front in [
        Front::GrantGone,
        Front::Disabled,
        Front::PrincipalDisabled,
        Front::PrincipalDeleted,
        Front::Deleted,
    ] {
        let (server, token) = refresh_token().await;
        becomes(&server, front).await;
        let same = redeem(&server, &token, "").await;
        assert_eq!(same.status, 200, "{front:?}: {}", same.text);
        let (_, claims) = same.token();
        assert_eq!(
            (&claims["scp"], &claims["oid"]),
            (&"Entries.Read".into(), &ADA.to_string().into())
        );
        assert_eq!(claims["azp"], ORDERS.to_string(), "{front:?}");
        let other =
            redeem(&server, &same.text_of("refresh_token"), "api://archive/Boxes.Read").await;
        assert_eq!(other.token().1["aud"], ARCHIVE.to_string(), "{front:?}");
        // And whom it is passed on to goes on in the same way.
        let assertion = same.text_of("access_token");
        let onward = server.obo(LEDGER, &assertion, "api://archive/Boxes.Read").await;
        assert_eq!(onward.status, 200, "{front:?}: {}", onward.text);
    }
}

#[tokio::test]
async fn v34_the_user_revoked() {
    for (event, expected) in [
        (UserEvent::SessionsRevoked, 50_173),
        (UserEvent::PasswordReset, 50_173),
        (UserEvent::Disabled, 50_057),
    ] {
        let (server, token) = refresh_token().await;
        server
            .edit_ada(|ada| {
                ada.disabled = event == UserEvent::Disabled;
                ada.undergo(event);
            })
            .await;
        assert_eq!(redeem(&server, &token, "").await.refusal().2, expected, "{event:?}");
        server.edit_ada(|ada| ada.disabled = false).await;
        assert_eq!(redeem(&server, &token, "").await.refusal().2, 50_173, "for good");
    }
    // A new password of the user's own ends only what public clients have of it.
    let (server, token) = refresh_token().await;
    server.edit_ada(|ada| ada.undergo(UserEvent::PasswordChanged)).await;
    assert_eq!(redeem(&server, &token, "").await.status, 200);
    let ada = server.server.store.reading().user(ACME, ADA).await.unwrap().unwrap();
    let mut set = WriteSet::new();
    records::user::delete(&mut set, &ada);
    server.server.store.commit(set).await.unwrap();
    assert_eq!(redeem(&server, &token, "").await.refusal().2, 50_034);
}

#[tokio::test]
async fn v34_the_middle_tier_or_its_grant_revoked() {
    let (server, token) = refresh_token().await;
    server.put_grant(&grant(ORDERS, LEDGER, GrantedFor::Everyone, &[])).await;
    assert_eq!(redeem(&server, &token, "").await.refusal().2, 65_001);
    let other = redeem(&server, &token, "api://archive/Boxes.Read").await;
    assert_eq!(other.status, 200, "the other grant is another grant");

    let (server, token) = refresh_token().await;
    let directory = Directory::of(&server.server);
    directory.set_service_principal_disabled(ACME, ORDERS, true).await.unwrap();
    assert_eq!(redeem(&server, &token, "").await.refusal().2, 7_000_112);
    directory.set_service_principal_disabled(ACME, ORDERS, false).await.unwrap();
    assert_eq!(redeem(&server, &token, "").await.refusal().2, 50_173, "enabled, not raised");

    let (server, token) = refresh_token().await;
    server.edit(ORDERS, |orders| orders.disabled = true).await;
    assert_eq!(redeem(&server, &token, "").await.refusal().2, 7_000_112);

    let (server, token) = refresh_token().await;
    let directory = Directory::of(&server.server);
    directory.delete_service_principal(ACME, ORDERS).await.unwrap();
    assert_ne!(redeem(&server, &token, "").await.status, 200);
    directory.create_service_principal(ACME, ORDERS).await.unwrap();
    server.put_grant(&grant(ORDERS, LEDGER, GrantedFor::Everyone, &[2])).await;
    let anew = redeem(&server, &token, "").await;
    assert_eq!(anew.refusal().2, 700_016, "the one that it was given to is gone");
}
