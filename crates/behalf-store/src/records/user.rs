//! Users, by object id, and the name each has in its tenant alone.

use behalf_core::{
    id::{ObjectId, TenantId},
    user::{User, UserPrincipalName},
};

use super::{from_json, id_at, to_json};
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Where a user is.
pub fn key(tenant: TenantId, id: ObjectId) -> Key {
    Key::new(tenant, Kind::User, id.bytes())
}

/// Where the holder of a user's name is.
pub fn name_key(tenant: TenantId, name: &UserPrincipalName) -> Key {
    Key::new(tenant, Kind::UserName, name.as_str().as_bytes())
}

/// Writes a new user: his id and his name must be unused.
pub fn create(set: &mut WriteSet, user: &User) {
    set.put(key(user.tenant, user.id), to_json(user), Expect::Absent);
    put_name(set, user);
}

/// Writes a changed user in place of `before`; a new name must be unused.
pub fn update(set: &mut WriteSet, before: &Stored<User>, after: &User) {
    set.put(key(after.tenant, after.id), to_json(after), Expect::Version(before.version));
    if before.name != after.name {
        set.delete(name_key(before.tenant, &before.name), Expect::Any);
        put_name(set, after);
    }
}

/// Removes the user and frees his name.
pub fn delete(set: &mut WriteSet, user: &Stored<User>) {
    set.delete(key(user.tenant, user.id), Expect::Version(user.version));
    set.delete(name_key(user.tenant, &user.name), Expect::Any);
}

fn put_name(set: &mut WriteSet, user: &User) {
    set.put(name_key(user.tenant, &user.name), user.id.bytes().to_vec(), Expect::Absent);
}

pub(crate) fn read(record: &Record) -> Result<Stored<User>, ReadError> {
    from_json(record)
}

pub(crate) fn read_name(record: &Record) -> Result<ObjectId, ReadError> {
    id_at(record, 0)
}
