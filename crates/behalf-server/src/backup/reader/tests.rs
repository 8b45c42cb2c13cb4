use behalf_core::{id::TenantId, time::Timestamp};
use behalf_store::{Entry, Index, Kind, Record, Version, Whole};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    backup::Writer,
    entropy::{Entropy as _, SeededEntropy},
    keys::MasterKeyText,
};

fn master(seed: u64) -> MasterKey {
    let line = MasterKeyText::generate(&SeededEntropy::new(seed));
    MasterKey::parse(line.expose()).unwrap()
}

fn facts() -> Facts {
    Facts {
        made: Timestamp(1_790_000_000_000),
        seq: 42,
        version: "0.1.0".to_owned(),
        public_url: "https://login.example.test".to_owned(),
    }
}

fn whole(n: u32, length: usize) -> Whole {
    let mut document = vec![0; length];
    SeededEntropy::new(n.into()).fill(&mut document);
    let tenant = TenantId(Uuid::from_bytes([1 + u8::try_from(n / 100).unwrap(); 16]));
    let key = Key::new(tenant, Kind::ServicePrincipal, n.to_be_bytes());
    let record = Record { key, version: Version(9), document };
    let entry = Entry { index: Index::ServicePrincipalById, value: n.to_be_bytes().to_vec() };
    Whole { record, entries: if n.is_multiple_of(2) { vec![entry] } else { vec![] } }
}

fn write(records: &[Whole]) -> Vec<u8> {
    write_as(records, 5)
}

fn write_as(records: &[Whole], seed: u64) -> Vec<u8> {
    let entropy = SeededEntropy::new(seed);
    let mut writer = Writer::begin(Vec::new(), &facts(), &master(1), &entropy).unwrap();
    for record in records {
        writer.record(record).unwrap();
    }
    writer.finish().unwrap().0
}

fn read(bytes: &[u8]) -> Result<Vec<Saved>, BackupError> {
    let (mut reader, mut all) = (Reader::open(bytes, &master(1))?, Vec::new());
    while let Some(saved) = reader.next()? {
        all.push(saved);
    }
    Ok(all)
}

fn verify(bytes: &[u8]) -> Result<Counts, BackupError> {
    Reader::open(bytes, &master(1))?.verify().map(|(_, counts)| counts)
}

fn told(bytes: &[u8]) -> String {
    verify(bytes).unwrap_err().to_string()
}

/// Some five chunks.
fn some() -> Vec<Whole> {
    (0..250).map(|n| whole(n, 1_200)).collect()
}

const HEADER: usize = FIXED + DIGEST;

fn header_of(bytes: &[u8]) -> usize {
    HEADER + usize::from(u16::from_be_bytes([bytes[10], bytes[11]]))
}

#[test]
fn what_was_written_is_read() {
    // Nothing; documents of all lengths around a chunk; one that needs many.
    let around: Vec<_> = (CHUNK - 80..CHUNK + 10).zip(0..).map(|(l, n)| whole(n, l)).collect();
    for records in [vec![], vec![whole(1, 0)], some(), around, vec![whole(1, 4 << 20)]] {
        let bytes = write(&records);
        let reader = Reader::open(&bytes[..], &master(1)).unwrap();
        assert_eq!(*reader.facts(), facts());
        let (_, counts) = reader.verify().unwrap();
        assert_eq!(counts.records(), records.len() as u64);
        assert_eq!(
            counts.bytes,
            records.iter().map(|w| w.record.document.len() as u64).sum::<u64>()
        );
        let saved = read(&bytes).unwrap();
        for (saved, whole) in saved.iter().zip(&records) {
            assert_eq!(saved.key, whole.record.key);
            assert_eq!(saved.entries, whole.entries);
            assert_eq!(saved.document, whole.record.document);
        }
    }
}

#[test]
fn nothing_of_a_record_is_in_the_clear_and_no_two_files_are_alike() {
    let mut record = whole(1, 0);
    record.record.document = b"alice@example.test".repeat(10);
    let one = write(std::slice::from_ref(&record));
    assert!(!one.windows(5).any(|w| w == b"alice"));
    let other = write_as(&[record], 6);
    assert_ne!(one[header_of(&one)..], other[header_of(&other)..]);
}

#[test]
fn other_files_other_versions_and_other_master_keys_have_their_own_words() {
    let good = write(&some());
    for other in [&b""[..], b"PK\x03\x04", &[0; 500]] {
        assert!(told(other).starts_with("it is no backup of behalf"), "{}", told(other));
    }
    assert!(told(&good[..5]).contains("cut short"));
    let mut newer = good.clone();
    newer[9] = 2;
    let text = told(&newer);
    assert!(text.starts_with("it has format 2, this version reads formats up to 1"), "{text}");
    let text = Reader::open(&good[..], &master(2)).err().unwrap().to_string();
    let expected = "it was made with another master key: no line of the master key file opens it; \
                    restore that file too, or add the line that was in use on 2026-09-21 14:13:20Z";
    assert_eq!(text, expected);
    let (old, new) = (
        MasterKeyText::generate(&SeededEntropy::new(1)),
        MasterKeyText::generate(&SeededEntropy::new(2)),
    );
    let both = MasterKey::parse(&format!("{}\n{}", new.expose(), old.expose())).unwrap();
    Reader::open(&good[..], &both).unwrap().verify().unwrap();
    // A flipped salt is damage, not another key.
    let mut damaged = good;
    damaged[20] ^= 1;
    assert!(told(&damaged).contains("header is damaged"));
}

