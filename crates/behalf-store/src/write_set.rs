//! Changes that are committed together or not at all.

use std::collections::HashSet;

use behalf_core::id::TenantId;

use crate::{
    backend::Footing,
    record::{Class, Entry, Key, Kind, Version},
};

/// What one commit may hold. A caller that hits one is wrong or fed by somebody hostile.
pub mod limits {
    /// Longest record id or index value, in bytes.
    pub const ID: usize = 600;
    /// Longest document, in bytes.
    pub const DOCUMENT: usize = 4 << 20;
    /// Most puts, deletes, appends and expectations of one write set.
    pub const OPERATIONS: usize = 50_000;
    /// Most index entries of one record.
    pub const ENTRIES: usize = 16;
    /// A write set that changes more directory keys than this is logged as "everything changed".
    pub const LOGGED_CHANGES: usize = 1_000;
}

/// What must hold of a record for the commit to happen: the `ETag`, the single-use code and the
/// unique name in one idea.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is none.
    Absent,
    /// It is in exactly this state.
    Version(Version),
    /// Whatever there is.
    Any,
}

impl Expect {
    /// Whether a record found in state `found` (`None`: absent) is as expected.
    pub fn holds(self, found: Option<Version>) -> bool {
        match self {
            Self::Absent => found.is_none(),
            Self::Version(version) => found == Some(version),
            Self::Any => true,
        }
    }

    /// "As I found it": `Absent` or that version.
    pub fn as_found<T>(found: Option<&crate::Stored<T>>) -> Self {
        found.map_or(Self::Absent, |stored| Self::Version(stored.version))
    }
}

/// Writes a record, in place of what is there.
#[derive(Debug, Clone)]
pub struct Put {
    /// Where.
    pub key: Key,
    /// The document.
    pub document: Vec<u8>,
    /// Under what it is found besides its key; replaces the entries it had.
    pub entries: Vec<Entry>,
    /// What must hold before.
    pub expect: Expect,
}

/// Removes a record and its index entries; removing what is absent is no error under `Any`.
#[derive(Debug, Clone)]
pub struct Delete {
    /// Which.
    pub key: Key,
    /// What must hold before.
    pub expect: Expect,
}

/// Adds a document behind the last of its tenant and kind: the backend gives it the next 8-byte
/// big-endian id.
#[derive(Debug, Clone)]
pub struct Append {
    /// Whose.
    pub tenant: TenantId,
    /// Of what kind.
    pub kind: Kind,
    /// The document.
    pub document: Vec<u8>,
}

/// Changes that are committed together or not at all. Each key appears once at most.
#[derive(Debug, Clone, Default)]
pub struct WriteSet {
    /// Records to write.
    pub puts: Vec<Put>,
    /// Records to remove.
    pub deletes: Vec<Delete>,
    /// Documents to add at an end.
    pub appends: Vec<Append>,
    /// What must hold of records that were only read, so that two writers who each read what the
    /// other writes cannot both succeed (write skew).
    pub expectations: Vec<(Key, Expect)>,
    /// What it was judged on.
    pub footing: Footing,
}

