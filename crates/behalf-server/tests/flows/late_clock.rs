//! A node whose clock is behind the one that made the deployment.

use std::time::Duration;

use behalf_core::time::Timestamp;

use super::browser::{Browser, DESK, PASSWORD, request, world};
use crate::common::{ACME, NOW, encode, nodes::Deployment};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A deployment that is there since [`NOW`], and what came of a node's start at another time.
async fn starts_at(now: Timestamp) -> Result<(), String> {
    let deployment = Deployment::new();
    deployment.bare(1).await;
    deployment.clock.jump_to(now);
    deployment.try_bare(2).await.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn it_does_not_start_and_says_which_clock_to_look_at() {
    let refused = starts_at(NOW.minus(HOUR)).await.unwrap_err();
    assert_eq!(
        refused,
        "the clock says 2026-11-22 11:00:00Z, but no sealing key of this deployment is in force \
         before 2026-11-22 11:55:00Z: this node's clock is behind, or the clock of the node that \
         made the key was ahead; compare them (`date -u` on each node), set the wrong one (NTP) and \
         start this node again"
    );
}

#[tokio::test]
async fn what_nodes_may_differ_by_keeps_nobody_from_starting() {
    for now in [NOW.minus(5 * MINUTE), NOW.minus(MINUTE), NOW, NOW.plus(HOUR)] {
        starts_at(now).await.unwrap();
    }
}

#[tokio::test]
async fn one_that_is_set_back_answers_503_until_it_is_right_again() {
    let server = world().await;
    server.edit(DESK, |desk| desk.behalf.password_grant = true).await;
    server.edit_tenant(ACME, |acme| acme.users.password_grant = true).await;
    Browser::new(&server).whole_way(&request(&[]), "bob@acme.test").await;
    let client = DESK.to_string();
    let form = [
        ("grant_type", "password"),
        ("client_id", &*client),
        ("username", "bob@acme.test"),
        ("password", PASSWORD),
        ("scope", "openid offline_access api://orders/Orders.Read"),
    ];
    let sign_in = async || server.post_body("/acme.test/oauth2/v2.0/token", &encode(&form)).await;
    assert_eq!(sign_in().await.status, 200);
    let right = server.clock_now();
    server.clock.jump_to(right.minus(2 * HOUR));
    let told = server.server.tickets.keys().maintain().await.unwrap_err().to_string();
    assert!(told.starts_with("the clock says 2026-11-22 10:00:00Z, but no"), "{told}");
    let unavailable = (503, "temporarily_unavailable".to_owned(), 90_006);
    assert_eq!(sign_in().await.refusal(), unavailable);
    let page = server.get(&request(&[])).await;
    assert_eq!(page.status, 503, "{}", page.text);
    assert!(page.text.contains("AADSTS90006") && page.header("retry-after").is_some());
    server.clock.jump_to(right);
    server.server.tickets.keys().maintain().await.unwrap();
    assert_eq!(sign_in().await.status, 200);
    assert_eq!(server.get(&request(&[])).await.status, 200);
}
