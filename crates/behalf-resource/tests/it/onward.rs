//! Calling onwards: the guard gives the token as it came, and the errors become answers.

use std::fmt;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use behalf_protocol::delegation::{Interaction, OnwardError, OnwardFailure, UserAssertion as _};
use behalf_resource::{AppOnly, AuthError, Either, OnBehalf, permissions};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Request};
use serde_json::json;
use tower::ServiceExt as _;

use crate::world::{first, token, user_v2, with, world};

permissions! {
    audience "api://ledger";
    scope EntriesRead = "Entries.Read" : "Read your ledger entries";
    role  EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
}

const AUTHORIZE: &str = "https://login.behalf.test/common/oauth2/v2.0/authorize";
const CLAIMS: &str = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;

/// An error of the call onwards.
#[derive(Debug, Clone)]
struct Failed(OnwardFailure);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the secret of the middle tier has expired")
    }
}

impl std::error::Error for Failed {}

impl OnwardError for Failed {
    fn failure(&self) -> OnwardFailure {
        self.0.clone()
    }
}

async fn assertion(user: OnBehalf<EntriesRead>) -> String {
    let shown = format!("{user:?}");
    assert!(!shown.contains(user.assertion()), "{shown}");
    format!(
        "{} {} {}",
        user.assertion(),
        user.handles_challenges(),
        user.authorization_uri().unwrap()
    )
}

async fn either(who: Either<OnBehalf<EntriesRead>, AppOnly<EntriesReadAll>>) -> String {
    match who {
        Either::Left(user) => user.assertion().to_owned(),
        Either::Right(_) => "application".to_owned(),
    }
}

async fn onwards(
    _: OnBehalf<EntriesRead>,
    State(failure): State<Failed>,
) -> Result<String, AuthError> {
    Err(failure)?
}

async fn send(failure: OnwardFailure, path: &str, authorization: &str) -> (u16, HeaderMap, String) {
    let server = world().server().await;
    let router = Router::new()
        .route("/assertion", get(assertion))
        .route("/either", get(either))
        .route("/onwards", get(onwards))
        .layer(server.layer())
        .with_state(Failed(failure));
    let request = Request::get(path).header(AUTHORIZATION, authorization);
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 100_000).await.unwrap();
    (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn answer(failure: OnwardFailure) -> (u16, String, String) {
    let bearer = format!("Bearer {}", token(&user_v2(), "k1", &first()));
    let (status, headers, body) = send(failure, "/onwards", &bearer).await;
    let challenge = headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
    assert!(!body.contains("has expired"), "the middle tier's own text goes to its log: {body}");
    (status, challenge.unwrap_or_default(), body)
}

#[tokio::test]
async fn the_guard_gives_the_token_as_it_came() {
    let capable = with(user_v2(), &json!({"xms_cc": ["CP1"]}));
    let other = with(user_v2(), &json!({"xms_cc": ["cp11"]}));
    for (claims, capable) in [(user_v2(), false), (capable, true), (other, false)] {
        let token = token(&claims, "k1", &first());
        for scheme in ["Bearer ", "bearer   "] {
            let header = format!("{scheme}{token}");
            let (_, _, body) = send(OnwardFailure::Fault, "/assertion", &header).await;
            assert_eq!(body, format!("{token} {capable} {AUTHORIZE}"));
            let (_, _, body) = send(OnwardFailure::Fault, "/either", &header).await;
            assert_eq!(body, token);
        }
    }
}

#[tokio::test]
async fn a_capable_client_gets_the_platforms_challenge_and_any_other_a_plain_refusal() {
    let interaction = |claims: Option<&str>, handles_challenges| {
        OnwardFailure::Interaction(Interaction {
            error: "interaction_required",
            claims: claims.map(str::to_owned),
            handles_challenges,
            authorization_uri: Some(AUTHORIZE.to_owned()),
        })
    };
    let (status, challenge, body) = answer(interaction(Some(CLAIMS), true)).await;
    assert_eq!(status, 401);
    assert_eq!(
        challenge,
        format!(
            r#"Bearer realm="", authorization_uri="{AUTHORIZE}", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiYzEifX19""#
        )
    );
    assert!(body.contains("insufficient_claims"), "{body}");
    for failure in [interaction(Some(CLAIMS), false), interaction(None, true)] {
        let (status, challenge, body) = answer(failure).await;
        assert_eq!(status, 403);
        assert!(challenge.contains(r#"error="interaction_required""#), "{challenge}");
        assert!(!challenge.contains("claims="), "{challenge}");
        assert!(body.contains("the user must consent or sign in again"), "{body}");
    }
}

#[tokio::test]
async fn what_the_caller_cannot_mend_says_whether_to_wait() {
    for (retry_after, told) in [(Some(Duration::from_mins(1)), "60"), (None, "10")] {
        let failure = OnwardFailure::Unavailable { retry_after };
        let bearer = format!("Bearer {}", token(&user_v2(), "k1", &first()));
        let (status, headers, body) = send(failure, "/onwards", &bearer).await;
        assert_eq!((status, headers[RETRY_AFTER].to_str().unwrap()), (503, told));
        assert!(body.contains("temporarily_unavailable"), "{body}");
    }
    let (status, challenge, body) = answer(OnwardFailure::Fault).await;
    assert_eq!((status, challenge.as_str()), (502, ""));
    assert!(body.contains("server_error"), "{body}");
}