impl WriteSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `document` at `key` without index entries.
    pub fn put(&mut self, key: Key, document: Vec<u8>, expect: Expect) {
        self.put_indexed(key, document, Vec::new(), expect);
    }

    /// Writes `document` at `key`, found under `entries` too.
    pub fn put_indexed(
        &mut self,
        key: Key,
        document: Vec<u8>,
        entries: Vec<Entry>,
        expect: Expect,
    ) {
        self.puts.push(Put { key, document, entries, expect });
    }

    /// Removes the record at `key`.
    pub fn delete(&mut self, key: Key, expect: Expect) {
        self.deletes.push(Delete { key, expect });
    }

    /// Adds `document` behind the last of its tenant and kind.
    pub fn append(&mut self, tenant: TenantId, kind: Kind, document: Vec<u8>) {
        self.appends.push(Append { tenant, kind, document });
    }

    /// Requires that `key`, which was only read, is still so.
    pub fn expect(&mut self, key: Key, expect: Expect) {
        self.expectations.push((key, expect));
    }

    /// Requires that no record was lost since `footing` was taken.
    pub fn stand_on(&mut self, footing: Footing) {
        self.footing = footing;
    }

    /// How many operations it holds.
    pub fn len(&self) -> usize {
        self.puts.len() + self.deletes.len() + self.appends.len() + self.expectations.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it changes facts of the directory, and so takes a number.
    pub fn changes_directory(&self) -> bool {
        let directory = |kind: Kind| kind.class() == Class::Directory;
        self.puts.iter().any(|put| directory(put.key.kind))
            || self.deletes.iter().any(|delete| directory(delete.key.kind))
            || self.appends.iter().any(|append| directory(append.kind))
    }

    /// Every key with what is expected of it, in the order they are checked.
    pub fn expected(&self) -> impl Iterator<Item = (&Key, Expect)> {
        let only_read = self.expectations.iter().map(|(key, expect)| (key, *expect));
        let deletes = self.deletes.iter().map(|delete| (&delete.key, delete.expect));
        only_read.chain(deletes).chain(self.puts.iter().map(|put| (&put.key, put.expect)))
    }

    /// Checks the limits; every backend does so before anything else.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.len() > limits::OPERATIONS {
            return Err(Invalid::TooMany { operations: self.len() });
        }
        let mut seen = HashSet::with_capacity(self.len());
        for (key, _) in self.expected() {
            if key.id.is_empty() || key.id.len() > limits::ID {
                return Err(Invalid::Id { length: key.id.len() });
            }
            if !seen.insert(key) {
                return Err(Invalid::Twice { kind: key.kind });
            }
        }
        for put in &self.puts {
            put.check()?;
        }
        self.appends.iter().try_for_each(|append| document_fits(&append.document))
    }
}

impl Put {
    fn check(&self) -> Result<(), Invalid> {
        document_fits(&self.document)?;
        if self.entries.len() > limits::ENTRIES {
            return Err(Invalid::Entries { count: self.entries.len() });
        }
        for entry in &self.entries {
            if entry.value.is_empty() || entry.value.len() > limits::ID {
                return Err(Invalid::Id { length: entry.value.len() });
            }
            if entry.index.kind() != self.key.kind {
                return Err(Invalid::Index { kind: self.key.kind });
            }
        }
        Ok(())
    }
}

fn document_fits(document: &[u8]) -> Result<(), Invalid> {
    if document.len() > limits::DOCUMENT {
        return Err(Invalid::Document { length: document.len() });
    }
    Ok(())
}

/// Why a write set was not even tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// More operations than one commit may hold.
    #[error(
        "{operations} operations in one write set, expected at most {}: split it",
        limits::OPERATIONS
    )]
    TooMany {
        /// How many there were.
        operations: usize,
    },
    /// An id or index value of no or too many bytes.
    #[error("an id or index value of {length} bytes, expected 1 to {}", limits::ID)]
    Id {
        /// Its bytes.
        length: usize,
    },
    /// A document too long.
    #[error("a document of {length} bytes, expected at most {}", limits::DOCUMENT)]
    Document {
        /// Its bytes.
        length: usize,
    },
    /// Too many index entries on a record.
    #[error("{count} index entries on one record, expected at most {}", limits::ENTRIES)]
    Entries {
        /// How many there were.
        count: usize,
    },
    /// An entry of an index that leads to records of another kind.
    #[error("an index entry of another kind on a record of kind {kind:?}")]
    Index {
        /// The record's kind.
        kind: Kind,
    },
    /// One key twice: what it expects and leaves behind would be ambiguous.
    #[error("one record of kind {kind:?} twice in a write set, expected each once")]
    Twice {
        /// The record's kind.
        kind: Kind,
    },
}
