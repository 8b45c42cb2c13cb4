//! What every backend stores alike.

use crate::{
    backend::{Page, ReadError, Whole},
    record::{Entry, Index, Kind, Record},
};

/// Bytes of documents after which a snapshot's page ends.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

/// The declared entries of a record beside its document: index number, length (big-endian), value;
/// after one another.
pub(crate) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.push(entry.index.number());
        bytes.extend(u16::try_from(entry.value.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(&entry.value);
    }
    bytes
}

pub(crate) fn decode(mut bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    while let Some(([index, high, low], rest)) = bytes.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, rest)) = rest.split_at_checked(length) else { break };
        if let Some(index) = Index::from_number(*index) {
            entries.push(Entry { index, value: value.to_vec() });
        }
        bytes = rest;
    }
    entries
}

/// The id behind `last`, the largest of its tenant and kind.
pub(crate) fn next_id(last: Option<&[u8]>) -> [u8; 8] {
    let last = last.and_then(|id| id.try_into().ok()).map_or(0, u64::from_be_bytes);
    last.saturating_add(1).to_be_bytes()
}

/// A count as databases keep it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A stored count as we keep it.
pub(crate) fn counted(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// How many records a page may have of which `asked` were asked for.
pub(crate) fn page_limit(asked: u32) -> u32 {
    asked.clamp(1, Page::MAX)
}

/// A page of what was found under `limit`.
pub(crate) fn page(records: Vec<Record>, limit: u32) -> Page {
    let full = records.len() >= limit as usize;
    let next = records.last().filter(|_| full).map(|last| last.key.id.clone());
    Page { records, next }
}

/// A stored kind, of a record that must not be passed over.
pub(crate) fn kind(number: i64) -> Result<Kind, ReadError> {
    u8::try_from(number).ok().and_then(Kind::from_number).ok_or_else(|| {
        let newer = format!("there is a record of kind {number}, which only a newer version knows");
        ReadError::Unavailable(newer)
    })
}

/// A record with its stored entries, if they make sense.
pub(crate) fn whole(record: Record, stored: Option<&[u8]>) -> Result<Whole, ReadError> {
    let stored = stored.unwrap_or_default();
    let entries = decode(stored);
    if encode(&entries) != stored {
        let cause = "its index entries make no sense".to_owned();
        return Err(ReadError::Damaged { kind: record.key.kind, cause });
    }
    Ok(Whole { record, entries })
}

/// FNV-1a, as databases keep numbers: it tells an edited migration, not an attacker.
pub(crate) fn checksum(text: &str) -> i64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, mix).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_survive_the_row() {
        let entries = vec![
            Entry { index: Index::AssignmentByPrincipal, value: vec![0; 16] },
            Entry { index: Index::AssignmentByResource, value: vec![255; 300] },
        ];
        assert_eq!(decode(&encode(&entries)), entries);
        assert_eq!(decode(&[1, 0, 9, 1]), []);
    }
}
