//! A refresh token's way through its checks: each refused for its reason, and in their order.

use std::time::Duration;

use behalf_core::{
    id::TicketId,
    tenant::{DomainName, Tenant},
    ticket::{
        Alive, ClientClass, Family, Outdated, Presenter, Redemption, RefreshRefusal, RefreshTicket,
        Renewal, Standing,
    },
    time::Timestamp,
    token::ClientPrincipal,
    user::{User, UserPrincipalName, UserRevisions},
};

use crate::common::{DAY, NOW, entropy, id, refresh_ticket, ring, tenant};

/// Everything a redemption is judged by.
#[derive(Clone)]
struct Facts {
    ticket: RefreshTicket,
    presenter: Presenter,
    named: Option<behalf_core::id::TenantId>,
    user: Option<User>,
    tenant: Tenant,
    principal: Option<ClientPrincipal>,
    app_disabled: bool,
    family: Standing,
    now: Timestamp,
}

fn facts() -> Facts {
    let ticket = refresh_ticket();
    let domain = DomainName::parse("acme.test").unwrap();
    let mut tenant = Tenant::new(tenant(), "Acme", vec![domain], NOW);
    tenant.revision = 6;
    Facts {
        presenter: Presenter { app_id: ticket.client.app_id, authenticated: false },
        named: Some(tenant.id),
        user: Some(User {
            id: ticket.user,
            tenant: tenant.id,
            name: UserPrincipalName::parse("bob@acme.test").unwrap(),
            display_name: "Bob".into(),
            given_name: None,
            surname: None,
            mail: None,
            disabled: false,
            password: None,
            totp: None,
            roles: std::collections::BTreeSet::default(),
            revisions: UserRevisions { all: 4, password: 5 },
            created: NOW,
        }),
        principal: Some(ClientPrincipal {
            id: ticket.client.service_principal,
            disabled: false,
            revision: 7,
        }),
        ticket,
        tenant,
        app_disabled: false,
        family: Standing::Live,
        now: NOW.plus(DAY),
    }
}

fn judge(facts: &Facts) -> Result<Redemption<Alive>, RefreshRefusal> {
    let text = ring().seal(tenant(), &facts.ticket, entropy(), NOW).unwrap();
    let opened = ring().open(&text, facts.now).unwrap();
    Redemption::of(opened)
        .presented_by(facts.presenter)?
        .in_tenant(facts.named)?
        .unexpired(facts.now)?
        .user_stands(facts.user.as_ref(), &facts.tenant)?
        .client_stands(facts.principal.as_ref(), facts.app_disabled)?
        .family_lives(facts.family)
}

fn refused(change: impl Fn(&mut Facts)) -> RefreshRefusal {
    let mut facts = facts();
    change(&mut facts);
    judge(&facts).unwrap_err()
}

#[test]
fn a_good_one_is_alive() {
    let alive = judge(&facts()).unwrap();
    assert_eq!((alive.tenant(), alive.ticket()), (tenant(), &refresh_ticket()));
    let common = Facts { named: None, ..facts() };
    assert!(judge(&common).is_ok(), "`common` follows the token");
}

type Change = fn(&mut Facts);

/// Each check failing alone, in the order of tickets.md 4.
const ROWS: [(Change, RefreshRefusal); 13] = [
    (
        |f| f.presenter.app_id = f.ticket.client.service_principal.0.into(),
        RefreshRefusal::OtherClient,
    ),
    (|f| f.presenter.authenticated = true, RefreshRefusal::TurnedConfidential),
    (|f| f.named = Some(f.ticket.user.0.into()), RefreshRefusal::OtherTenant),
    (
        |f| f.now = NOW.plus(90 * DAY),
        RefreshRefusal::Idle { issued: NOW, expired: Timestamp(NOW.0 + 90 * 86_400_000) },
    ),
    (|f| f.user = None, RefreshRefusal::UserUnknown),
    (|f| user(f).disabled = true, RefreshRefusal::UserDisabled),
    (|f| user(f).revisions.all += 1, RefreshRefusal::Outdated(Outdated::User)),
    (|f| user(f).revisions.password += 1, RefreshRefusal::Outdated(Outdated::Password)),
    (|f| f.tenant.revision += 1, RefreshRefusal::Outdated(Outdated::Tenant)),
    (|f| f.app_disabled = true, RefreshRefusal::ClientDisabled),
    (|f| f.principal = None, RefreshRefusal::ClientGone),
    (|f| principal(f).revision += 1, RefreshRefusal::ClientRevoked),
    (|f| f.family = Standing::Ended, RefreshRefusal::FamilyEnded),
];

fn user(facts: &mut Facts) -> &mut User {
    facts.user.as_mut().unwrap()
}

