//! What belongs to the deployment as a whole: key rings and settings. The documents are the
//! caller's; whatever is secret in them he has sealed.

use super::GLOBAL;
use crate::{
    record::{Key, Kind},
    write_set::{Expect, WriteSet},
};

/// Where an entry of a key ring is; entries are listed in the order of their ids.
pub fn key_ring_key(entry: &str) -> Key {
    Key::new(GLOBAL, Kind::KeyRing, entry.as_bytes())
}

/// Writes an entry of a key ring.
pub fn put_key(set: &mut WriteSet, entry: &str, document: Vec<u8>, expect: Expect) {
    set.put(key_ring_key(entry), document, expect);
}

/// Removes an entry of a key ring.
pub fn delete_key(set: &mut WriteSet, entry: &str, expect: Expect) {
    set.delete(key_ring_key(entry), expect);
}

/// What the ids of the sealing key's epochs begin with; no `kid` of a signing key has a dot.
const EPOCH: &str = "seal.";

/// The id of an epoch of the sealing key among the entries; ordered as the numbers are.
pub fn epoch_id(number: u32) -> String {
    format!("{EPOCH}{number:06}")
}

/// The number of the epoch that an entry's id names; `None` for a signing key's.
pub(crate) fn epoch_of(entry: &str) -> Option<u32> {
    entry.strip_prefix(EPOCH)?.parse().ok()
}

/// Where a setting is.
pub fn setting_key(name: &str) -> Key {
    Key::new(GLOBAL, Kind::Deployment, name.as_bytes())
}

/// Writes a setting.
pub fn put_setting(set: &mut WriteSet, name: &str, document: Vec<u8>, expect: Expect) {
    set.put(setting_key(name), document, expect);
}
