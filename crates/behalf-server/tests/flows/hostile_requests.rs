//! What nobody sends by mistake: rows TE-11, TE-12, TE-24, CC-03, CC-07, CC-08 and LG-03.

use axum::body::Body;
use behalf_core::{
    event::Outcome, id::ObjectId, service_principal::AppRoleAssignment,
    service_principal::ServicePrincipal,
};
use behalf_server::journal::Query;
use behalf_store::{Expect, WriteSet, records};
use http::Request;
use uuid::Uuid;

use crate::common::{
    ACME, DAEMON, GLOBEX, LEDGER, NOW, ROLE, SECRET, TREND, TestServer, encode, good, principal_id,
};

const V2: &str = "/acme.test/oauth2/v2.0/token";

/// Never the first, never the last: a parameter that is there twice is refused (RFC 6749 3.2).
#[tokio::test]
async fn te_11_te_12_no_parameter_is_believed_twice() {
    let server = TestServer::start().await;
    for (name, other) in [
        ("grant_type", "client_credentials"),
        ("client_id", "7e4d0000-0000-4000-8000-000000000005"),
        ("client_secret", "wrong"),
        ("scope", "api://old-ledger/.default"),
    ] {
        let mut after = good();
        after.push((name, other));
        let mut before = vec![(name, other)];
        before.extend(good());
        for form in [after, before] {
            let answer = server.post(V2, &form).await;
            assert_eq!(answer.refusal(), (400, "invalid_request".to_owned(), 9_000_411), "{name}");
        }
    }
}

#[tokio::test]
async fn te_24_a_form_of_ten_thousand_fields_is_refused() {
    let server = TestServer::start().await;
    let names: Vec<_> = (0..10_000).map(|n| format!("&{n:x}=")).collect();
    let many = names.concat();
    for body in [format!("{}{many}", encode(&good())), many] {
        let answer = server.post_body(V2, &body).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned(), 9_002_313));
    }
    assert_eq!(server.post(V2, &good()).await.status, 200);
}

/// A client on its own gets neither a user's tokens nor one that outlives its credential.
#[tokio::test]
async fn cc_03_there_is_no_refresh_token_and_no_id_token() {
    let server = TestServer::start().await;
    for scope in ["openid offline_access", "openid", "offline_access"] {
        let form: Vec<_> = good().into_iter().filter(|(name, _)| *name != "scope").collect();
        let form: Vec<_> = form.into_iter().chain([("scope", scope)]).collect();
        let (status, error, _) = server.post(V2, &form).await.refusal();
        assert_eq!((status, error.as_str()), (400, "invalid_scope"), "{scope}");
    }
    for path in [V2, "/acme.test/oauth2/token"] {
        let answer = server.post(path, &good()).await;
        assert_eq!(answer.status, 200);
        for member in ["refresh_token", "id_token", "client_info"] {
            assert!(answer.json().get(member).is_none(), "{path}: {member}");
        }
    }
}

fn assigned(principal: ObjectId, roles: usize) -> WriteSet {
    let resource = principal_id(ACME, LEDGER);
    let assignment = AppRoleAssignment {
        id: ObjectId(Uuid::from_u128(77)),
        tenant: ACME,
        principal,
        resource,
        role: ROLE,
        granted_by: "ada@acme.test".to_owned(),
        created: NOW,
    };
    let all: Vec<_> = std::iter::repeat_n(assignment, roles).collect();
    let mut set = WriteSet::new();
    records::assignment::put(&mut set, ACME, (principal, resource), &all, Expect::Any);
    set
}

#[tokio::test]
async fn cc_07_a_role_that_was_taken_away_is_in_no_new_token() {
    let server = TestServer::start().await;
    assert_eq!(server.post(V2, &good()).await.token().1["roles"][0], "Entries.Read.All");
    let daemon = principal_id(ACME, DAEMON);
    server.server.store.commit(assigned(daemon, 0)).await.unwrap();
    assert!(server.post(V2, &good()).await.token().1.get("roles").is_none());
    server.server.store.commit(assigned(daemon, 1)).await.unwrap();
    assert_eq!(server.post(V2, &good()).await.token().1["roles"][0], "Entries.Read.All");
}

/// What a multi-tenant client was granted in one tenant is nothing in another, its own included.
#[tokio::test]
async fn cc_08_a_role_counts_in_the_tenant_that_granted_it() {
    let server = TestServer::start().await;
    let home = server.server.store.reading().application_by_app_id(TREND).await.unwrap().unwrap();
    let principal = ServicePrincipal {
        id: principal_id(ACME, TREND),
        tenant: ACME,
        app_id: TREND,
        home: GLOBEX,
        application: home.id,
        revision: 0,
        disabled: false,
        assignment_required: false,
        created: NOW,
    };
    let mut set = WriteSet::new();
    records::service_principal::put(&mut set, &principal, Expect::Absent);
    server.server.store.commit(set).await.unwrap();
    let id = TREND.to_string();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &*id),
        ("client_secret", "behalf-dev-trend-report"),
        ("scope", "api://ledger/.default"),
    ];
    assert!(server.post(V2, &form).await.token().1.get("roles").is_none(), "not granted yet");
    server.server.store.commit(assigned(principal.id, 1)).await.unwrap();
    let (_, claims) = server.post(V2, &form).await.token();
    assert_eq!(
        (&claims["roles"][0], &claims["tid"]),
        (&ROLE_NAME.into(), &ACME.to_string().into())
    );
    let elsewhere = server.post("/globex.test/oauth2/v2.0/token", &form).await;
    assert_eq!(elsewhere.refusal(), (400, "invalid_resource".to_owned(), 500_011));
    let itself = form.map(|(n, v)| {
        (n, if n == "scope" { "7e4d0000-0000-4000-8000-000000000005/.default" } else { v })
    });
    let (_, claims) = server.post("/globex.test/oauth2/v2.0/token", &itself).await.token();
    assert!(claims.get("roles").is_none(), "{claims}");
}

const ROLE_NAME: &str = "Entries.Read.All";

#[tokio::test]
async fn lg_03_a_secret_in_the_query_is_neither_read_nor_kept_nor_repeated() {
    let server = TestServer::start().await;
    let all = encode(&good());
    let request = Request::post(format!("{V2}?{all}&client-request-id={SECRET}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("grant_type=client_credentials"))
        .unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(!answer.text.contains(SECRET), "{}", answer.text);
    for (name, value) in &answer.headers {
        assert!(!value.to_str().unwrap_or_default().contains(SECRET), "{name}");
    }
    let page = server.server.journal.query(&Query { limit: 9, ..Query::default() }).unwrap();
    assert_eq!(page.entries.len(), 1);
    let event =
        server.event(answer.header("x-ms-request-id").unwrap().parse::<Uuid>().unwrap().into());
    assert!(matches!(event.outcome, Outcome::Refused { .. }));
    assert!(!format!("{page:?}").contains(SECRET));
}
