//! Signing keys that have had their time.

use std::time::Duration;

use behalf_core::application::TokenAlg;
use behalf_server::keys::When;

use crate::common::assertion::PATH;
use crate::common::{NOW, TestServer, good};

/// Storm-0558: a consumer key of 2016, expired in 2021, still verified in 2023. Here a key vouches
/// for what was signed in its own time, and for nothing once it is retired.
#[tokio::test]
async fn storm_0558_a_retired_key_verifies_nothing() {
    let server = TestServer::start().await;
    let ring = &server.server.keys;
    let kid = ring.current().active(TokenAlg::Rs256, NOW).kid().to_owned();
    let token = server.post(PATH, &good()).await.token().0;
    assert_eq!(token["kid"], kid);
    assert!(ring.current().verifying(&kid, NOW, NOW).is_some(), "while it signs");

    ring.maintain().await.unwrap();
    ring.rotate(TokenAlg::Rs256, When::Now).await.unwrap();
    let hour = NOW.plus(Duration::from_hours(1));
    assert!(ring.current().verifying(&kid, NOW, hour).is_some(), "tokens of its time go on");
    assert!(ring.current().verifying(&kid, hour, hour).is_none(), "it signs no more");

    let years = NOW.plus(Duration::from_hours(2 * 365 * 24));
    server.clock.advance(Duration::from_hours(2 * 365 * 24));
    ring.maintain().await.unwrap();
    for issued in [NOW, hour, years] {
        assert!(ring.current().verifying(&kid, issued, years).is_none(), "{issued:?}");
    }
    for path in ["/acme.test/discovery/keys", "/acme.test/discovery/v2.0/keys"] {
        assert!(!server.get(path).await.text.contains(&kid), "{path}");
    }
}

/// Storm-0558, the other half: a stolen key could not be withdrawn quickly.
#[tokio::test]
async fn storm_0558_a_revoked_key_verifies_nothing_at_once() {
    let server = TestServer::start().await;
    let ring = &server.server.keys;
    let kid = ring.current().active(TokenAlg::Rs256, NOW).kid().to_owned();
    ring.maintain().await.unwrap();
    ring.revoke(&kid).await.unwrap();
    assert!(ring.current().verifying(&kid, NOW, NOW.plus(Duration::from_secs(1))).is_none());
    server.clock.advance(Duration::from_secs(1));
    assert_ne!(server.post(PATH, &good()).await.token().0["kid"], kid);
    assert!(!server.get("/acme.test/discovery/v2.0/keys").await.text.contains(&kid));
}
