//! When credentials were last used: kept in memory and written in bulk, because a write for each
//! token would cost more than the token.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use behalf_core::{
    id::{CredentialId, TenantId},
    time::Timestamp,
};

use crate::{records::credential_use, write_set::WriteSet};

/// Credentials noted between two writes; more are not noted (usage may be lost).
const MOST: usize = 65_536;
/// Records of one write.
const AT_ONCE: usize = 1_000;
/// Usage is written at most this often.
const EVERY: Duration = Duration::from_mins(1);

/// A credential, and in whose home it is kept.
type Credential = (TenantId, CredentialId);
/// When it was last used.
pub(crate) type Use = (Credential, Timestamp);

#[derive(Debug, Default)]
pub(crate) struct Usage {
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    uses: HashMap<Credential, Timestamp>,
    written: Timestamp,
}

impl Usage {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, home: TenantId, credential: CredentialId, at: Timestamp) {
        self.noted().note((home, credential), at);
    }

    /// Notes what could not be written.
    pub(crate) fn note_again(&self, uses: Vec<Use>) {
        let mut noted = self.noted();
        for (credential, at) in uses {
            noted.note(credential, at);
        }
    }

    pub(crate) fn pending(&self, home: TenantId, credential: CredentialId) -> Option<Timestamp> {
        self.noted().uses.get(&(home, credential)).copied()
    }

    /// What is to be written, if it is time, in as many parts as there are writes.
    pub(crate) fn take(&self, now: Timestamp, force: bool) -> Option<Vec<Vec<Use>>> {
        let mut noted = self.noted();
        if noted.uses.is_empty() || (!force && now.since(noted.written) < EVERY) {
            return None;
        }
        noted.written = now;
        let uses: Vec<_> = std::mem::take(&mut noted.uses).into_iter().collect();
        drop(noted);
        Some(uses.chunks(AT_ONCE).map(<[Use]>::to_vec).collect())
    }
}

impl Noted {
    fn note(&mut self, credential: Credential, at: Timestamp) {
        if let Some(last) = self.uses.get_mut(&credential) {
            *last = at.max(*last);
        } else if self.uses.len() < MOST {
            self.uses.insert(credential, at);
        }
    }
}

/// One write.
pub(crate) fn write(uses: &[Use]) -> WriteSet {
    let mut set = WriteSet::new();
    for ((home, credential), at) in uses {
        credential_use::put(&mut set, *home, *credential, *at);
    }
    set
}
