//! What administrators do to the directory. There is one way to do each thing: the manifest, the
//! command line and later Graph and the portal all enter here, and each deed is one commit with
//! its audit entry.

mod applications;
pub mod apply;
mod check;
mod consent;
mod credentials;
mod names;
mod refusal;
mod service_principals;
mod tenants;
#[cfg(test)]
mod tests;
mod users;

pub use applications::{AppRef, Created, Edit, NewApplication};
pub use consent::{Acceptance, Consented, Extent, Granted, Held, Selection};
pub use credentials::{AddedCertificate, AddedSecret, NewCertificate, NewSecret};
pub use refusal::{Kind, Refusal};
pub use tenants::NewTenant;
pub use users::{Enrolment, NewUser, SecondFactor, UserRef, UserRefusal, UserRole};

use std::{fmt, sync::Arc};

use behalf_core::{
    id::{ObjectId, TenantId},
    secret::Pepper,
    tenant::Tenant,
    time::Timestamp,
};
use behalf_store::{
    CommitError, Reading, Store, Stored, WriteSet,
    records::audit::{self, AuditEntry},
};
use uuid::Uuid;

use crate::{
    clock::SharedClock,
    entropy::{SharedEntropy, random_uuid},
    state::Server,
};

/// How often a deed is decided anew because somebody else changed what it rests on.
const ATTEMPTS: usize = 8;

/// Runs a draft (a decision that reads and answers with a write set and an outcome) until it is
/// committed as it was decided.
macro_rules! commit {
    ($directory:ident, $draft:expr) => {{
        for _ in 0..$crate::directory::ATTEMPTS {
            let (set, outcome) = $draft.await?;
            if $directory.committed(set).await? {
                return Ok(outcome);
            }
        }
        Err($crate::directory::Refusal::Contended)
    }};
}
use commit;

/// Where object ids come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ObjectIds {
    /// Chance: what is deleted and made again is another object.
    #[default]
    Random,
    /// From the tenant, the kind and the name (UUIDv5): the same world on every machine. For
    /// development only.
    Derived,
}

/// The directory as those who administer it see it. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    store: Store,
    clock: SharedClock,
    entropy: SharedEntropy,
    pepper: Arc<Pepper>,
    actor: Arc<str>,
    ids: ObjectIds,
}

impl Directory {
    /// A directory in `store`, whose secrets are hashed with `pepper`.
    pub fn new(
        store: Store,
        clock: SharedClock,
        entropy: SharedEntropy,
        pepper: Arc<Pepper>,
    ) -> Self {
        let (actor, ids) = (Arc::from("behalf"), ObjectIds::Random);
        Self { store, clock, entropy, pepper, actor, ids }
    }

    /// The directory of a running server.
    pub fn of(server: &Server) -> Self {
        let (clock, entropy) = (Arc::clone(&server.clock), Arc::clone(&server.entropy));
        Self::new(server.store.clone(), clock, entropy, Arc::clone(&server.pepper))
    }

    /// The same directory, acted on by `actor`, as the audit log names him.
    #[must_use]
    pub fn acted_on_by(&self, actor: &str) -> Self {
        Self { actor: Arc::from(actor), ..self.clone() }
    }

    /// The same directory with object ids from `ids`.
    #[must_use]
    pub fn with_object_ids(&self, ids: ObjectIds) -> Self {
        Self { ids, ..self.clone() }
    }

    /// The store beneath.
    pub fn store(&self) -> &Store {
        &self.store
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn uuid(&self) -> Uuid {
        random_uuid(&*self.entropy)
    }

    /// An id for the object of a `kind` (as Graph names it) that people call `name`.
    fn object_id(&self, tenant: TenantId, kind: &str, name: &str) -> ObjectId {
        match self.ids {
            ObjectIds::Random => ObjectId(self.uuid()),
            ObjectIds::Derived => {
                ObjectId(Uuid::new_v5(&tenant.0, format!("{kind}{name}").as_bytes()))
            }
        }
    }

    /// Notes in `set` what it does to `target`.
    fn audit(&self, set: &mut WriteSet, tenant: TenantId, action: &str, target: &str) {
        let entry = AuditEntry {
            time: self.now(),
            actor: self.actor.to_string(),
            action: action.to_owned(),
            target: target.to_owned(),
        };
        audit::append(set, tenant, &entry);
    }

    /// Commits `set`; false when something it rests on changed meanwhile.
    async fn committed(&self, set: WriteSet) -> Result<bool, Refusal> {
        if set.is_empty() {
            return Ok(true);
        }
        match self.store.commit(set).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A tenant that must exist.
async fn tenant(reading: &Reading<'_>, id: TenantId) -> Result<Stored<Tenant>, Refusal> {
    reading.tenant(id).await?.ok_or_else(|| Refusal::NoTenant(id.to_string()))
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Directory({})", self.actor)
    }
}
