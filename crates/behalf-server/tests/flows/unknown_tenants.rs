//! Names of tenants that do not exist: remembered, bounded, and forgotten when they come to exist.

use std::time::Duration;

use behalf_core::tenant::DomainName;
use behalf_server::limits::LimitSettings;
use behalf_store::{WriteSet, records};

use crate::common::{ACME, TestServer, good};

const METADATA: &str = "/v2.0/.well-known/openid-configuration";

/// What each of the addresses that name a tenant answers for `tenant`.
async fn codes(server: &TestServer, tenant: &str) -> [(u16, u64); 4] {
    let code = |answer: crate::common::Answer| {
        let json: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
        (answer.status.as_u16(), json["error_codes"][0].as_u64().unwrap_or_default())
    };
    [
        code(server.get(&format!("/{tenant}{METADATA}")).await),
        code(server.get(&format!("/{tenant}/discovery/v2.0/keys")).await),
        code(server.get(&format!("/common/userrealm/ada@{tenant}")).await),
        code(server.post(&format!("/{tenant}/oauth2/v2.0/token"), &good()).await),
    ]
}

#[tokio::test]
async fn a_name_that_names_nobody_is_looked_up_once_until_it_does() {
    let server = TestServer::start().await;
    let unknown = [(400, 90_002), (400, 90_002), (200, 0), (400, 90_002)];
    assert_eq!(codes(&server, "new.acme.test").await, unknown);
    let before = server.server.store.reads();
    assert_eq!(codes(&server, "new.acme.test").await, unknown);
    assert_eq!(codes(&server, "NEW.Acme.test").await, unknown);
    assert_eq!(server.server.store.reads(), before);

    let domain = DomainName::parse("new.acme.test").unwrap();
    let mut set = WriteSet::new();
    records::domain::claim(&mut set, &domain, ACME, None);
    server.server.store.commit(set).await.unwrap();
    server.edit_tenant(ACME, |acme| acme.domains.push(domain)).await;
    assert_eq!(codes(&server, "new.acme.test").await, [(200, 0); 4], "at once");
}

#[tokio::test]
async fn a_tenant_that_is_disabled_and_enabled_again_is_unknown_in_between_only() {
    let server = TestServer::start().await;
    assert_eq!(codes(&server, "acme.test").await, [(200, 0); 4]);
    server.edit_tenant(ACME, |acme| acme.disabled = true).await;
    assert_eq!(codes(&server, "acme.test").await[0], (400, 90_002));
    server.edit_tenant(ACME, |acme| acme.disabled = false).await;
    assert_eq!(codes(&server, "acme.test").await, [(200, 0); 4]);
}

/// A scan from one address reaches the store no more often than its share of failures, and pushes
/// nothing out that is true.
#[tokio::test]
async fn who_makes_names_up_is_held_back_and_what_is_known_stays_so() {
    let server = TestServer::with(|settings| settings.limits = LimitSettings::default()).await;
    assert_eq!(codes(&server, "acme.test").await, [(200, 0); 4]);
    let before = server.server.store.reads();
    let mut held_back = 0;
    for n in 0..10_000 {
        let answer = server.get(&format!("/scan-{n}.test{METADATA}")).await;
        match answer.refusal() {
            (400, error, 90_002) => assert_eq!(error, "invalid_tenant"),
            (429, error, 90_055) => {
                assert_eq!(error, "temporarily_unavailable");
                assert!(answer.header("retry-after").is_some());
                held_back += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(held_back, 10_000 - 20);
    assert_eq!(server.server.store.reads(), before + 20);
    assert_eq!(codes(&server, "acme.test").await, [(200, 0); 4], "its neighbours");
    assert_eq!(server.server.store.reads(), before + 20, "who are warm, still");
    let elsewhere = "198.51.100.9:1".parse::<std::net::SocketAddr>().unwrap();
    let token = "/globex.test/oauth2/v2.0/token";
    let answer = server.post_from(elsewhere, token, &good()).await;
    assert_eq!(answer.refusal().2, 700_016, "another tenant, from elsewhere");
    server.clock.advance(Duration::from_secs(1));
    let again = server.get(&format!("/globex.test{METADATA}")).await;
    assert_eq!(again.status, 200, "and from here a second later");
}
