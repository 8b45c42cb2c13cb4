//! Reading, record by record, and every check on the way.

use std::io::{self, Read};

use behalf_store::Key;

use super::{
    BackupError, Counts, Facts, Saved,
    format::{self, BODY_MAX, Frame},
    order,
    seal::{self, CHUNK, DIGEST, FIXED, Sealer, TAG},
};
use crate::keys::MasterKey;

/// Reads a backup from `R`, a chunk at a time. What it hands out is authentic; that all of it was
/// handed out is known when [`Reader::next`] has said so.
pub struct Reader<R> {
    input: R,
    sealer: Sealer,
    facts: Facts,
    /// The encrypted chunk that comes next, read ahead so that the last one is known.
    ahead: Vec<u8>,
    /// Where it begins.
    offset: u64,
    /// Decrypted, from `used` on not yet handed out.
    plain: Vec<u8>,
    used: usize,
    before: Option<Key>,
    counts: Counts,
}

impl<R: Read> Reader<R> {
    /// Reads the header: that it is a backup, whole so far, and of this master key.
    pub fn open(mut input: R, master: &MasterKey) -> Result<Self, BackupError> {
        let mut header = read_up_to(&mut input, FIXED)?;
        let Ok(fixed) = <[u8; FIXED]>::try_from(&header[..]) else {
            let begins =
                format::MAGIC.starts_with(&header[..header.len().min(8)]) && !header.is_empty();
            return Err(if begins || header.starts_with(format::MAGIC) {
                BackupError::Header
            } else {
                BackupError::Foreign
            });
        };
        let length = seal::facts_length(&fixed)? + DIGEST;
        header.extend(read_up_to(&mut input, length)?);
        if header.len() < FIXED + length {
            return Err(BackupError::Header);
        }
        let (facts, sealer) = seal::resume(&header, master)?;
        let mut reader = Self {
            input,
            sealer,
            facts,
            ahead: Vec::new(),
            offset: header.len() as u64,
            plain: Vec::new(),
            used: 0,
            before: None,
            counts: Counts::default(),
        };
        reader.ahead = reader.read_chunk()?;
        Ok(reader)
    }

    /// What the backup says of itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What was handed out so far; after the end, what the backup holds.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The next record; `None`: that was all, and all of it is authentic and in its place.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot fail once for all")]
    pub fn next(&mut self) -> Result<Option<Saved>, BackupError> {
        let damaged = BackupError::Damaged { offset: self.offset };
        let Some(length) = self.take(4)? else { return Err(damaged) };
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let number = self.counts.records() + 1;
        let unknown = |cause| BackupError::Unknown { number, cause };
        if length > BODY_MAX {
            return Err(unknown(format!("has {length} bytes")));
        }
        let Some(body) = self.take(length)? else { return Err(damaged) };
        match format::parse(&body).map_err(unknown)? {
            Frame::Record(saved) => {
                if self.before.as_ref().is_some_and(|before| order(before) >= order(&saved.key)) {
                    return Err(unknown("is out of order".to_owned()));
                }
                self.before = Some(saved.key.clone());
                self.counts.count(saved.key.kind, &saved.document);
                Ok(Some(saved))
            }
            Frame::Counts(counts) => {
                if counts != self.counts {
                    return Err(unknown("is followed by other counts".to_owned()));
                }
                if self.take(1)?.is_some() {
                    return Err(unknown("is followed by more after the end".to_owned()));
                }
                Ok(None)
            }
        }
    }

    /// Reads everything that is left, for the checks alone.
    pub fn verify(mut self) -> Result<(Facts, Counts), BackupError> {
        while self.next()?.is_some() {}
        Ok((self.facts, self.counts))
    }

    /// The next `length` bytes, or nothing when there are none any more or not so many.
    fn take(&mut self, length: usize) -> Result<Option<Vec<u8>>, BackupError> {
        while self.plain.len() - self.used < length {
            if self.ahead.is_empty() {
                return Ok(None);
            }
            self.decrypt()?;
        }
        let bytes = self.plain[self.used..self.used + length].to_vec();
        self.used += length;
        Ok(Some(bytes))
    }

    fn decrypt(&mut self) -> Result<(), BackupError> {
        let after = if self.ahead.len() < CHUNK + TAG { Vec::new() } else { self.read_chunk()? };
        let mut chunk = std::mem::replace(&mut self.ahead, after);
        let (last, length) = (self.ahead.is_empty(), chunk.len() as u64);
        let plain = self.sealer.open(&mut chunk, last);
        let plain = plain.ok_or(BackupError::Damaged { offset: self.offset })?;
        self.offset += length;
        self.plain.drain(..self.used);
        self.used = 0;
        self.plain.extend_from_slice(plain);
        Ok(())
    }

    fn read_chunk(&mut self) -> Result<Vec<u8>, BackupError> {
        Ok(read_up_to(&mut self.input, CHUNK + TAG)?)
    }
}

/// The next `count` bytes, or as many as there are.
fn read_up_to(input: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count);
    input.by_ref().take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
