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

#[tokio::test]
async fn garbage_that_names_no_client_leaves_its_neighbours_behind_one_address_their_failures() {
    let server = TestServer::with(|s| {
        s.limits = LimitSettings {
            address: Rate { per_second: 1, burst: 50 },
            ..LimitSettings::UNLIMITED
        };
    })
    .await;
    let here = "198.51.100.9:1".parse::<std::net::SocketAddr>().unwrap();
    let nonsense = good_but("client_id", "' or 1=1 --");
    let nobody: Vec<_> = good().into_iter().filter(|(name, _)| *name != "client_id").collect();
    let grant = [("grant_type", "none")];
    for (path, form, judged) in [
        (V2, &nonsense[..], (400, "unauthorized_client", 700_016)),
        (V2, &nobody[..], (400, "invalid_request", 900_144)),
        (V2, &grant[..], (429, "temporarily_unavailable", 90_055)),
        ("/nowhere.test/oauth2/token", &good()[..], (429, "temporarily_unavailable", 90_055)),
    ] {
        let first = server.post_from(here, path, form).await.refusal();
        assert_eq!(first, (judged.0, judged.1.to_owned(), judged.2), "{path} {form:?}");
        for _ in 0..100 {
            server.post_from(here, path, form).await;
        }
        let last = server.post_from(here, path, form).await;
        assert_eq!(last.refusal(), (429, "temporarily_unavailable".to_owned(), 90_055));
        assert!(last.header("retry-after").is_some());
    }
    assert_eq!(server.post_from(here, V2, &good()).await.status, 200, "the neighbour");
    let wrong = good_but("client_secret", "wrong");
    assert_eq!(server.post_from(here, V2, &wrong).await.refusal().2, 7_000_215, "judged, too");
}
