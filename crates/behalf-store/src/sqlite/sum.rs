//! A checksum for each record: SQLite has none of its own, and what a disk or a cable flips would
//! be served as if it had been written.
//!
//! Eight bytes at a time, each step a bijection: what differs in one word alone always has another
//! sum, anything else with a chance of 1 in 2^64. It tells accidents, not an attacker.

use behalf_core::id::TenantId;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Version},
    stored::counted,
};

/// A row as it was read, not yet believed.
pub(super) struct Raw {
    pub(super) record: Record,
    /// The index entries as they are stored.
    pub(super) entries: Option<Vec<u8>>,
    pub(super) sum: i64,
}

impl Raw {
    /// The columns `version, doc, entries, sum`, from `first` on.
    pub(super) fn read(row: &rusqlite::Row<'_>, first: usize, key: Key) -> rusqlite::Result<Self> {
        let version = Version(counted(row.get(first)?));
        let record = Record { key, version, document: row.get(first + 1)? };
        Ok(Self { record, entries: row.get(first + 2)?, sum: row.get(first + 3)? })
    }

    /// The record, if it is what was written.
    pub(super) fn checked(self) -> Result<(Record, Option<Vec<u8>>), ReadError> {
        let Self { record, entries, sum } = self;
        let Record { key, version, document } = &record;
        if of(key, *version, entries.as_deref(), document) == sum {
            return Ok((record, entries));
        }
        let cause = "its checksum is another one, so its bytes changed on the disk".to_owned();
        Err(ReadError::Damaged { kind: key.kind, cause })
    }
}

/// The sum of a record.
pub(super) fn of(key: &Key, Version(version): Version, entries: Option<&[u8]>, doc: &[u8]) -> i64 {
    let mut sum = Sum(0xcbf2_9ce4_8422_2325);
    sum.bytes(&key.tenant.bytes());
    sum.word(u64::from(key.kind.number()));
    sum.word(version);
    sum.bytes(&key.id);
    sum.bytes(entries.unwrap_or_default());
    sum.bytes(doc);
    sum.0.cast_signed()
}

struct Sum(u64);

impl Sum {
    fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    /// The bytes and how many they are.
    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
    }
}

/// Gives every record its sum: what was written before there were any.
pub(super) fn fill(conn: &Connection) -> rusqlite::Result<()> {
    let mut read = conn.prepare(
        "SELECT r.r, t.id, r.kind, r.id, r.version, r.doc, r.entries, r.sum
         FROM record r JOIN tenant t ON t.n = r.tenant",
    )?;
    let mut update = conn.prepare("UPDATE record SET sum = ?1 WHERE r = ?2")?;
    let mut rows = read.query([])?;
    let mut sums: Vec<(i64, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(kind) = Kind::from_number(row.get(2)?) else { continue };
        let key = Key { tenant: TenantId(Uuid::from_bytes(row.get(1)?)), kind, id: row.get(3)? };
        let Raw { record, entries, .. } = Raw::read(row, 4, key)?;
        let sum = of(&record.key, record.version, entries.as_deref(), &record.document);
        sums.push((sum, row.get(0)?));
    }
    for (sum, row) in sums {
        update.execute(params![sum, row])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(TenantId::NIL, Kind::Tenant, *b"identifier")
    }

    #[test]
    fn every_flipped_bit_of_a_record_has_another_sum() {
        let (entries, doc) = ([1, 0, 1, 9], *b"{\"some\":\"document\"}");
        let good = of(&key(), Version(7), Some(&entries), &doc);
        let flipped = |bytes: &[u8], bit: usize| {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        for bit in 0..doc.len() * 8 {
            assert_ne!(of(&key(), Version(7), Some(&entries), &flipped(&doc, bit)), good);
        }
        for bit in 0..entries.len() * 8 {
            assert_ne!(of(&key(), Version(7), Some(&flipped(&entries, bit)), &doc), good);
        }
        for bit in 0..80 {
            let other = Key { id: flipped(&key().id, bit), ..key() };
            assert_ne!(of(&other, Version(7), Some(&entries), &doc), good);
        }
        for bit in 0..64 {
            assert_ne!(of(&key(), Version(7 ^ (1 << bit)), Some(&entries), &doc), good);
        }
        let other = Key { kind: Kind::Domain, ..key() };
        assert_ne!(of(&other, Version(7), Some(&entries), &doc), good);
        let other = Key { tenant: TenantId(Uuid::from_u128(1)), ..key() };
        assert_ne!(of(&other, Version(7), Some(&entries), &doc), good);
    }

    #[test]
    fn bytes_cannot_move_between_the_parts() {
        let sum = |id: &[u8], entries: &[u8], doc: &[u8]| {
            of(&Key { id: id.to_vec(), ..key() }, Version(1), Some(entries), doc)
        };
        assert_ne!(sum(b"a", b"b", b""), sum(b"a", b"", b"b"));
        assert_ne!(sum(b"ab", b"", b"c"), sum(b"a", b"", b"bc"));
        assert_ne!(sum(b"a", b"", b"c"), sum(b"a", b"", b"c\0"));
    }
}
