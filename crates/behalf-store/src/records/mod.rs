//! The directory's records as types: how each is keyed, indexed and written down, a file a kind.
//!
//! Functions that write add to a [`WriteSet`](crate::WriteSet) and decide nothing; what is unique
//! is so by what they expect of the record that holds the name.

pub mod application;
pub mod assignment;
pub mod audit;
pub mod consent_request;
pub mod credential_use;
pub mod deployment;
pub mod device_grant;
pub mod domain;
pub mod expiring;
pub mod family;
pub mod permission_grant;
pub mod resource_name;
pub mod revoked;
pub mod service_principal;
pub mod tenant;
pub mod used_assertion;
pub mod used_ticket;
pub mod user;

use std::time::Duration;

use behalf_core::id::TenantId;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    backend::ReadError,
    record::{Kind, Record, Stored},
};

/// How long a name or domain that was given up stays nobody's, so that tokens and caches that
/// still speak of its old owner run out first (decisions.md 1 and 3).
pub const RESERVED_FOR: Duration = Duration::from_hours(24);

/// Where the deployment's own records and the global indexes live.
const GLOBAL: TenantId = TenantId::NIL;

/// The document of a JSON record. Serialising the model's types cannot fail; should it ever, an
/// empty document is refused by every reader.
fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn from_json<T: DeserializeOwned>(record: &Record) -> Result<Stored<T>, ReadError> {
    let value = serde_json::from_slice(&record.document)
        .map_err(|error| damaged(record.key.kind, &error.to_string()))?;
    Ok(Stored { value, version: record.version })
}

fn damaged(kind: Kind, cause: &str) -> ReadError {
    ReadError::Damaged { kind, cause: cause.to_owned() }
}

/// Two ids after another: the shape of several small documents and keys.
fn pair(first: [u8; 16], second: [u8; 16]) -> [u8; 32] {
    let mut both = [0; 32];
    both[..16].copy_from_slice(&first);
    both[16..].copy_from_slice(&second);
    both
}

/// The id at `at`, if there are sixteen bytes.
fn id_at<T: From<uuid::Uuid>>(record: &Record, at: usize) -> Result<T, ReadError> {
    record
        .document
        .get(at..at + 16)
        .and_then(|bytes| uuid::Uuid::from_slice(bytes).ok())
        .map(T::from)
        .ok_or_else(|| damaged(record.key.kind, "too short for an id"))
}
