//! The bytes of a row.

use behalf_core::{
    application::{TokenVersion, credential::Method},
    id::{CredentialId, ObjectId},
    ticket::AuthenticationMethod,
};
use proptest::prelude::*;

use super::*;

prop_compose! {
    fn events()(
        ids in any::<[u128; 6]>(),
        time in any::<i64>(),
        client in prop_oneof![
            Just(ClientRef::Absent),
            any::<u32>().prop_map(ClientRef::Malformed),
            any::<u128>().prop_map(|id| ClientRef::Id(AppId(Uuid::from_u128(id)))),
        ],
        resource in proptest::option::of(".{0,90}"),
        has in any::<[bool; 4]>(),
        address in any::<std::net::IpAddr>(),
        failed in 0..Step::ALL.len(),
        user in proptest::option::of(0..=8_usize),
        found in ".{0,90}",
        expected in ".{0,90}",
        roles in proptest::collection::vec("[A-Za-z.]{1,120}", 0..8),
        code in any::<u32>(),
    ) -> SignInEvent {
        let mut trail = Trail::default();
        for step in &Step::ALL[..failed] {
            trail.ok(*step);
        }
        trail.failed(Step::ALL[failed]);
        let id = |n: usize| Uuid::from_u128(ids[n]);
        SignInEvent {
            user: user.map(|_| ObjectId(id(2))),
            chain: vec![ObjectId(id(3)); user.unwrap_or_default()],
            id: RequestId(id(0)),
            time: Timestamp(time),
            tenant: TenantId(id(1)),
            grant: if has[0] { Grant::Unknown } else { Grant::ClientCredentials },
            endpoint: if has[1] { Endpoint::V1 } else { Endpoint::V2 },
            client,
            resource,
            resource_app: has[0].then(|| AppId(id(3))),
            credential: has[1].then(|| (Method::Certificate, CredentialId(id(4)))),
            address: has[2].then_some(address),
            correlation: id(5),
            trail,
            outcome: if has[3] {
                let kid = "A".repeat(27);
                Outcome::Issued { kid, version: TokenVersion::V2, expires: time, roles }
            } else if code % 4 == 0 {
                let all = [AuthenticationMethod::Password, AuthenticationMethod::MultiFactor];
                Outcome::SignedIn { methods: all.into_iter().take(roles.len()).collect() }
            } else if code % 4 == 1 {
                Outcome::Revoked
            } else {
                Outcome::Refused { code, found, expected }
            },
        }
    }
}

/// What may be cut, cut away.
fn without_texts(mut event: SignInEvent) -> SignInEvent {
    event.resource = event.resource.map(|_| String::new());
    match &mut event.outcome {
        Outcome::Issued { roles, .. } => roles.clear(),
        Outcome::SignedIn { .. } | Outcome::Revoked => {}
        Outcome::Refused { found, expected, .. } => {
            found.clear();
            expected.clear();
        }
    }
    event
}

fn texts(event: &SignInEvent) -> Vec<String> {
    let mut texts: Vec<_> = event.resource.iter().cloned().collect();
    match &event.outcome {
        Outcome::Issued { roles, .. } => texts.extend(roles.iter().cloned()),
        Outcome::SignedIn { .. } | Outcome::Revoked => {}
        Outcome::Refused { found, expected, .. } => {
            texts.extend([found.clone(), expected.clone()]);
        }
    }
    texts
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_was_but_for_texts_that_were_cut(event in events()) {
        let bytes = record::encode(&event);
        prop_assert!(bytes.len() <= record::MAX, "{}", bytes.len());
        let Ok(Record::SignIn(read)) = record::decode(&bytes) else { panic!("unreadable") };
        let read = *read;
        prop_assert_eq!(without_texts(read.clone()), without_texts(event.clone()));
        for (kept, whole) in texts(&read).iter().zip(texts(&event)) {
            match kept.strip_suffix(record::CUT) {
                Some(head) if *kept != whole => prop_assert!(whole.starts_with(head)),
                _ => prop_assert_eq!(kept, &whole),
            }
        }
        let total: usize = texts(&event).iter().map(|text| text.len() + 2).sum();
        if total < 150 - 10 * event.chain.len() {
            prop_assert_eq!(read, event.clone(), "nothing short is cut");
        }
        let fixed = record::fixed(&bytes).unwrap();
        prop_assert_eq!((fixed.id, fixed.tenant, fixed.correlation), (event.id, event.tenant, event.correlation));
        prop_assert_eq!(fixed.time, event.time);
    }

    #[test]
    fn damaged_records_are_refused_without_a_panic(
        event in events(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = record::encode(&event).to_vec();
        prop_assert_eq!(record::decode(&bytes[..end.index(bytes.len())]).is_err(), true);
        let place = at.index(bytes.len());
        bytes[place] = byte;
        // Any answer but a panic will do: a changed letter is still a letter.
        drop(record::decode(&bytes));
        let _ = record::fixed(&bytes);
        bytes[0] = 3;
        prop_assert_eq!(record::decode(&bytes), Err(RecordError::Newer));
    }

    #[test]
    fn arbitrary_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        drop(record::decode(&bytes));
        let _ = record::fixed(&bytes);
    }
}

#[test]
fn outcomes_have_the_numbers_that_lie_in_files_already() {
    let world = World::new();
    let tail = |outcome| {
        let bytes = record::encode(&SignInEvent { outcome, ..world.event(1, 2) }).to_vec();
        // Behind the two flags of the resource, neither of them set.
        bytes[bytes.len() - 40..].to_vec()
    };
    let ends = |outcome, end: &[u8]| {
        let tail = tail(outcome);
        assert!(tail.ends_with(end), "{tail:?}");
    };
    let (kid, roles) = ("k".to_owned(), Vec::new());
    let issued = Outcome::Issued { kid, version: TokenVersion::V2, expires: 3, roles };
    ends(issued, &[1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, b'k', 0]);
    let refused = Outcome::Refused { code: 7, found: "f".into(), expected: "e".into() };
    ends(refused, &[2, 7, 0, 0, 0, 1, 0, b'f', 1, 0, b'e']);
    let methods = vec![AuthenticationMethod::Password, AuthenticationMethod::MultiFactor];
    ends(Outcome::SignedIn { methods }, b"\x03\x07\0pwd mfa");
    ends(Outcome::Revoked, &[4]);
    let mut newer =
        record::encode(&SignInEvent { outcome: Outcome::Revoked, ..world.event(1, 2) }).to_vec();
    *newer.last_mut().unwrap() = 5;
    assert_eq!(record::decode(&newer), Err(RecordError::Newer));
}

#[test]
fn a_gap_comes_back_as_it_was() {
    let gap = Gap { id: World::new().ids.next(NOON), time: NOON, first: 4, last: i64::MAX };
    let bytes = record::encode_gap(&gap);
    assert_eq!(record::decode(&bytes), Ok(Record::Gap(gap)));
    let fixed = record::fixed(&bytes).unwrap();
    assert_eq!((fixed.id, fixed.time, fixed.tenant.0), (gap.id, NOON, Uuid::nil()));
    for end in 0..bytes.len() {
        assert_eq!(record::decode(&bytes[..end]), Err(RecordError::Damaged), "{end}");
    }
}
