//! What is no ticket of ours: changed, spliced, of another purpose, tenant, epoch or deployment.

use std::time::Duration;

use behalf_core::{
    ticket::{
        Body, Cause, CodeTicket, Epoch, Expired, NotATicket, Purpose, RefreshTicket, SealError,
        SealRing, SessionTicket, Sheet, Span, TicketClaims,
    },
    time::Timestamp,
};
use behalf_jose::base64url;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::common::{DAY, NOW, code, entropy, id, refresh_ticket, ring, root, tenant};

fn refresh_token() -> String {
    ring().seal(tenant(), &refresh_ticket(), entropy(), NOW).unwrap()
}

fn cause<T: TicketClaims + std::fmt::Debug>(ring: &SealRing, text: &str) -> Cause {
    ring.open::<T>(text, NOW).unwrap_err().cause()
}

#[test]
fn a_header_that_differs_by_a_bit() {
    let token = refresh_token();
    let (header, rest) = token.split_once('.').unwrap();
    let json = base64url::decode(header).unwrap();
    for byte in 0..json.len() {
        for bit in 0..8 {
            let mut changed = json.clone();
            changed[byte] ^= 1 << bit;
            let text = format!("{}.{rest}", base64url::encode(&changed));
            assert!(ring().open::<RefreshTicket>(&text, NOW).is_err(), "byte {byte} bit {bit}");
        }
    }
}

#[test]
fn a_header_that_says_the_same_otherwise() {
    let token = refresh_token();
    let (header, rest) = token.split_once('.').unwrap();
    let json = String::from_utf8(base64url::decode(header).unwrap()).unwrap();
    for other in [
        json.replace(',', ", "),
        json.replace('}', ",\"zip\":\"DEF\"}"),
        json.replace('}', ",\"cty\":\"JWT\"}"),
        json.replace("\"7.", "\"07."),
        json.replace("\"7.", "\"+7."),
        json.replace("\"7.", "\"."),
        json.replace("\"7.", "\"0000007."),
        json.replace("rt+jwt", "rt+\\u006awt"),
        json.replace("rt+jwt", "RT+jwt"),
        json.replacen(
            "\"alg\":\"dir\",\"enc\":\"A256GCM\"",
            "\"enc\":\"A256GCM\",\"alg\":\"dir\"",
            1,
        ),
        format!(" {json}"),
    ] {
        assert_ne!(other, json);
        let text = format!("{}.{rest}", base64url::encode(&other));
        assert_eq!(cause::<RefreshTicket>(&ring(), &text), Cause::Form, "{other}");
    }
}

#[test]
fn any_character_changed_or_cut() {
    let token = refresh_token();
    for n in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[n] = match changed[n] {
            b'A' => b'B',
            _ => b'A',
        };
        let changed = String::from_utf8(changed).unwrap();
        assert!(ring().open::<RefreshTicket>(&changed, NOW).is_err(), "character {n}");
        assert!(ring().open::<RefreshTicket>(&token[..n], NOW).is_err(), "first {n}");
    }
}

#[test]
fn texts_that_are_no_tickets() {
    let token = refresh_token();
    let long = format!("{token}{}", "A".repeat(4096));
    let padded = format!("{token}=");
    let six = format!("{token}.AAAA");
    let keyed = token.replacen("..", ".AAAA.", 1);
    for text in ["", ".", "....", "a.b.c", "a.b.c.d.e", "é", &long, &padded, &six, &keyed] {
        assert_eq!(cause::<RefreshTicket>(&ring(), text), Cause::Form, "{text}");
    }
}

#[test]
fn another_purpose() {
    let token = refresh_token();
    assert_eq!(cause::<CodeTicket>(&ring(), &token), Cause::Form);
    assert_eq!(cause::<SessionTicket>(&ring(), &token), Cause::Form);
    let code = ring().seal(tenant(), &code(), entropy(), NOW).unwrap();
    assert_eq!(cause::<RefreshTicket>(&ring(), &code), Cause::Form);
    // Nor under the other's header: the key is of the purpose.
    let header = token.split_once('.').unwrap().0;
    let spliced = format!("{header}.{}", code.split_once('.').unwrap().1);
    assert_eq!(cause::<RefreshTicket>(&ring(), &spliced), Cause::Key);
}

