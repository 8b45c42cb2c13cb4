//! Tickets that another library sealed from the same root (HKDF and AES-GCM of Python's
//! `cryptography`): byte for byte what we seal, and we open them.

use behalf_core::{
    id::{ObjectId, RequestId},
    ticket::{Aio, Chain, ChainTooLong, CodeTicket, RefreshTicket, SessionTicket},
};

use crate::common::{NOW, code, counters, entropy, id, refresh_ticket, ring, sign_in, tenant};

const REFRESH_TOKEN: &str = include_str!("vectors/refresh_token.txt");
const CODE: &str = include_str!("vectors/code.txt");
const AIO: &str = include_str!("vectors/aio.txt");

#[test]
fn a_refresh_token() {
    let sealed = ring().seal(tenant(), &refresh_ticket(), entropy(), NOW).unwrap();
    assert_eq!(sealed, REFRESH_TOKEN.trim_end());
    let opened = ring().open::<RefreshTicket>(&sealed, NOW).unwrap();
    assert_eq!((opened.tenant(), opened.claims()), (tenant(), &refresh_ticket()));
    assert!((700..800).contains(&sealed.len()), "{} characters", sealed.len());
}

#[test]
fn a_code() {
    let sealed = ring().seal(tenant(), &code(), entropy(), NOW).unwrap();
    assert_eq!(sealed, CODE.trim_end());
    assert_eq!(ring().open::<CodeTicket>(&sealed, NOW).unwrap().claims(), &code());
    assert_eq!(code().family().0, code().id.0, "a family is named after its code");
}

#[test]
fn a_session() {
    let session = SessionTicket {
        issued: NOW,
        expires: NOW.plus(crate::common::DAY),
        user: id("b0b00000-0000-4000-8000-000000000003"),
        counters: counters(),
        sign_in: sign_in(),
    };
    let sealed = ring().seal(tenant(), &session, entropy(), NOW).unwrap();
    assert_eq!(ring().open::<SessionTicket>(&sealed, NOW).unwrap().into_claims(), session);
}

fn uti() -> RequestId {
    id("0719e000-0000-7000-8000-0000000000ff")
}

fn aio() -> Aio {
    Aio {
        counters: counters(),
        family: id("fa000000-0000-4000-8000-000000000002"),
        absolute: None,
        resource: id("5e500000-0000-4000-8000-000000000009"),
        sign_in: sign_in(),
        chain: Chain::of(id("5b000000-0000-4000-8000-000000000005")),
    }
}

#[test]
fn a_chain_in_an_access_token() {
    let sealed = ring().seal_aio((tenant(), uti()), &aio(), entropy(), NOW).unwrap();
    assert_eq!(sealed, AIO.trim_end());
    assert_eq!(ring().open_aio((tenant(), uti()), &sealed), Ok(aio()));
}

#[test]
fn a_chain_opens_in_its_own_token_only() {
    let sealed = AIO.trim_end();
    let (other_tenant, other_uti) =
        (id("ac3e0000-0000-4000-8000-000000000002"), id("0719e000-0000-7000-8000-0000000000fe"));
    assert!(ring().open_aio((other_tenant, uti()), sealed).is_err());
    assert!(ring().open_aio((tenant(), other_uti), sealed).is_err());
    for (n, byte) in sealed.bytes().enumerate() {
        let mut changed = sealed.as_bytes().to_vec();
        changed[n] = if byte == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(ring().open_aio((tenant(), uti()), &changed).is_err(), "character {n}");
        assert!(ring().open_aio((tenant(), uti()), &sealed[..n]).is_err(), "first {n}");
    }
    for other in ["", "A", &"A".repeat(10_000), REFRESH_TOKEN, &format!("{sealed}AAAA")] {
        assert!(ring().open_aio((tenant(), uti()), other).is_err());
    }
}

#[test]
fn a_chain_has_eight_hops_at_most() {
    let mut longest = Aio { absolute: Some(NOW), ..aio() };
    for hop in 2..=8 {
        let caller = id(&format!("5b000000-0000-4000-8000-00000000000{hop}"));
        longest.chain = longest.chain.followed_by(caller).unwrap();
    }
    let sealed = ring().seal_aio((tenant(), uti()), &longest, entropy(), NOW).unwrap();
    assert_eq!(ring().open_aio((tenant(), uti()), &sealed), Ok(longest.clone()));
    assert_eq!(longest.chain.followed_by(longest.resource), Err(ChainTooLong));

    let mut ticket = refresh_ticket();
    ticket.chain = longest_chain(8);
    let sealed = ring().seal(tenant(), &ticket, entropy(), NOW).unwrap();
    assert_eq!(ring().open::<RefreshTicket>(&sealed, NOW).unwrap().into_claims(), ticket);
    let hop = (sealed.len() - REFRESH_TOKEN.trim_end().len()) / 8;
    assert!(hop <= 36, "{hop} characters a hop");
}

fn longest_chain(hops: usize) -> Chain {
    vec![id::<ObjectId>("5b000000-0000-4000-8000-000000000005"); hops].try_into().unwrap()
}
