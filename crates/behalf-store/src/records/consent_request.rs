//! Users' requests that an administrator consent: one for each user and client, until it is
//! decided.

use behalf_core::{
    consent::approval::ApprovalRequest,
    id::{AppId, ObjectId, TenantId},
};

use super::{from_json, pair, to_json};
use crate::{
    backend::ReadError,
    record::{Key, Kind, Record, Stored},
    write_set::{Expect, WriteSet},
};

/// Where the request of `user` for `client` is.
pub fn key(tenant: TenantId, user: ObjectId, client: AppId) -> Key {
    Key::new(tenant, Kind::ConsentRequest, pair(user.bytes(), client.bytes()))
}

/// Writes `request`.
pub fn put(set: &mut WriteSet, request: &ApprovalRequest, expect: Expect) {
    set.put(key(request.tenant, request.user, request.client), to_json(request), expect);
}

/// Removes `request`.
pub fn delete(set: &mut WriteSet, request: &ApprovalRequest, expect: Expect) {
    set.delete(key(request.tenant, request.user, request.client), expect);
}

pub(crate) fn read(record: &Record) -> Result<Stored<ApprovalRequest>, ReadError> {
    from_json(record)
}