#[test]
fn another_tenant() {
    let here = refresh_token();
    let there = id("ac3e0000-0000-4000-8000-000000000002");
    let foreign = ring().seal(there, &refresh_ticket(), entropy(), NOW).unwrap();
    assert_eq!(ring().open::<RefreshTicket>(&foreign, NOW).unwrap().tenant(), there);
    let (header, _) = here.split_once('.').unwrap();
    let (_, rest) = foreign.split_once('.').unwrap();
    assert_eq!(cause::<RefreshTicket>(&ring(), &format!("{header}.{rest}")), Cause::Key);
}

#[test]
fn another_deployment_or_epoch() {
    let token = refresh_token();
    let begun = NOW.minus(7 * DAY);
    let mut other = root();
    other[0] ^= 1;
    let elsewhere = SealRing::new([Epoch::new(7, &other, begun, None)]);
    assert_eq!(cause::<RefreshTicket>(&elsewhere, &token), Cause::Key);
    let revoked = SealRing::new([Epoch::new(8, &root(), begun, None)]);
    assert_eq!(cause::<RefreshTicket>(&revoked, &token), Cause::Epoch);
    assert_eq!(cause::<RefreshTicket>(&SealRing::new([]), &token), Cause::Epoch);
}

#[test]
fn every_cause_reads_the_same() {
    let token = refresh_token();
    let unknown = SealRing::new([]).open::<RefreshTicket>(&token, NOW).unwrap_err();
    let malformed = ring().open::<RefreshTicket>("x", NOW).unwrap_err();
    assert_eq!(unknown.to_string(), malformed.to_string());
    assert_ne!(unknown.cause(), malformed.cause());
}

#[test]
fn the_newest_epoch_that_has_begun_seals_and_every_kept_one_opens() {
    let minute = Duration::from_mins(1);
    let (first, second) = (NOW.minus(14 * DAY), NOW.plus(minute));
    let ring = SealRing::new([
        Epoch::new(2, &[2; 32], second, None),
        Epoch::new(1, &[1; 32], first, Some(second)),
    ]);
    assert_eq!(ring.sealing_epoch(NOW), Some(1));
    assert_eq!(ring.sealing_epoch(second), Some(2));
    assert_eq!(ring.sealing_epoch(first.minus(minute)), None);
    let old = ring.seal(tenant(), &refresh_ticket(), entropy(), NOW).unwrap();
    assert!(ring.open::<RefreshTicket>(&old, second.plus(30 * DAY)).is_ok());
    let before = first.minus(minute);
    let refused = ring.seal(tenant(), &refresh_ticket(), entropy(), before);
    assert_eq!(refused, Err(SealError::NoEpoch));
}

#[test]
fn a_ticket_issued_outside_its_epoch() {
    let (from, to) = (NOW.minus(14 * DAY), NOW);
    let old = Epoch::new(1, &[1; 32], from, Some(to));
    let thief = SealRing::new([Epoch::new(1, &[1; 32], Timestamp(0), None)]);
    let ring = SealRing::new([old, Epoch::new(2, &[2; 32], to, None)]);
    let (skew, second) = (Duration::from_mins(5), Duration::from_secs(1));
    let later = NOW.plus(DAY);
    for (issued, expected) in [
        (from.minus(skew).minus(second), Some(Cause::Window)),
        (from.minus(skew), None),
        (to.plus(skew), None),
        (to.plus(skew).plus(second), Some(Cause::Window)),
        (later, Some(Cause::Window)),
    ] {
        let mut ticket = refresh_ticket();
        ticket.span = Span::within(issued, None);
        let text = thief.seal(tenant(), &ticket, entropy(), later).unwrap();
        let found = ring.open::<RefreshTicket>(&text, later).err().map(NotATicket::cause);
        assert_eq!(found, expected, "{issued:?}");
    }
}

#[test]
fn a_ticket_from_the_future() {
    let mut ticket = refresh_ticket();
    ticket.span = Span::within(NOW.plus(Duration::from_mins(6)), None);
    let text = ring().seal(tenant(), &ticket, entropy(), NOW).unwrap();
    assert_eq!(cause::<RefreshTicket>(&ring(), &text), Cause::Window);
}

/// Claims of our own making, sealed as a refresh token.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Any(serde_json::Value);

impl TicketClaims for Any {
    const PURPOSE: Purpose = Purpose::RefreshToken;
    fn issued(&self) -> Timestamp {
        NOW
    }
}