fn principal(facts: &mut Facts) -> &mut ClientPrincipal {
    facts.principal.as_mut().unwrap()
}

#[test]
fn each_check_refuses_and_the_first_that_fails_is_told() {
    for (n, (change, expected)) in ROWS.iter().enumerate() {
        assert_eq!(refused(change), *expected);
        for (later, _) in &ROWS[n + 1..] {
            let both = refused(|facts| {
                later(facts);
                change(facts);
            });
            assert_eq!(both, *expected, "with a later fault too");
        }
    }
}

#[test]
fn more_ways_to_be_refused() {
    // Another tenant's or another user's record stands for nobody.
    assert_eq!(refused(|f| user(f).tenant = f.ticket.user.0.into()), RefreshRefusal::UserUnknown);
    assert_eq!(refused(|f| user(f).id = f.tenant.id.0.into()), RefreshRefusal::UserUnknown);
    assert_eq!(refused(|f| principal(f).disabled = true), RefreshRefusal::ClientDisabled);
    // Deleted and made anew.
    assert_eq!(refused(|f| principal(f).id = f.ticket.user), RefreshRefusal::ClientGone);
}

#[test]
fn absolute_ends() {
    let end = NOW.plus(Duration::from_hours(1));
    let capped = |f: &mut Facts| f.ticket.span.absolute = Some(end);
    assert_eq!(refused(capped), RefreshRefusal::TooOld { expired: end });
    let spa = |f: &mut Facts| {
        capped(f);
        f.ticket.client.spa = true;
    };
    assert_eq!(refused(spa), RefreshRefusal::SpaTooOld { expired: end });
    let mut just_before = facts();
    spa(&mut just_before);
    just_before.now = end.minus(Duration::from_millis(1));
    assert!(judge(&just_before).is_ok());
}

fn confidential(class: ClientClass) -> Facts {
    let mut facts = facts();
    facts.ticket.client.class = class;
    facts.presenter.authenticated = true;
    facts
}

#[test]
fn a_confidential_clients_ticket_needs_authentication_and_survives_a_new_password() {
    for class in [ClientClass::Secret, ClientClass::Assertion] {
        let mut facts = confidential(class);
        user(&mut facts).revisions.password += 1;
        assert!(judge(&facts).is_ok());
        facts.presenter.authenticated = false;
        assert_eq!(judge(&facts).unwrap_err(), RefreshRefusal::AuthenticationMissing);
    }
    // What rests on no password survives one as well, public or not (protocol 8.4).
    let mut facts = facts();
    facts.ticket.password_based = false;
    user(&mut facts).revisions.password += 1;
    assert!(judge(&facts).is_ok());
    user(&mut facts).revisions.all += 1;
    assert!(judge(&facts).is_err());
}

fn new_id() -> TicketId {
    id("22000000-0000-4000-8000-000000000002")
}

#[test]
fn a_confidential_clients_ticket_is_renewed_without_a_row() {
    let mut facts = confidential(ClientClass::Secret);
    let end = NOW.plus(200 * DAY);
    facts.ticket.span.absolute = Some(end);
    let alive = judge(&facts).unwrap();
    let Renewal::Ready(new) = alive.renew(None, new_id(), facts.now) else {
        panic!("nothing is to be written");
    };
    let mut expected = facts.ticket.clone();
    expected.id = new_id();
    expected.span.issued = facts.now;
    expected.span.expires = facts.now.plus(90 * DAY);
    assert_eq!(new, expected, "idle time begins anew, the absolute end stays, so does the family");
}

#[test]
fn a_public_clients_ticket_rotates_and_repeats_its_successor() {
    let facts = facts();
    let alive = judge(&facts).unwrap();
    let row = Family { generation: 3, since: NOW, expires: NOW.plus(90 * DAY) };
    let Renewal::AfterWriting { ticket, family } = alive.renew(Some(&row), new_id(), facts.now)
    else {
        panic!("the family is to be written");
    };
    assert_eq!(ticket.client.class, ClientClass::Public { generation: 4 });
    assert_eq!((family.generation, family.since), (4, facts.now));
    assert_eq!(family.expires, ticket.span.ends());
    let later = facts.now.plus(Duration::from_secs(59));
    let Renewal::Ready(again) = alive.renew(Some(&family), ticket.id, later) else {
        panic!("within the grace nothing is written");
    };
    assert_eq!(again, ticket, "the same generation, iat and exp");
    let too_late = facts.now.plus(Duration::from_secs(61));
    assert_eq!(alive.renew(Some(&family), new_id(), too_late), Renewal::Reuse);
    assert_eq!(alive.renew(None, new_id(), too_late), Renewal::Ahead);
}
