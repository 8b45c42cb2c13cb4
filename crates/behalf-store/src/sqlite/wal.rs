//! The write-ahead log before SQLite reads it.
//!
//! SQLite takes what it can of a log and passes over the rest in silence: the end of a log may be a
//! transaction that was never finished. So two things are looked at first. That nothing but the
//! last transaction is unreadable: each was on the disk before the next one began, so damage before
//! the last is no crash. And that the log belongs to the database beside it: a file of yesterday
//! under the log of today, or the other way round, would be mixed page by page.
//!
//! A log that has lost its end between two transactions cannot be told from one that never had it.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::open::{OpenError, io_error};

const HEADER: usize = 32;
const FRAME: usize = 24;
/// The checksums' words are big-endian where the lowest bit is set.
const MAGIC: u32 = 0x377f_0682;
const NOT_ITS_LOG: &str = "the write-ahead log beside it is not its own: one of the two is from another time; put back the file that belongs to it";

/// Refuses a log that holds more damage than a crash leaves, or that is another database's.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    let file = match File::open(&log) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error(&log, error)),
    };
    let main = main_counter(path);
    let found = read(&mut BufReader::with_capacity(1 << 18, file), main);
    let damaged = |cause: String| OpenError::Damaged { path: path.to_owned(), cause };
    let found = found.map_err(|error| io_error(&log, error))?;
    let Some(Found { counters, lost, .. }) = found else {
        return Err(damaged("the header of its write-ahead log is damaged".to_owned()));
    };
    if lost > 1 {
        let text = format!("its write-ahead log is damaged before its last {lost} transactions");
        return Err(damaged(text));
    }
    if let (Some((_, version)), Some((first, last))) = (main, counters)
        && !(first.before..=last.version).contains(&version)
    {
        return Err(damaged(NOT_ITS_LOG.to_owned()));
    }
    Ok(())
}

/// The root page of the counter and its newest version, as the database itself says without its
/// log; nothing where it cannot be read so: then opening it says why.
fn main_counter(path: &Path) -> Option<(u32, i64)> {
    let escaped: String = path
        .to_str()?
        .chars()
        .map(|c| match c {
            '%' => "%25".to_owned(),
            '?' => "%3f".to_owned(),
            '#' => "%23".to_owned(),
            other => other.to_string(),
        })
        .collect();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let absolute = std::path::absolute(&escaped).ok()?;
    let uri = format!("file://{}?immutable=1", absolute.display());
    let conn = Connection::open_with_flags(uri, flags).ok()?;
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'counter'";
    let root = conn.query_row(root, [], |row| row.get(0)).ok()?;
    let version = conn.query_row("SELECT version FROM counter", [], |row| row.get(0)).ok()?;
    Some((root, version))
}

/// What a log holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Transactions that can be read.
    whole: usize,
    /// Transactions behind the first frame that cannot: their ends, or two at least where the last
    /// tells of one without.
    lost: usize,
    /// The counter as the first and the last readable transaction left it.
    counters: Option<(Counter, Counter)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counter {
    version: i64,
    before: i64,
}

/// Reads a log beside a database with this counter; `None`: its header is damaged, but something
/// follows it.
fn read(log: &mut impl Read, main: Option<(u32, i64)>) -> io::Result<Option<Found>> {
    let mut header = [0; HEADER];
    if !fill(log, &mut header)? {
        return Ok(Some(Found::default()));
    }
    let big = word(&header, 0) == MAGIC | 1;
    let page = word(&header, 8) as usize;
    let mut sums = (0, 0);
    add(&mut sums, &header[..24], big);
    let sound = (big || word(&header, 0) == MAGIC)
        && (512..=65_536).contains(&page)
        && sums == (word(&header, 24), word(&header, 28));
    let mut frame = vec![0; FRAME + if sound { page } else { 1 }];
    let (mut found, mut readable, mut uncommitted) = (Found::default(), sound, None);
    // Whether a transaction begins with what none that can be read has left: the end of one before
    // it is gone, and would not be counted.
    let mut missed = false;
    let is_counter = |frame: &[u8]| main.is_some_and(|(root, _)| word(frame, 0) == root);
    while fill(log, &mut frame)? {
        if !sound {
            return Ok(None);
        }
        // Frames of an earlier round of the log have other salts.
        if frame[8..16] != header[16..24] {
            readable = false;
            continue;
        }
        let ends = word(&frame, 4) != 0;
        if readable {
            add(&mut sums, &frame[..8], big);
            add(&mut sums, &frame[FRAME..], big);
            readable = sums == (word(&frame, 16), word(&frame, 20));
        }
        if !readable {
            found.lost += usize::from(ends);
            let newest = found.counters.map(|(_, last)| last.version).or(main.map(|(_, v)| v));
            let begun = if is_counter(&frame) { counter(&frame[FRAME..]) } else { None };
            missed |= begun.zip(newest).is_some_and(|(begun, newest)| begun.before > newest);
            continue;
        }
        if is_counter(&frame) {
            uncommitted = counter(&frame[FRAME..]);
        }
        if ends {
            found.whole += 1;
            if let Some(last) = uncommitted.take() {
                found.counters = Some((found.counters.map_or(last, |(first, _)| first), last));
            }
        }
    }
    if missed {
        found.lost = found.lost.max(2);
    }
    Ok(Some(found))
}