#[test]
fn claims_of_another_version() {
    let good = serde_json::to_value(refresh_ticket()).unwrap();
    let opens = |claims: serde_json::Value| {
        let text = ring().seal(tenant(), &Any(claims), entropy(), NOW).unwrap();
        ring().open::<RefreshTicket>(&text, NOW).map_err(NotATicket::cause)
    };
    assert!(opens(good.clone()).is_ok());
    for (member, value) in [
        ("v", serde_json::json!(2)),
        ("v", serde_json::json!("1")),
        ("new", serde_json::json!(1)),
        ("pw", serde_json::json!(2)),
        ("pw", serde_json::json!(true)),
        ("cat", serde_json::json!(1)),
        ("cat", serde_json::json!(3)),
        ("gen", serde_json::json!(null)),
        ("gen", serde_json::json!(-1)),
        ("sub", serde_json::json!("b0b00000-0000-4000-8000-000000000003")),
        ("amr", serde_json::json!(["face"])),
        ("org", serde_json::json!("elsewhere")),
        ("exp", serde_json::json!(253_402_300_800_i64)),
        ("exp", serde_json::json!(-1)),
        ("abs", serde_json::json!(i64::MAX)),
        ("act", serde_json::json!(vec!["sLAAAAAAQACAAAAAAAAAAw"; 9])),
    ] {
        let mut claims = good.clone();
        claims[member] = value.clone();
        assert_eq!(opens(claims), Err(Cause::Claims), "{member}: {value}");
    }
    for member in
        ["v", "jti", "iat", "exp", "abs", "fam", "gen", "sub", "urev", "cid", "csp", "sid"]
    {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(member);
        assert_eq!(opens(claims), Err(Cause::Claims), "without {member}");
    }
}

#[test]
fn what_is_too_long_is_not_issued() {
    let mut long = code();
    long.redirect_uri = format!("https://app.test/{}", "a".repeat(900));
    let refused = ring().seal(tenant(), &long, entropy(), NOW);
    assert!(matches!(refused, Err(SealError::TooLong { max: 1536, .. })), "{refused:?}");
    let mut long = refresh_ticket();
    long.requested.scopes = vec!["scope".repeat(100); 6];
    let refused = ring().seal(tenant(), &long, entropy(), NOW);
    assert!(matches!(refused, Err(SealError::TooLong { max: 4096, .. })), "{refused:?}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pending(String);

impl Body for Pending {
    const PURPOSE: Purpose = Purpose::Flow;
}

#[test]
fn a_sheet_of_another_room_has_an_id_and_an_end() {
    let minute = Duration::from_mins(1);
    let span = Span::within(NOW, Some(NOW.plus(minute)));
    let sheet = Sheet::new(id("11000000-0000-4000-8000-000000000001"), span, Pending("x".into()));
    let text = ring().seal(tenant(), &sheet, entropy(), NOW).unwrap();
    let opened = ring().open::<Sheet<Pending>>(&text, NOW).unwrap();
    assert_eq!(opened.body(NOW), Ok(&Pending("x".into())));
    assert_eq!(opened.body(NOW.plus(minute)), Err(Expired));
    assert_eq!(opened.claims().id(), sheet.id());
    assert_eq!(cause::<RefreshTicket>(&ring(), &text), Cause::Form);
}

#[test]
fn keys_differ_for_each_purpose_tenant_and_ticket() {
    // The ciphertexts of one plaintext under one iv tell whether two keys are one.
    let mut seen = std::collections::HashSet::new();
    for byte in 0..16 {
        let mut other = entropy();
        other.0[byte] ^= 0x80;
        let text = ring().seal(tenant(), &refresh_ticket(), other, NOW).unwrap();
        assert!(seen.insert(text.split('.').nth(3).unwrap().to_owned()), "salt byte {byte}");
    }
}

proptest! {
    #[test]
    fn nothing_else_opens(
        text in "[A-Za-z0-9_.-]{0,200}",
        any in "\\PC{0,100}",
        (at, length) in (0_usize..700, 0_usize..40),
    ) {
        let mut spliced = refresh_token();
        let end = (at + length).min(spliced.len());
        spliced.replace_range(at..end, &text);
        prop_assume!(spliced != refresh_token());
        for text in [&text, &any, &spliced] {
            prop_assert!(ring().open::<RefreshTicket>(text, NOW).is_err());
            prop_assert!(ring().open::<SessionTicket>(text, NOW).is_err());
        }
    }
}

#[test]
fn nothing_secret_is_printed() {
    let printed = format!("{:?}", ring());
    assert!(printed.contains("DerivationKey(…)") && printed.contains("Epoch(7"), "{printed}");
}
