//! Writing, record by record.

use std::io::{self, Write};

use behalf_store::Whole;

use super::{
    Counts, Facts, format,
    seal::{self, CHUNK, Sealer, TAG},
};
use crate::{entropy::Entropy, keys::MasterKey};

/// Writes a backup to `W`, a chunk at a time: what it holds in memory does not grow.
pub struct Writer<W> {
    out: W,
    sealer: Sealer,
    /// Frames that fill no chunk yet.
    waiting: Vec<u8>,
    counts: Counts,
}

impl<W: Write> Writer<W> {
    /// Begins a backup that says `facts` of itself.
    pub fn begin(
        mut out: W,
        facts: &Facts,
        master: &MasterKey,
        entropy: &dyn Entropy,
    ) -> io::Result<Self> {
        let (header, sealer) = seal::begin(facts, master, entropy)
            .ok_or_else(|| io::Error::other("the header of the backup cannot be made"))?;
        out.write_all(&header)?;
        Ok(Self { out, sealer, waiting: Vec::with_capacity(2 * CHUNK), counts: Counts::default() })
    }

    /// Adds a record; they come in order of tenant, kind and id.
    pub fn record(&mut self, Whole { record, entries }: &Whole) -> io::Result<()> {
        format::put_record(&mut self.waiting, &record.key, entries, &record.document);
        self.counts.count(record.key.kind, &record.document);
        let mut start = 0;
        // Something always stays for the last chunk.
        while self.waiting.len() - start > CHUNK {
            self.chunk(start, start + CHUNK, false)?;
            start += CHUNK;
        }
        self.waiting.drain(..start);
        Ok(())
    }

    /// What was written to, to take from it what there is so far.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Adds the counts and the end. Without it the backup is none.
    pub fn finish(mut self) -> io::Result<(W, Counts)> {
        format::put_counts(&mut self.waiting, &self.counts);
        let (mut start, end) = (0, self.waiting.len());
        while end - start > CHUNK {
            self.chunk(start, start + CHUNK, false)?;
            start += CHUNK;
        }
        self.chunk(start, end, true)?;
        Ok((self.out, self.counts))
    }

    fn chunk(&mut self, start: usize, end: usize, last: bool) -> io::Result<()> {
        let mut chunk = Vec::with_capacity(CHUNK + TAG);
        chunk.extend_from_slice(&self.waiting[start..end]);
        self.sealer
            .seal(&mut chunk, last)
            .ok_or_else(|| io::Error::other("a chunk of the backup cannot be encrypted"))?;
        self.out.write_all(&chunk)
    }
}
