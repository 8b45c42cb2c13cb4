//! The names by which resources are asked for in a tenant: unique there, own and provisioned
//! applications alike, so that nobody's name leads to somebody else's application.

use behalf_core::{
    application::identifier_uri,
    id::{AppId, TenantId},
    time::Timestamp,
};

use super::{RESERVED_FOR, damaged, id_at};
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Whose a name is in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameOwner {
    /// It names this application.
    Application(AppId),
    /// It named this application and names nobody until then; only this application may have it
    /// back before.
    Reserved {
        /// Its last owner.
        last: AppId,
        /// When it is free.
        until: Timestamp,
    },
}

/// Where the owner of a name is; `name` in any spelling that compares equal.
pub fn key(tenant: TenantId, name: &str) -> Key {
    Key::new(tenant, Kind::ResourceName, identifier_uri::name_key(name).into_bytes())
}

/// Makes `name` name `app` in `tenant`, if it is still as it was `found`.
pub fn claim(
    set: &mut WriteSet,
    tenant: TenantId,
    name: &str,
    app: AppId,
    found: Option<&Stored<NameOwner>>,
) {
    set.put(key(tenant, name), app.bytes().to_vec(), Expect::as_found(found));
}

/// Takes `name` from `app` in `tenant` and reserves it.
pub fn release(set: &mut WriteSet, tenant: TenantId, name: &str, app: AppId, now: Timestamp) {
    let mut document = app.bytes().to_vec();
    document.extend(now.plus(RESERVED_FOR).0.to_be_bytes());
    set.put(key(tenant, name), document, Expect::Any);
}

pub(crate) fn read(record: &Record) -> Result<Stored<NameOwner>, ReadError> {
    let app = id_at(record, 0)?;
    let value = match record.document.get(16..) {
        Some([]) => NameOwner::Application(app),
        Some(until) => NameOwner::Reserved {
            last: app,
            until: Timestamp(i64::from_be_bytes(
                until.try_into().map_err(|_| damaged(Kind::ResourceName, "no time"))?,
            )),
        },
        None => return Err(damaged(Kind::ResourceName, "too short")),
    };
    Ok(Stored { value, version: record.version })
}