/// Each byte of the header and around the ends of chunks, and each length there.
#[test]
fn no_byte_can_change_and_no_end_be_missing() {
    let good = write(&some());
    let header = header_of(&good);
    let last = good.len() - (good.len() - header) % (CHUNK + TAG);
    let near = || (0..header + 40).chain(last - 20..last + 20).chain(good.len() - 40..good.len());
    for at in near() {
        for bit in [0, 7] {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(verify(&bad).is_err(), "byte {at}, bit {bit}");
        }
    }
    for length in near() {
        assert!(verify(&good[..length]).is_err(), "the first {length} bytes");
    }
    for more in [&b"\0"[..], b"x", &vec![0; CHUNK + TAG]] {
        assert!(verify(&[&good, more].concat()).is_err());
    }
}

#[test]
fn chunks_cannot_be_moved_repeated_left_out_or_taken_from_elsewhere() {
    let (good, other) = (write(&some()), write_as(&some(), 6));
    let header = header_of(&good);
    let chunks: Vec<&[u8]> = good[header..].chunks(CHUNK + TAG).collect();
    let foreign: Vec<&[u8]> = other[header..].chunks(CHUNK + TAG).collect();
    assert!(chunks.len() >= 4);
    let made = |order: &[&[u8]]| [&good[..header], &order.concat()].concat();
    assert!(verify(&made(&chunks)).is_ok());
    let last = *chunks.last().unwrap();
    for (what, order) in [
        ("swapped", vec![chunks[1], chunks[0], chunks[2], chunks[3], last]),
        ("repeated", vec![chunks[0], chunks[0], chunks[1], chunks[2], chunks[3], last]),
        ("left out", vec![chunks[0], chunks[2], chunks[3], last]),
        ("the last alone", vec![last]),
        ("without the last", chunks[..chunks.len() - 1].to_vec()),
        ("none", vec![]),
        ("another file's", vec![foreign[0], chunks[1], chunks[2], chunks[3], last]),
        ("all of another file", foreign),
    ] {
        let error = verify(&made(&order)).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{what}: {error}");
    }
}

/// What is authentic and makes no sense was written by a version that this one does not know.
#[test]
fn records_out_of_order_are_refused() {
    let text = told(&write(&[whole(2, 1), whole(1, 1)]));
    assert_eq!(
        text,
        "record 2 in it is out of order: a newer version of behalf wrote it; use that one"
    );
    assert!(told(&write(&[whole(1, 1), whole(1, 1)])).contains("record 2 in it is out of order"));
}

#[derive(Debug, Clone)]
enum Mutation {
    Flip(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Repeat(usize, usize),
    Zero(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let length = 1..3_000_usize;
    prop_oneof![
        (any::<usize>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        any::<usize>().prop_map(Mutation::Cut),
        (any::<usize>(), length.clone()).prop_map(|(at, n)| Mutation::Remove(at, n)),
        (any::<usize>(), length.clone()).prop_map(|(at, n)| Mutation::Repeat(at, n)),
        (any::<usize>(), length).prop_map(|(at, n)| Mutation::Zero(at, n)),
    ]
}

fn mutated(good: &[u8], mutation: &Mutation) -> Vec<u8> {
    let mut bad = good.to_vec();
    let range = |at: usize, n: usize| {
        let at = at % good.len();
        at..(at + n).min(good.len())
    };
    match *mutation {
        Mutation::Flip(at, bit) => bad[at % good.len()] ^= 1 << bit,
        Mutation::Cut(at) => bad.truncate(at % good.len()),
        Mutation::Remove(at, n) => drop(bad.drain(range(at, n))),
        Mutation::Repeat(at, n) => {
            let range = range(at, n);
            bad.splice(range.end..range.end, good[range].to_vec());
        }
        Mutation::Zero(at, n) => bad[range(at, n)].fill(0),
    }
    bad
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn every_mutation_is_noticed(mutations in proptest::collection::vec(mutation(), 1..4)) {
        let good = write(&some()[..80]);
        let mut bad = good.clone();
        for mutation in &mutations {
            if !bad.is_empty() {
                bad = mutated(&bad, mutation);
            }
        }
        prop_assert_eq!(verify(&bad).is_ok(), bad == good);
    }
}
