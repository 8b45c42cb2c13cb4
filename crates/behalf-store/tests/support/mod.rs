//! Short words for keys, records and write sets.

use behalf_core::id::TenantId;
use behalf_store::{Backend, Key, Kind, Record, WriteSet};
use uuid::Uuid;

pub(crate) fn tenant(n: u8) -> TenantId {
    TenantId(Uuid::from_bytes([n; 16]))
}

/// A directory record of tenant 1.
pub(crate) fn key(id: &str) -> Key {
    Key::new(tenant(1), Kind::Application, id.as_bytes())
}

/// One set from one closure.
pub(crate) fn set(build: impl FnOnce(&mut WriteSet)) -> WriteSet {
    let mut set = WriteSet::new();
    build(&mut set);
    set
}

pub(crate) async fn one(backend: &dyn Backend, key: Key) -> Option<Record> {
    backend.get(&[key]).await.unwrap().remove(0)
}
