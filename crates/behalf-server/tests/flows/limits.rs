//! Too many requests: who is held back, with which answer, and who is not (V31; rows DS-12, DS-13).

use std::time::Duration;

use behalf_server::limits::{LimitSettings, Rate};

use crate::common::{TestServer, good, good_but};

const V2: &str = "/acme.test/oauth2/v2.0/token";

fn tight() -> LimitSettings {
    LimitSettings {
        client: Rate { per_second: 1, burst: 3 },
        address: Rate { per_second: 10, burst: 50 },
        ..LimitSettings::UNLIMITED
    }
}

#[tokio::test]
async fn a_client_that_does_not_cache_is_slowed_down_and_let_in_again() {
    let server = TestServer::with(|s| s.limits = tight()).await;
    let mut refused = None;
    for _ in 0..10 {
        let answer = server.post(V2, &good()).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let answer = refused.expect("ten requests at once are too many");
    assert_eq!(answer.refusal(), (429, "temporarily_unavailable".to_owned(), 90_055));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    server.clock.advance(Duration::from_secs(wait));
    assert_eq!(server.post(V2, &good()).await.status, 200);
}

#[tokio::test]
async fn guessing_secrets_slows_the_guesser_and_not_the_client() {
    let server = TestServer::with(|s| {
        s.limits = LimitSettings {
            address: Rate { per_second: 1, burst: 20 },
            ..LimitSettings::UNLIMITED
        };
    })
    .await;
    let mut limited = 0;
    for _ in 0..60 {
        let answer = server.post(V2, &good_but("client_secret", "guess")).await;
        limited += u32::from(answer.status == 429);
    }
    assert!(limited > 20, "{limited} of 60 guesses were held back");

    let elsewhere = "198.51.100.9:1".parse::<std::net::SocketAddr>().unwrap();
    assert_eq!(server.post_from(elsewhere, V2, &good()).await.status, 200, "the client itself");
}

#[tokio::test]
async fn a_broken_client_leaves_its_neighbours_behind_one_address_their_failures() {
    let server = TestServer::with(|s| {
        s.limits = LimitSettings {
            address: Rate { per_second: 1, burst: 50 },
            ..LimitSettings::UNLIMITED
        };
    })
    .await;
    let neighbour = "d00d0000-0000-4000-8000-00000000000d";
    let here = "198.51.100.9:1".parse::<std::net::SocketAddr>().unwrap();
    for (name, value) in [("scope", "api://ledger"), ("grant_type", "none")] {
        let mut broken = good_but("client_id", neighbour);
        broken.iter_mut().find(|(field, _)| *field == name).unwrap().1 = value;
        for _ in 0..100 {
            server.post_from(here, V2, &broken).await;
        }
    }
    assert_eq!(server.post_from(here, V2, &good()).await.status, 200, "the neighbour");
}
