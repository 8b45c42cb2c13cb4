//! Tickets with a store below them: redeemed by one of many, ended at once, read from memory.

use std::{sync::Arc, time::Duration};

use behalf_core::{
    id::{AppId, ObjectId, SessionId},
    tenant::Tenant,
    ticket::{
        Chain, ClientBinding, ClientClass, Counters, Origin, Presenter, REFRESH_IDLE, Requested,
        SignIn, Span,
    },
    token::ClientPrincipal,
    user::{User, UserPrincipalName, UserRevisions},
};
use behalf_store::{Footing, records::used_ticket::Used, sqlite::Sqlite};
use uuid::Uuid;

use super::*;
use crate::{
    clock::{FrozenClock, SharedClock},
    entropy::SeededEntropy,
    keys::{EPOCH_ANNOUNCED, MasterKey, SealParts},
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const TENANT: TenantId = TenantId(Uuid::from_bytes([1; 16]));

struct Bed {
    tickets: Arc<Tickets>,
    store: Store,
    clock: Arc<FrozenClock>,
}

async fn bed() -> Bed {
    let store = Store::open(Arc::new(Sqlite::in_memory().unwrap())).await.unwrap();
    let clock = Arc::new(FrozenClock::at(NOW));
    let entropy: SharedEntropy = Arc::new(SeededEntropy::new(7));
    let parts = SealParts {
        store: store.clone(),
        master: Arc::new(MasterKey::ephemeral(&*entropy)),
        clock: Arc::clone(&clock) as SharedClock,
        entropy: Arc::clone(&entropy),
    };
    let keys = SealKeys::open(parts).await.unwrap();
    let tickets = Arc::new(Tickets::new(keys, store.clone(), entropy));
    Bed { tickets, store, clock }
}

fn id(n: u8) -> Uuid {
    Uuid::from_bytes([n; 16])
}

/// A refresh token of family 2, user 3, application 4, service principal 5.
fn ticket(class: ClientClass) -> RefreshTicket {
    RefreshTicket {
        id: id(2).into(),
        span: Span::within(NOW, None),
        family: id(2).into(),
        user: id(3).into(),
        counters: Counters::default(),
        password_based: true,
        client: ClientBinding {
            app_id: id(4).into(),
            service_principal: id(5).into(),
            revision: 0,
            class,
            spa: false,
        },
        sign_in: SignIn {
            methods: Vec::new(),
            acr: "1".into(),
            time: NOW,
            address: None,
            session: id(6).into(),
        },
        requested: Requested::default(),
        origin: Origin::Code,
        chain: Chain::default(),
        confirmation: None,
    }
}

/// Opens `text` and takes it through every check before the last.
fn redeem(tickets: &Tickets, text: &str, now: Timestamp) -> Redemption<Alive> {
    let user = User {
        id: ObjectId(id(3)),
        tenant: TENANT,
        name: UserPrincipalName::parse("bob@acme.test").unwrap(),
        display_name: "Bob".into(),
        given_name: None,
        surname: None,
        mail: None,
        disabled: false,
        password: None,
        totp: None,
        roles: std::collections::BTreeSet::default(),
        revisions: UserRevisions::default(),
        created: NOW,
    };
    let tenant = Tenant::new(TENANT, "Acme", vec![], NOW);
    let principal = ClientPrincipal { id: id(5).into(), disabled: false, revision: 0 };
    let opened = tickets.open::<RefreshTicket>(text, now).unwrap();
    let authenticated = opened.claims().client.class.generation().is_none();
    let app_id = AppId(id(4));
    let client_stands = Redemption::of(opened)
        .presented_by(Presenter { app_id, authenticated })
        .and_then(|r| r.in_tenant(Some(TENANT)))
        .and_then(|r| r.unexpired(now))
        .and_then(|r| r.user_stands(Some(&user), &tenant))
        .and_then(|r| r.client_stands(Some(&principal), false))
        .unwrap();
    client_stands.family_lives(Standing::Live).unwrap()
}

const PUBLIC: ClientClass = ClientClass::Public { generation: 0 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_refreshes_with_one_token_get_one_successor() {
    let Bed { tickets, .. } = bed().await;
    let text = tickets.seal(TENANT, &ticket(PUBLIC), NOW).unwrap();
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let (tickets, text) = (Arc::clone(&tickets), text.clone());
        racers.spawn(async move {
            let redeemed = redeem(&tickets, &text, NOW);
            let new = tickets.renew(&redeemed, Footing::default(), NOW).await.unwrap();
            (new.family, new.client.class, new.span)
        });
    }
    let successors = racers.join_all().await;
    let expected = (id(2).into(), ClientClass::Public { generation: 1 }, Span::within(NOW, None));
    assert!(successors.iter().all(|successor| *successor == expected));
}

#[tokio::test]
async fn an_old_token_ends_the_family() {
    let Bed { tickets, .. } = bed().await;
    let first = tickets.seal(TENANT, &ticket(PUBLIC), NOW).unwrap();
    let second =
        tickets.renew(&redeem(&tickets, &first, NOW), Footing::default(), NOW).await.unwrap();
    let second = tickets.seal(TENANT, &second, NOW).unwrap();
    let again = redeem(&tickets, &second, NOW);
    tickets.renew(&again, Footing::default(), NOW).await.unwrap();
    assert_eq!(tickets.family(TENANT, id(2).into()).await.unwrap(), Standing::Live);
    // The thief, or the user after the thief.
    let reused = redeem(&tickets, &first, NOW);
    assert!(matches!(
        tickets.renew(&reused, Footing::default(), NOW).await,
        Err(RenewError::Reused)
    ));
    assert_eq!(tickets.family(TENANT, id(2).into()).await.unwrap(), Standing::Ended);
    // Whoever was past that check already is caught by the write.
    let late = tickets.renew(&redeem(&tickets, &second, NOW), Footing::default(), NOW).await;
    assert!(matches!(late, Ok(_) | Err(RenewError::Ended)), "the grace writes nothing");
    let newest = ClientClass::Public { generation: 2 };
    let newest = tickets.seal(TENANT, &ticket(newest), NOW).unwrap();
    let late = tickets.renew(&redeem(&tickets, &newest, NOW), Footing::default(), NOW).await;
    assert!(matches!(late, Err(RenewError::Ended)), "{late:?}");
}

#[tokio::test]
async fn a_token_newer_than_the_store_ends_the_family() {
    let Bed { tickets, .. } = bed().await;
    let ahead = ClientClass::Public { generation: 3 };
    let text = tickets.seal(TENANT, &ticket(ahead), NOW).unwrap();
    let renewed = tickets.renew(&redeem(&tickets, &text, NOW), Footing::default(), NOW).await;
    assert!(matches!(renewed, Err(RenewError::Reused)));
    assert_eq!(tickets.family(TENANT, id(2).into()).await.unwrap(), Standing::Ended);
}

#[tokio::test]
async fn a_confidential_clients_refresh_touches_no_row() {
    let Bed { tickets, store, .. } = bed().await;
    let text = tickets.seal(TENANT, &ticket(ClientClass::Secret), NOW).unwrap();
    assert_eq!(tickets.family(TENANT, id(2).into()).await.unwrap(), Standing::Live);
    let reads = store.reads();
    let later = NOW.plus(Duration::from_hours(1));
    for _ in 0..3 {
        let redeemed = redeem(&tickets, &text, later);
        assert_eq!(tickets.family(TENANT, id(2).into()).await.unwrap(), Standing::Live);
        let new = tickets.renew(&redeemed, Footing::default(), later).await.unwrap();
        assert_eq!(new.span.expires, later.plus(REFRESH_IDLE));
    }
    assert_eq!(store.reads(), reads);
    assert_eq!(store.reading().family(TENANT, id(2).into()).await.unwrap(), None);
}

#[tokio::test]
async fn an_end_bites_at_once_and_in_its_tenant_only() {
    let Bed { tickets, .. } = bed().await;
    let other = TenantId(id(9));
    let session = SessionId(id(2));
    for tenant in [TENANT, other] {
        assert_eq!(tickets.session(tenant, session).await.unwrap(), Standing::Live);
    }
    tickets.end_session(TENANT, session, NOW).await.unwrap();
    tickets.end_session(TENANT, session, NOW).await.unwrap();
    assert_eq!(tickets.session(TENANT, session).await.unwrap(), Standing::Ended);
    assert_eq!(tickets.session(other, session).await.unwrap(), Standing::Live);
    assert_eq!(
        tickets.family(TENANT, id(2).into()).await.unwrap(),
        Standing::Live,
        "a family of the same number is another thing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_uses_of_a_code_one_is_the_first() {
    let Bed { tickets, .. } = bed().await;
    let code = tickets.new_id();
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let tickets = Arc::clone(&tickets);
        racers.spawn(async move {
            tickets.use_once(TENANT, (Used::Code(code), Footing::default()), NOW).await.unwrap()
        });
    }
    let uses = racers.join_all().await;
    assert_eq!(uses.iter().filter(|found| **found == Use::First).count(), 1);
}

#[tokio::test]
async fn an_epoch_rolls_within_the_grace() {
    let Bed { tickets, clock, .. } = bed().await;
    let first = tickets.seal(TENANT, &ticket(PUBLIC), NOW).unwrap();
    tickets.keys().rotate().await.unwrap();
    let second =
        tickets.renew(&redeem(&tickets, &first, NOW), Footing::default(), NOW).await.unwrap();
    let old = tickets.seal(TENANT, &second, NOW).unwrap();
    clock.advance(EPOCH_ANNOUNCED);
    let later = NOW.plus(EPOCH_ANNOUNCED);
    let repeated =
        tickets.renew(&redeem(&tickets, &first, later), Footing::default(), later).await.unwrap();
    let new = tickets.seal(TENANT, &repeated, later).unwrap();
    let tail = |text: &str| text.split('.').next().map(str::to_owned);
    assert_ne!(tail(&old), tail(&new));
    assert_eq!((second.span, second.client.class), (repeated.span, repeated.client.class));
    for text in [old, new] {
        let opened = tickets.open::<RefreshTicket>(&text, later).unwrap();
        assert_eq!(opened.claims().span, second.span);
    }
}

#[tokio::test]
async fn a_revoked_epochs_tickets_are_dead_at_once() {
    let Bed { tickets, .. } = bed().await;
    let text = tickets.seal(TENANT, &ticket(PUBLIC), NOW).unwrap();
    tickets.keys().revoke(1).await.unwrap();
    assert!(tickets.open::<RefreshTicket>(&text, NOW).is_err());
    let text = tickets.seal(TENANT, &ticket(PUBLIC), NOW).unwrap();
    assert!(tickets.open::<RefreshTicket>(&text, NOW).is_ok(), "another epoch began");
}
