//! Familiar devices: a cookie by which a browser shows that its user has signed in with it before.
//! His attempts from there are counted apart, so that nobody's guessing keeps him out (decisions.md
//! 8). It proves nothing else: a password is asked for all the same.
//!
//! Cookie: base64url of `id (16) ‖ when (8, milliseconds) ‖ tag (16)`; the tag is HMAC-SHA-256, cut,
//! over those, the tenant and the user, under a key of its own.

use std::{fmt, time::Duration};

use aws_lc_rs::{constant_time, hmac};
use behalf_core::{
    id::{ObjectId, TenantId},
    time::{CLOCK_SKEW, Timestamp},
};
use behalf_jose::base64url;

use crate::entropy::{Entropy, random};

/// How long a device stays familiar after a sign-in.
pub const FAMILIAR_FOR: Duration = Duration::from_hours(24 * 180);
const ID: usize = 16;
const HEAD: usize = ID + 8;
const TAG: usize = 16;

/// A device that one user has signed in with. Made by [`FamiliarDevices`] only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamiliarDevice {
    id: [u8; ID],
}

impl FamiliarDevice {
    pub(super) fn bytes(&self) -> &[u8; ID] {
        &self.id
    }
}

/// Makes and recognises the cookies.
pub struct FamiliarDevices(hmac::Key);

impl FamiliarDevices {
    /// With the deployment's key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The cookie of a device that `user` has just signed in with; it keeps the id it `had`.
    pub fn cookie(
        &self,
        (tenant, user): (TenantId, ObjectId),
        had: Option<FamiliarDevice>,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> String {
        let id = had.map_or_else(|| random(entropy), |device| device.id);
        let mut bytes = Vec::with_capacity(HEAD + TAG);
        bytes.extend(id);
        bytes.extend(now.0.to_be_bytes());
        let tag = self.tag((tenant, user), &bytes);
        bytes.extend(&tag.as_ref()[..TAG]);
        base64url::encode(&bytes)
    }

    /// The device of a cookie, if it is `user`'s and not too old.
    pub fn recognise(
        &self,
        (tenant, user): (TenantId, ObjectId),
        cookie: &str,
        now: Timestamp,
    ) -> Option<FamiliarDevice> {
        if cookie.len() > 64 {
            return None;
        }
        let bytes = base64url::decode(cookie).ok().filter(|bytes| bytes.len() == HEAD + TAG)?;
        let (head, tag) = bytes.split_at(HEAD);
        let own = self.tag((tenant, user), head);
        constant_time::verify_slices_are_equal(tag, &own.as_ref()[..TAG]).ok()?;
        let (id, made) = head.split_at(ID);
        let made = Timestamp(i64::from_be_bytes(made.try_into().ok()?));
        let fresh = made <= now.plus(CLOCK_SKEW) && now < made.plus(FAMILIAR_FOR);
        fresh.then_some(FamiliarDevice { id: id.try_into().ok()? })
    }

    fn tag(&self, (tenant, user): (TenantId, ObjectId), head: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&tenant.bytes());
        context.update(&user.bytes());
        context.update(head);
        context.sign()
    }
}

impl fmt::Debug for FamiliarDevices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FamiliarDevices(…)")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::entropy::SeededEntropy;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);

    fn who(tenant: u128, user: u128) -> (TenantId, ObjectId) {
        (TenantId(Uuid::from_u128(tenant)), ObjectId(Uuid::from_u128(user)))
    }

    #[test]
    fn a_cookie_is_its_users_alone_and_grows_old() {
        let (devices, entropy) = (FamiliarDevices::new(&[7; 32]), SeededEntropy::new(1));
        let bob = who(1, 7);
        let cookie = devices.cookie(bob, None, &entropy, NOW);
        let device = devices.recognise(bob, &cookie, NOW).unwrap();
        for other in [who(1, 8), who(2, 7)] {
            assert_eq!(devices.recognise(other, &cookie, NOW), None);
        }
        assert_eq!(FamiliarDevices::new(&[8; 32]).recognise(bob, &cookie, NOW), None);
        let last = NOW.plus(FAMILIAR_FOR);
        assert_eq!(devices.recognise(bob, &cookie, last), None);
        assert!(devices.recognise(bob, &cookie, Timestamp(last.0 - 1)).is_some());
        let ahead = NOW.plus(Duration::from_hours(1));
        let early = devices.cookie(bob, None, &entropy, ahead);
        assert_eq!(devices.recognise(bob, &early, NOW), None, "of a clock that was wrong");
        // Signing in again makes it young and keeps it the same device.
        let again = devices.cookie(bob, Some(device), &entropy, ahead);
        assert_eq!(devices.recognise(bob, &again, ahead), Some(device));
    }

    #[test]
    fn what_is_no_cookie_is_no_device() {
        let devices = FamiliarDevices::new(&[7; 32]);
        let cookie = devices.cookie(who(1, 7), None, &SeededEntropy::new(1), NOW);
        for n in 0..cookie.len() {
            let mut damaged = cookie.clone().into_bytes();
            damaged[n] = if damaged[n] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).unwrap();
            assert_eq!(devices.recognise(who(1, 7), &damaged, NOW), None, "{n}");
        }
        for bad in ["", "a", "=", &"A".repeat(65), &"A".repeat(10_000)] {
            assert_eq!(devices.recognise(who(1, 7), bad, NOW), None);
        }
    }
}
