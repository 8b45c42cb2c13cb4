//! Frames as bytes: pure.
//!
//! A frame is its length (4 bytes) and a body, whose first byte says what it is: 1 a record (tenant
//! 16, kind 1, id 2 + …, number of entries 1, each index 1 and value 2 + …, then the document), 0
//! the counts (bytes of documents 8, then kind 1 and records 8 for each kind).

use behalf_core::id::TenantId;
use behalf_store::{Entry, Index, Key, Kind, limits};
use uuid::Uuid;

use super::{Counts, Saved};

/// What a backup begins with.
pub(super) const MAGIC: &[u8; 8] = b"behalfBK";
/// The newest format.
pub(super) const VERSION: u16 = 1;
/// Longest body: a document, an id and entries, each as long as can be.
pub(super) const BODY_MAX: usize =
    limits::DOCUMENT + 32 + limits::ID + limits::ENTRIES * (3 + limits::ID);

const RECORD: u8 = 1;
const COUNTS: u8 = 0;

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Record(Saved),
    Counts(Counts),
}

/// Adds a record's frame to `out`.
pub(super) fn put_record(out: &mut Vec<u8>, key: &Key, entries: &[Entry], document: &[u8]) {
    frame(out, |out| {
        out.push(RECORD);
        out.extend_from_slice(&key.tenant.bytes());
        out.push(key.kind.number());
        put_short(out, &key.id);
        out.push(u8::try_from(entries.len()).unwrap_or(u8::MAX));
        for entry in entries {
            out.push(entry.index.number());
            put_short(out, &entry.value);
        }
        out.extend_from_slice(document);
    });
}

/// Adds the last frame to `out`.
pub(super) fn put_counts(out: &mut Vec<u8>, counts: &Counts) {
    frame(out, |out| {
        out.push(COUNTS);
        out.extend_from_slice(&counts.bytes.to_be_bytes());
        for (kind, records) in &counts.kinds {
            out.push(kind.number());
            out.extend_from_slice(&records.to_be_bytes());
        }
    });
}

fn frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    // Limits of the store keep bodies far below 4 GiB.
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_short(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Reads a body; an error says what it has that this version does not know.
pub(super) fn parse(body: &[u8]) -> Result<Frame, String> {
    let cut = || "ends too early".to_owned();
    match body.split_first().ok_or_else(cut)? {
        (&RECORD, rest) => record(&mut { rest }).map(Frame::Record),
        (&COUNTS, rest) => counts(&mut { rest }).map(Frame::Counts),
        (other, _) => Err(format!("is a frame of type {other}")),
    }
}

fn record(rest: &mut &[u8]) -> Result<Saved, String> {
    let tenant = TenantId(Uuid::from_bytes(array(rest)?));
    let kind = kind(rest)?;
    let key = Key::new(tenant, kind, short(rest)?);
    let [count] = array(rest)?;
    if usize::from(count) > limits::ENTRIES {
        return Err(format!("has {count} index entries"));
    }
    let mut entries = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let [number] = array(rest)?;
        let index = Index::from_number(number).filter(|index| index.kind() == kind);
        let index = index.ok_or_else(|| format!("of kind {kind:?} has an index {number}"))?;
        entries.push(Entry { index, value: short(rest)?.to_vec() });
    }
    if rest.len() > limits::DOCUMENT {
        return Err(format!("has a document of {} bytes", rest.len()));
    }
    Ok(Saved { key, entries, document: rest.to_vec() })
}

fn counts(rest: &mut &[u8]) -> Result<Counts, String> {
    let mut counts = Counts { bytes: u64::from_be_bytes(array(rest)?), ..Counts::default() };
    while !rest.is_empty() {
        counts.kinds.insert(kind(rest)?, u64::from_be_bytes(array(rest)?));
    }
    Ok(counts)
}

fn kind(rest: &mut &[u8]) -> Result<Kind, String> {
    let [number] = array(rest)?;
    Kind::from_number(number).ok_or_else(|| format!("is of kind {number}"))
}

/// A length of two bytes and so many: an id or an index value.
fn short<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let length = usize::from(u16::from_be_bytes(array(rest)?));
    if length == 0 || length > limits::ID {
        return Err(format!("has an id or index value of {length} bytes"));
    }
    let (bytes, after) = rest.split_at_checked(length).ok_or("ends too early")?;
    *rest = after;
    Ok(bytes)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    let (bytes, after) = rest.split_first_chunk::<N>().ok_or("ends too early")?;
    *rest = after;
    Ok(*bytes)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn saved() -> Saved {
        Saved {
            key: Key::new(TenantId(Uuid::from_bytes([7; 16])), Kind::ServicePrincipal, [1, 2]),
            entries: vec![Entry { index: Index::ServicePrincipalById, value: b"v".to_vec() }],
            document: b"{}".to_vec(),
        }
    }

    fn body(saved: &Saved) -> Vec<u8> {
        let mut out = Vec::new();
        put_record(&mut out, &saved.key, &saved.entries, &saved.document);
        assert_eq!(u32::from_be_bytes(out[..4].try_into().unwrap()) as usize, out.len() - 4);
        out.split_off(4)
    }

    #[test]
    fn a_record_and_the_counts_as_bytes() {
        let record = body(&saved());
        assert_eq!(record[..1], [1]);
        assert_eq!(record[1..17], [7; 16]);
        assert_eq!(record[17..], [6, 0, 2, 1, 2, 1, 1, 0, 1, b'v', b'{', b'}']);
        assert_eq!(parse(&record), Ok(Frame::Record(saved())));
        let mut counts = Counts::default();
        counts.count(Kind::Tenant, b"abc");
        counts.count(Kind::Tenant, b"");
        counts.count(Kind::User, b"d");
        let mut out = Vec::new();
        put_counts(&mut out, &counts);
        assert_eq!(out[4..13], [0, 0, 0, 0, 0, 0, 0, 0, 4]);
        assert_eq!(out[13..22], [1, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(parse(&out[4..]), Ok(Frame::Counts(counts)));
    }

    #[test]
    fn what_only_a_newer_version_writes_is_named() {
        let mut later = body(&saved());
        later[17] = 200;
        assert_eq!(parse(&later).unwrap_err(), "is of kind 200");
        let mut later = body(&saved());
        later[23] = 99;
        assert_eq!(parse(&later).unwrap_err(), "of kind ServicePrincipal has an index 99");
        let of_another = Saved { key: Key { kind: Kind::User, ..saved().key }, ..saved() };
        assert_eq!(parse(&body(&of_another)).unwrap_err(), "of kind User has an index 1");
        assert_eq!(parse(&[9, 9]).unwrap_err(), "is a frame of type 9");
        assert_eq!(parse(&[]).unwrap_err(), "ends too early");
    }

    proptest! {
        #[test]
        fn records_survive(id in vec(any::<u8>(), 1..=limits::ID), document in vec(any::<u8>(), 0..2_000)) {
            let saved = Saved { key: Key { id, ..saved().key }, document, ..saved() };
            prop_assert_eq!(parse(&body(&saved)), Ok(Frame::Record(saved)));
        }

        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes in vec(any::<u8>(), 0..200), kind in 0..2_u8) {
            let _ = parse(&bytes);
            let _ = parse(&[&[kind], &bytes[..]].concat());
        }
    }
}
