//! Application objects, their unique `name` and the global index from appId to home.

use behalf_core::{
    application::Application,
    id::{AppId, ObjectId, TenantId},
};

use super::{GLOBAL, from_json, id_at, pair, to_json};
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Where an application object is.
pub fn key(tenant: TenantId, id: ObjectId) -> Key {
    Key::new(tenant, Kind::Application, id.bytes())
}

/// Where an appId's home is.
pub fn home_key(app_id: AppId) -> Key {
    Key::new(GLOBAL, Kind::AppHome, app_id.bytes())
}

/// Where the holder of an application's `name` is.
pub fn name_key(tenant: TenantId, name: &str) -> Key {
    Key::new(tenant, Kind::ApplicationName, name.as_bytes())
}

/// The home of an appId; it outlives the application, so that no appId is ever given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppHome {
    /// Home tenant.
    pub tenant: TenantId,
    /// The application object's id.
    pub application: ObjectId,
}

/// Writes a new application: its object, its appId and its name must all be unused.
pub fn create(set: &mut WriteSet, application: &Application) {
    let home = pair(application.tenant.bytes(), application.id.bytes());
    set.put(key(application.tenant, application.id), to_json(application), Expect::Absent);
    set.put(home_key(application.app_id), home.to_vec(), Expect::Absent);
    put_name(set, application);
}

/// Writes a changed application in place of `before`; a new name must be unused.
pub fn update(set: &mut WriteSet, before: &Stored<Application>, after: &Application) {
    let expect = Expect::Version(before.version);
    set.put(key(after.tenant, after.id), to_json(after), expect);
    if before.name != after.name {
        set.delete(name_key(before.tenant, &before.name), Expect::Any);
        put_name(set, after);
    }
}

/// Removes the object and frees its `name`; its appId stays taken.
pub fn delete(set: &mut WriteSet, application: &Stored<Application>) {
    let expect = Expect::Version(application.version);
    set.delete(key(application.tenant, application.id), expect);
    set.delete(name_key(application.tenant, &application.name), Expect::Any);
}

fn put_name(set: &mut WriteSet, application: &Application) {
    let document = application.id.bytes().to_vec();
    set.put(name_key(application.tenant, &application.name), document, Expect::Absent);
}

pub(crate) fn read(record: &Record) -> Result<Stored<Application>, ReadError> {
    from_json(record)
}

pub(crate) fn read_home(record: &Record) -> Result<AppHome, ReadError> {
    Ok(AppHome { tenant: id_at(record, 0)?, application: id_at(record, 16)? })
}

pub(crate) fn read_name(record: &Record) -> Result<ObjectId, ReadError> {
    id_at(record, 0)
}
