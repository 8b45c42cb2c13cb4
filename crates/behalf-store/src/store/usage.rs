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

#[derive(Debug, Default)]
pub(crate) struct Usage {
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    uses: HashMap<(TenantId, CredentialId), Timestamp>,
    written: Timestamp,
}

impl Usage {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, home: TenantId, credential: CredentialId, at: Timestamp) {
        let uses = &mut self.noted().uses;
        if let Some(last) = uses.get_mut(&(home, credential)) {
            *last = at.max(*last);
        } else if uses.len() < MOST {
            uses.insert((home, credential), at);
        }
    }

    pub(crate) fn pending(&self, home: TenantId, credential: CredentialId) -> Option<Timestamp> {
        self.noted().uses.get(&(home, credential)).copied()
    }

    /// What is to be written, if it is time.
    pub(crate) fn take(&self, now: Timestamp, force: bool) -> Option<Vec<WriteSet>> {
        let mut noted = self.noted();
        if noted.uses.is_empty() || (!force && now.since(noted.written) < EVERY) {
            return None;
        }
        noted.written = now;
        let uses: Vec<_> = std::mem::take(&mut noted.uses).into_iter().collect();
        drop(noted);
        let write = |uses: &[((TenantId, CredentialId), Timestamp)]| {
            let mut set = WriteSet::new();
            for ((home, credential), at) in uses {
                credential_use::put(&mut set, *home, *credential, *at);
            }
            set
        };
        Some(uses.chunks(AT_ONCE).map(write).collect())
    }
}
