//! Client secrets: how one looks, how it is recognised, and what is kept of it.
//!
//! Shape: `bhs_` + 43 base62 characters (256 bits) + 6 base62 characters of the CRC-32 of those 43.
//! The prefix lets scanners and people recognise one; the checksum tells a mistyped secret from a
//! wrong one without a look-up. Stored is an HMAC-SHA-256 under the deployment's pepper: a fast
//! hash suffices for 256 random bits, and without the pepper a stolen database proves nothing.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What every generated secret begins with.
pub const PREFIX: &str = "bhs_";
/// What every secret of the development world begins with; `behalf serve` refuses such.
pub const DEV_PREFIX: &str = "behalf-dev-";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
/// Supplied secrets shorter than this are refused: the fast hash is for high entropy only.
pub const SUPPLIED_MIN: usize = 32;
/// No secret is longer; a longer candidate is wrong without being hashed.
pub const MAX: usize = 256;

/// A secret in the clear. Prints nothing, is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SecretText(String);

impl SecretText {
    /// Makes a secret from 32 random bytes.
    pub fn generate(entropy: &[u8; 32]) -> Self {
        let mut text = String::with_capacity(PREFIX.len() + RANDOM_CHARS + CHECK_CHARS);
        text.push_str(PREFIX);
        push_base62(&mut text, entropy, RANDOM_CHARS);
        let check = crc32(text.as_bytes().get(PREFIX.len()..).unwrap_or_default());
        push_base62(&mut text, &check.to_be_bytes(), CHECK_CHARS);
        Self(text)
    }

    /// Takes a secret somebody else made, if it can carry 256 bits of hash: at least
    /// [`SUPPLIED_MIN`] characters, no run of one pattern (decisions.md 10).
    pub fn supplied(text: String) -> Result<Self, WeakSecret> {
        let secret = Self(text);
        let bytes = secret.0.as_bytes();
        let distinct = bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
        let repeats =
            (1..=bytes.len() / 2).any(|n| bytes.iter().zip(&bytes[n..]).all(|(a, b)| a == b));
        match bytes.len() {
            _ if secret.0.starts_with(DEV_PREFIX) => Err(WeakSecret::Development),
            length if length < SUPPLIED_MIN => Err(WeakSecret::Short { length }),
            length if length > MAX => Err(WeakSecret::Long { length }),
            _ if distinct < 10 || repeats => Err(WeakSecret::Repetitive),
            _ => Ok(secret),
        }
    }

    /// Takes a secret of the development world as it is: those are public and marked.
    pub fn development(name: &str) -> Self {
        Self(format!("{DEV_PREFIX}{name}"))
    }

    /// The text itself: for the one moment it is shown or hashed.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The three characters after the prefix, which people tell secrets apart by.
    pub fn hint(&self) -> String {
        self.0.strip_prefix(PREFIX).unwrap_or(&self.0).chars().take(3).collect()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// Why a supplied secret is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Too few characters to be random enough.
    #[error(
        "the secret has {length} characters, expected at least {SUPPLIED_MIN}: let behalf generate one (`secret: generate`)"
    )]
    Short {
        /// Characters found.
        length: usize,
    },
    /// More characters than any secret needs.
    #[error("the secret has {length} characters, expected at most {MAX}")]
    Long {
        /// Characters found.
        length: usize,
    },
    /// Marked as a secret of the development world, which everybody knows.
    #[error(
        "the secret begins with {DEV_PREFIX}, which marks public ones: let behalf generate one (`secret: generate`)"
    )]
    Development,
    /// A pattern rather than chance.
    #[error(
        "the secret repeats itself, expected random characters: let behalf generate one (`secret: generate`)"
    )]
    Repetitive,
}

/// What a presented text looks like, told apart without a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Prefix, length and checksum of a generated secret.
    Generated,
    /// Begins like a generated secret but is damaged: cut short, mistyped.
    Damaged,
    /// A GUID: people paste the secret's id instead of its value.
    Id,
    /// Something else.
    Other,
}

/// Tells what `text` looks like.
pub fn shape(text: &str) -> Shape {
    if crate::id::parse_guid(text).is_ok() {
        return Shape::Id;
    }
    let Some(rest) = text.strip_prefix(PREFIX) else { return Shape::Other };
    if rest.len() != RANDOM_CHARS + CHECK_CHARS || !rest.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return Shape::Damaged;
    }
    let (random, check) = rest.split_at(RANDOM_CHARS);
    let mut expected = String::new();
    push_base62(&mut expected, &crc32(random.as_bytes()).to_be_bytes(), CHECK_CHARS);
    if expected == check { Shape::Generated } else { Shape::Damaged }
}

