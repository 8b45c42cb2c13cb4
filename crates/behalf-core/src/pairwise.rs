//! Pairwise subjects: each application knows a user by another `sub` (OpenID Connect Core 8.1).

use std::fmt;

use aws_lc_rs::hmac;
use behalf_jose::base64url;

use crate::id::{AppId, ObjectId, TenantId};

/// The deployment's key of pairwise subjects. It is data: every backup carries it, wrapped, and it
/// never changes, for every application would see strangers.
pub struct PairwiseKey(hmac::Key);

impl PairwiseKey {
    /// From 32 random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// `sub` of a user of `tenant` in tokens whose audience is `audience` (protocol 5.4): 43
    /// characters of base64url, the same in access tokens for it and ID tokens of it.
    pub fn subject(&self, tenant: TenantId, user: ObjectId, audience: AppId) -> String {
        let input = [tenant.bytes(), user.bytes(), audience.bytes()].concat();
        base64url::encode(hmac::sign(&self.0, &input))
    }
}

impl fmt::Debug for PairwiseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairwiseKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_application_tenant_and_user_differs() {
        let id = |n| Uuid::from_bytes([n; 16]);
        let key = PairwiseKey::new(&[7; 32]);
        let subject = |t, u, a| key.subject(TenantId(id(t)), ObjectId(id(u)), AppId(id(a)));
        // HMAC-SHA-256 of the 48 bytes, computed by another library.
        assert_eq!(subject(1, 2, 3), "Il0roCz12lXJywXqD8_psAO9hT8HaGUdYxvLo6EwEwg");
        for other in [subject(9, 2, 3), subject(1, 9, 3), subject(1, 2, 9), subject(2, 1, 3)] {
            assert_ne!(other, subject(1, 2, 3));
        }
        let other_key = PairwiseKey::new(&[8; 32]);
        let (t, u, a) = (TenantId(id(1)), ObjectId(id(2)), AppId(id(3)));
        assert_ne!(other_key.subject(t, u, a), subject(1, 2, 3));
        assert_eq!(format!("{key:?}"), "PairwiseKey(…)");
    }
}
