//! Where the backends come from, and records with index entries.

use std::sync::Arc;

use behalf_store::{Backend, Change, Entry, Expect, Index, Key, Kind, Put, Scan, sqlite::Sqlite};

use crate::support::tenant;

/// A database file in a folder of its own.
pub(crate) struct SqliteFile(tempfile::TempDir);

impl SqliteFile {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(Sqlite::open(&self.0.path().join("directory.db")).unwrap())
    }
}

pub(crate) struct SqliteMemory;

impl SqliteMemory {
    #[expect(clippy::unused_self, reason = "called like every other bed")]
    pub(crate) fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(Sqlite::in_memory().unwrap())
    }
}

/// A schema of its own in the database that the test run names.
#[cfg(feature = "postgres")]
pub(crate) struct PostgresSchema(Arc<behalf_store::postgres::Postgres>);

#[cfg(feature = "postgres")]
impl PostgresSchema {
    pub(crate) async fn new() -> Self {
        let options = crate::database::options(&crate::database::fresh().await);
        Self(Arc::new(behalf_store::postgres::Postgres::open(&options).await.unwrap()))
    }

    pub(crate) fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.0) as _
    }
}

/// A record that is found by `value` under the first index.
pub(crate) fn indexed(id: &str, value: &str, document: &str) -> Put {
    Put {
        key: Key::new(tenant(1), Kind::ServicePrincipal, id.as_bytes()),
        document: document.into(),
        entries: vec![entry(value)],
        expect: Expect::Any,
    }
}

pub(crate) fn entry(value: &str) -> Entry {
    Entry { index: Index::ServicePrincipalById, value: value.into() }
}

pub(crate) fn index_change(value: &str) -> Change {
    Change::Index { tenant: tenant(1), index: Index::ServicePrincipalById, value: value.into() }
}

/// The documents of a tenant's kind, as text.
pub(crate) async fn documents(backend: &dyn Backend, kind: Kind) -> Vec<String> {
    let query = Scan { tenant: tenant(1), kind, after: None, limit: 1_000 };
    let page = backend.scan(query).await.unwrap();
    page.records.into_iter().map(|r| String::from_utf8(r.document).unwrap()).collect()
}