/// SQLite's checksum: over pairs of words, each sum feeding the other.
fn add(sums: &mut (u32, u32), bytes: &[u8], big: bool) {
    let word = |bytes: &[u8; 4]| {
        if big { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) }
    };
    for pair in bytes.as_chunks::<4>().0.as_chunks::<2>().0 {
        sums.0 = sums.0.wrapping_add(word(&pair[0])).wrapping_add(sums.1);
        sums.1 = sums.1.wrapping_add(word(&pair[1])).wrapping_add(sums.0);
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// The one row of the counter's page (a table leaf, <https://sqlite.org/fileformat2.html>): `one`,
/// which is the row's id, `seq`, `version`, `before`.
fn counter(page: &[u8]) -> Option<Counter> {
    if page.first() != Some(&13) {
        return None;
    }
    let cell = usize::from(u16::from_be_bytes(page.get(8..10)?.try_into().ok()?));
    let mut rest = page.get(cell..)?;
    let (_payload, _row) = (varint(&mut rest)?, varint(&mut rest)?);
    let body = rest;
    let header = usize::try_from(varint(&mut rest)?).ok()?;
    let mut types = body.get(body.len() - rest.len()..header)?;
    let mut values = body.get(header..)?;
    let mut numbers = Vec::new();
    while !types.is_empty() {
        numbers.push(integer(varint(&mut types)?, &mut values)?);
    }
    match numbers[..] {
        [_, _, version, before] => Some(Counter { version, before }),
        _ => None,
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for n in 0..9 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        if n == 8 {
            return Some(value << 8 | u64::from(*byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A value of a serial type: NULL, an integer of 1 to 8 bytes, or 0 and 1 themselves.
fn integer(serial: u64, values: &mut &[u8]) -> Option<i64> {
    let length = match serial {
        0 | 8 => return Some(0),
        9 => return Some(1),
        1..=4 => usize::try_from(serial).ok()?,
        5 => 6,
        6 => 8,
        _ => return None,
    };
    let (bytes, after) = values.split_at_checked(length)?;
    *values = after;
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[8 - length..].copy_from_slice(bytes);
    Some(i64::from_be_bytes(wide))
}

/// Fills `out`; `false`: there is not so much.
fn fill(input: &mut impl Read, out: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(out) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use behalf_core::id::TenantId;

    use super::*;
    use crate::{Backend as _, Expect, Key, Kind, WriteSet, sqlite::Sqlite};

    async fn put(database: &Sqlite, n: u8) {
        let mut set = WriteSet::new();
        set.put(Key::new(TenantId::NIL, Kind::Tenant, [n]), vec![n; 500], Expect::Any);
        database.commit(set).await.unwrap();
    }

    #[tokio::test]
    async fn transactions_and_counters_of_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d#1?.db");
        let database = Sqlite::open(&path).unwrap();
        for n in 0..5 {
            put(&database, n).await;
        }
        let main = main_counter(&path);
        assert_eq!(main.unwrap().1, 0, "nothing was moved yet");
        let log = fs::read(format!("{}-wal", path.display())).unwrap();
        let found = read(&mut &log[..], main).unwrap().unwrap();
        let counter = |version| Counter { version, before: version - 1 };
        assert_eq!((found.whole, found.lost), (5, 0));
        assert_eq!(found.counters, Some((counter(1), counter(5))));
        // Any bit of the first transaction: the four behind it are lost, which is no crash.
        for at in (HEADER..HEADER + FRAME + 4_096).step_by(101) {
            let mut bad = log.clone();
            bad[at] ^= 4;
            let found = read(&mut &bad[..], main).unwrap().unwrap();
            assert!(found.whole == 0 && found.lost >= 4, "byte {at}: {found:?}");
        }
        let mut bad = log.clone();
        bad[17] ^= 1;
        assert_eq!(read(&mut &bad[..], main).unwrap(), None, "the header");
        let cut = read(&mut &log[..log.len() - 9], main).unwrap().unwrap();
        assert_eq!((cut.whole, cut.lost), (4, 0), "a crash");
        assert_eq!(read(&mut &log[..20], main).unwrap(), Some(Found::default()));
    }

    #[tokio::test]
    async fn a_transaction_whose_end_is_gone_is_missed_by_the_one_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.db");
        let database = Sqlite::open(&path).unwrap();
        for n in 0..5 {
            put(&database, n).await;
        }
        let main = main_counter(&path);
        let log = fs::read(format!("{}-wal", path.display())).unwrap();
        let ends = |at: &usize| word(&log, at + 4) != 0;
        let ends: Vec<usize> = (HEADER..log.len()).step_by(FRAME + 4_096).filter(ends).collect();
        for (transaction, at) in ends.iter().enumerate() {
            let mut bad = log.clone();
            bad[*at..at + FRAME].fill(0);
            let found = read(&mut &bad[..], main).unwrap().unwrap();
            assert_eq!(found.whole, transaction);
            assert_eq!(found.lost > 1, transaction < 4, "{transaction}: {found:?}");
        }
    }
}
