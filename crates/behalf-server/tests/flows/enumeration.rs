//! Nobody learns who exists (CN-12): not by text and status (`authorize_consent`), and not by the
//! work that is done, which is counted here and not timed.

use std::sync::Arc;

use behalf_core::{
    id::TenantId,
    user::{PresentedPassword, User, UserPrincipalName},
};
use behalf_server::{
    entropy::SeededEntropy,
    keys::MasterKey,
    session::{
        Authentication, NotVerified,
        device::FamiliarDevices,
        lockout::{Attempt, Factor, Lockout},
        password::{Options, Parameters, Passwords},
    },
};

use super::browser::{Browser, PASSWORD, request, world};
use crate::common::{NOW, TestServer};

/// Reads of the store that one wrong sign-in costs.
async fn cost(server: &TestServer, name: &str, password: &str) -> u64 {
    let mut browser = Browser::new(server);
    let page = browser.open(&request(&[])).await.page();
    let before = server.server.store.reads();
    let fields = [("username", name), ("password", password), ("do", "sign-in")];
    let answer = browser.post(&page, &fields).await;
    assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    server.server.store.reads() - before
}

#[tokio::test]
async fn cn_12_a_wrong_sign_in_costs_the_same_whoever_it_names() {
    let server = world().await;
    let somebody = cost(&server, "bob@acme.test", "wrong password").await;
    for (name, password) in [
        ("nobody@acme.test", "wrong password"),
        ("nobody@acme.test", PASSWORD),
        ("dan@acme.test", "wrong password"),
        ("gus@globex.test", PASSWORD),
    ] {
        assert_eq!(cost(&server, name, password).await, somebody, "{name}");
    }
}

#[tokio::test]
async fn cn_12_a_password_is_compared_for_nobody_as_for_somebody() {
    let entropy = SeededEntropy::new(1);
    let parameters = Parameters { memory: 16, passes: 1 };
    // A desk without threads and without room says that it would have compared.
    let options = Options { threads: 0, queue: 0, parameters };
    let desk = Authentication {
        passwords: Passwords::start(options, &entropy).unwrap(),
        lockout: Lockout::new(&entropy),
        devices: FamiliarDevices::new(&[1; 32]),
        master: Arc::new(MasterKey::ephemeral(&entropy)),
    };
    let name = UserPrincipalName::parse("bob@acme.test").unwrap();
    let without = User::new(behalf_core::id::ObjectId::NIL, TenantId::NIL, name, NOW);
    let attempt = Attempt {
        tenant: TenantId::NIL,
        name: "bob@acme.test",
        address: None,
        device: None,
        factor: Factor::Password,
    };
    let password = PresentedPassword::new("any password".to_owned()).unwrap();
    for user in [None, Some(&without)] {
        let tried = desk.password(&attempt, user, &password, NOW).await;
        assert!(matches!(tried, Err(NotVerified::Busy(_))), "{tried:?}");
    }
}
