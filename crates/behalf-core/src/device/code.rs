//! What a device polls with: the user code, by which its grant is found, and 256 random bits behind
//! it, which are the proof. Kept is a hash of the whole.

use std::fmt;

use aws_lc_rs::{
    constant_time,
    digest::{SHA256, digest},
};
use behalf_jose::base64url;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::UserCode;

/// Characters of the random part.
const RANDOM: usize = base64url::encoded_len(32);

/// A new device code, to be handed out once. Prints nothing, is wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DeviceCode(String);

impl DeviceCode {
    /// Makes the one that belongs to `user_code`.
    pub fn draw(user_code: UserCode, entropy: &[u8; 32]) -> Self {
        let mut text = String::with_capacity(user_code.as_str().len() + RANDOM);
        text.push_str(user_code.as_str());
        base64url::encode_into(entropy, &mut text);
        Self(text)
    }

    /// The text itself: for the one answer that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> DeviceCodeHash {
        DeviceCodeHash::of(&self.0)
    }
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCode(…)")
    }
}

/// A text that a device presents, as far as it can be read without the grant. Proves nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentedDeviceCode {
    user_code: UserCode,
    hash: DeviceCodeHash,
}

impl PresentedDeviceCode {
    /// Reads it; `None`: it is no device code of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (letters, random) = text.split_at_checked(text.len().checked_sub(RANDOM)?)?;
        let user_code = UserCode::parse(letters).filter(|code| code.as_str() == letters)?;
        base64url::decode(random).ok()?;
        Some(Self { user_code, hash: DeviceCodeHash::of(text) })
    }

    /// Where its grant is.
    pub fn user_code(&self) -> UserCode {
        self.user_code
    }

    pub(super) fn hash(&self) -> &DeviceCodeHash {
        &self.hash
    }
}

/// SHA-256 of a device code, which is random enough to need neither salt nor key. Compared in
/// constant time.
#[derive(Clone, Copy)]
pub struct DeviceCodeHash([u8; 32]);

impl DeviceCodeHash {
    fn of(text: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(hash)
    }
}

impl PartialEq for DeviceCodeHash {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for DeviceCodeHash {}

impl fmt::Debug for DeviceCodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCodeHash(…)")
    }
}

impl Serialize for DeviceCodeHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for DeviceCodeHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = base64url::decode(&String::deserialize(deserializer)?);
        let bytes = bytes.map_err(D::Error::custom)?;
        let bytes = <[u8; 32]>::try_from(bytes);
        bytes.map(Self).map_err(|_| D::Error::custom("a hash of a device code has 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_leads_to_its_grant_and_proves_itself() {
        let user_code = UserCode::draw([1; 16]);
        let code = DeviceCode::draw(user_code, &[2; 32]);
        let presented = PresentedDeviceCode::parse(code.expose()).unwrap();
        assert_eq!((presented.user_code(), presented.hash), (user_code, code.hash()));
        let other = DeviceCode::draw(user_code, &[3; 32]);
        assert_ne!(PresentedDeviceCode::parse(other.expose()).unwrap().hash, code.hash());
        assert!(!format!("{code:?} {presented:?}").contains(user_code.as_str()));
    }

    #[test]
    fn what_is_no_code_is_told_without_looking() {
        let code = DeviceCode::draw(UserCode::draw([1; 16]), &[2; 32]);
        let good = code.expose();
        let lower = good.to_ascii_lowercase();
        let spaced = format!("{} {}", &good[..4], &good[4..]);
        for bad in
            ["", "x", &good[1..], &good[..good.len() - 1], &format!("{good}A"), &lower, &spaced]
        {
            assert_eq!(PresentedDeviceCode::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".{0,80}") {
            let _ = PresentedDeviceCode::parse(&text);
        }
    }
}