/// The deployment's key for secret hashes. It is data: every backup carries it, wrapped.
pub struct Pepper {
    id: u8,
    key: hmac::Key,
}

impl Pepper {
    /// From 32 random bytes and the key's id, which every hash made with it records.
    pub fn new(id: u8, bytes: &[u8; 32]) -> Self {
        Self { id, key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }

    /// The hash that is stored.
    pub fn hash(&self, secret: &str) -> SecretHash {
        let tag = hmac::sign(&self.key, secret.as_bytes());
        let mut bytes = [0; 33];
        bytes[0] = self.id;
        bytes[1..].copy_from_slice(tag.as_ref());
        SecretHash(bytes)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper({})", self.id)
    }
}

/// A keyed hash of a secret: the pepper's id and 32 bytes.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 33]);

impl SecretHash {
    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other)
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)?;
        bytes.try_into().map(Self).map_err(|_| D::Error::custom("a secret hash has 33 bytes"))
    }
}

/// Appends `bytes`, read as one big-endian number, as exactly `width` base62 digits.
fn push_base62(out: &mut String, bytes: &[u8], width: usize) {
    let mut number = bytes.to_vec();
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder << 8 | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = BASE62[remainder as usize];
    }
    number.zeroize();
    out.extend(digits.iter().map(|d| char::from(*d)));
    digits.zeroize();
}

/// CRC-32 (IEEE 802.3), bit by bit: it runs when a secret is made or looks odd, never per token.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_crc32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_generated_secret_is_recognised_and_a_damaged_one_too() {
        let secret = SecretText::generate(&[0xa7; 32]);
        let text = secret.expose();
        assert_eq!(text.len(), 53);
        assert_eq!(shape(text), Shape::Generated);
        assert_eq!(shape(&text[..52]), Shape::Damaged);
        assert_eq!(shape(&text.replace("bhs_", "bhs_x")), Shape::Damaged);
        let mut typo = text.to_owned();
        let other = if typo.ends_with('a') { "b" } else { "a" };
        typo.replace_range(52.., other);
        assert_eq!(shape(&typo), Shape::Damaged);
        assert_eq!(shape("0a0a0a0a-0000-4000-8000-000000000001"), Shape::Id);
        assert_eq!(shape("behalf-dev-invoice-daemon"), Shape::Other);
        assert_eq!(secret.hint(), text[4..7]);
        assert_eq!(format!("{secret:?}"), "SecretText(…)");
    }

    #[test]
    fn all_entropy_reaches_the_text() {
        assert_ne!(
            SecretText::generate(&[0xff; 32]).expose()[..47],
            SecretText::generate(&{
                let mut almost = [0xff; 32];
                almost[31] = 0xfe;
                almost
            })
            .expose()[..47]
        );
        assert_eq!(SecretText::generate(&[0; 32]).expose()[4..47], "0".repeat(43));
    }

    #[test]
    fn supplied_secrets_need_length_and_chance() {
        let supplied = |text: &str| SecretText::supplied(text.to_owned()).map(|_| ());
        assert_eq!(supplied("hunter2"), Err(WeakSecret::Short { length: 7 }));
        assert_eq!(supplied(&"abc123".repeat(8)), Err(WeakSecret::Repetitive));
        assert_eq!(supplied(&"a1b2c3d4e5f6g7h8i9j0".repeat(2)), Err(WeakSecret::Repetitive));
        assert_eq!(supplied(&"x".repeat(300)), Err(WeakSecret::Long { length: 300 }));
        let public = format!("{DEV_PREFIX}Qm8~tXw2.Lz9_Kd4-Rv7sJh1pNc6Ye3B");
        assert_eq!(supplied(&public), Err(WeakSecret::Development));
        assert_eq!(supplied("Qm8~tXw2.Lz9_Kd4-Rv7sJh1pNc6Ye3B"), Ok(()));
    }

    #[test]
    fn hashes_depend_on_pepper_and_secret() {
        let (one, two) = (Pepper::new(1, &[1; 32]), Pepper::new(2, &[2; 32]));
        assert!(one.hash("a").matches(&one.hash("a")));
        assert!(!one.hash("a").matches(&one.hash("b")));
        assert!(!one.hash("a").matches(&two.hash("a")));
        let stored = serde_json::to_string(&one.hash("a")).unwrap();
        let read: SecretHash = serde_json::from_str(&stored).unwrap();
        assert!(read.matches(&one.hash("a")));
    }
}
