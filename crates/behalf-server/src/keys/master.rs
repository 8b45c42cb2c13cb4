//! The master key: wraps every secret the store holds, and gives backups their keys.
//!
//! File: one key a line, `bhm1_` + base64url of 32 bytes; empty lines and lines that begin with `#`
//! are skipped. The first key wraps, all unwrap, so a new one is put on top and the old one removed
//! once everything was wrapped again.
//!
//! Wrapped: `1 ‖ nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16)`, with `purpose ‖ 0 ‖ id` as
//! associated data: what was wrapped for one place opens in no other. Derived: HKDF-SHA256 (RFC
//! 5869), extracted with the salt `behalf master key v1`, expanded for a purpose and a file's salt.

use std::{fmt, path::Path};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Prk, Salt},
};
use behalf_jose::base64url;
use zeroize::{Zeroize, Zeroizing};

use crate::entropy::{self, Entropy};

/// What every line of a master key file begins with.
const PREFIX: &str = "bhm1_";
const FORMAT: u8 = 1;
const DERIVED: &[u8] = b"behalf master key v1";
const FILE_MAX: u64 = 64 * 1024;
const LINES_MAX: usize = 16;

/// Why a master key cannot be used. Never holds any of its text.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read.
    #[error(
        "the master key file cannot be read: {0}; `behalf init` or `behalf key generate-master` makes one"
    )]
    Unreadable(#[from] std::io::Error),
    /// Not a text file of a few lines.
    #[error(
        "the master key file is larger than 64 KiB or no text; expected lines `{PREFIX}` + 43 characters"
    )]
    NoText,
    /// No key in it.
    #[error("the master key file holds no key; `behalf key generate-master` prints one")]
    Empty,
    /// A line that is no key.
    #[error(
        "line {line} of the master key file is no key: expected `{PREFIX}` + 43 characters of base64url"
    )]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// More keys than a rotation ever needs.
    #[error(
        "the master key file holds more than {LINES_MAX} keys; remove those that wrap nothing any more"
    )]
    TooMany,
}

/// Something stored cannot be unwrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no line of the master key opens the stored {purpose}: this is another deployment's master key, or the store was altered"
)]
pub struct Unopened {
    /// What it was wrapped for.
    pub purpose: &'static str,
}

/// The text of a new master key: for its file, and for nothing else.
pub struct MasterKeyText(Zeroizing<String>);

impl MasterKeyText {
    /// Makes one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let bytes = Zeroizing::new(entropy::random::<32>(entropy));
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 43));
        text.push_str(PREFIX);
        base64url::encode_into(bytes.as_slice(), &mut text);
        Self(text)
    }

    /// The line itself, without its end.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MasterKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeyText(…)")
    }
}

/// The keys of a master key file, ready to use.
pub struct MasterKey(Vec<Line>);

struct Line {
    wrap: LessSafeKey,
    derive: Prk,
}

impl Line {
    fn new(bytes: &[u8]) -> Option<Self> {
        let wrap = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?);
        Some(Self { wrap, derive: Salt::new(HKDF_SHA256, DERIVED).extract(bytes) })
    }
}

impl MasterKey {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<Self, MasterKeyError> {
        if std::fs::metadata(path)?.len() > FILE_MAX {
            return Err(MasterKeyError::NoText);
        }
        let bytes = Zeroizing::new(std::fs::read(path)?);
        Self::parse(std::str::from_utf8(&bytes).map_err(|_| MasterKeyError::NoText)?)
    }

    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            keys.push(key(line).ok_or(MasterKeyError::Line { line: number + 1 })?);
        }
        match keys.len() {
            0 => Err(MasterKeyError::Empty),
            count if count > LINES_MAX => Err(MasterKeyError::TooMany),
            _ => Ok(Self(keys)),
        }
    }

    /// A master key that is forgotten with the process: for a server without a data directory.
    pub fn ephemeral(entropy: &dyn Entropy) -> Self {
        let bytes = Zeroizing::new(entropy::random::<32>(entropy));
        Self(Line::new(bytes.as_slice()).into_iter().collect())
    }

    /// 32 bytes for `purpose` and `salt` from each line, the one that wraps today first.
    pub(crate) fn derive(
        &self,
        purpose: &'static str,
        salt: &[u8; 32],
    ) -> impl Iterator<Item = Zeroizing<[u8; 32]>> {
        let salt = *salt;
        self.0.iter().filter_map(move |line| {
            let mut out = Zeroizing::new([0; 32]);
            let info = [purpose.as_bytes(), &[0], &salt];
            line.derive.expand(&info, HKDF_SHA256).ok()?.fill(out.as_mut_slice()).ok()?;
            Some(out)
        })
    }

    /// Wraps `secret` with the first key, for `purpose` and `id` only.
    pub fn wrap(
        &self,
        (purpose, id): (&'static str, &str),
        secret: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, Unopened> {
        let nonce: [u8; NONCE_LEN] = entropy::random(entropy);
        let mut out = Vec::with_capacity(1 + NONCE_LEN + secret.len() + AES_256_GCM.tag_len());
        out.push(FORMAT);
        out.extend_from_slice(&nonce);
        let mut body = Zeroizing::new(secret.to_vec());
        let line = self.0.first().ok_or(Unopened { purpose })?;
        let tag = line
            .wrap
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                aad(purpose, id),
                &mut body,
            )
            .map_err(|_| Unopened { purpose })?;
        out.extend_from_slice(&body);
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Unwraps what was wrapped for the same purpose and id.
    pub fn unwrap(
        &self,
        (purpose, id): (&'static str, &str),
        wrapped: &[u8],
    ) -> Result<Unwrapped, Unopened> {
        let unopened = Unopened { purpose };
        let body = wrapped.strip_prefix(&[FORMAT]).ok_or(unopened)?;
        let (nonce, body) = body.split_first_chunk::<NONCE_LEN>().ok_or(unopened)?;
        for (position, line) in self.0.iter().enumerate() {
            let mut copy = Zeroizing::new(body.to_vec());
            let nonce = Nonce::assume_unique_for_key(*nonce);
            if let Ok(secret) = line.wrap.open_in_place(nonce, aad(purpose, id), &mut copy) {
                let secret = Zeroizing::new(secret.to_vec());
                return Ok(Unwrapped { secret, current: position == 0 });
            }
        }
        Err(unopened)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({} lines)", self.0.len())
    }
}

/// A secret in the clear, and whether the first key had wrapped it; otherwise wrap it again.
pub struct Unwrapped {
    /// The secret.
    pub secret: Zeroizing<Vec<u8>>,
    /// Wrapped by the key that wraps today.
    pub current: bool,
}

impl fmt::Debug for Unwrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unwrapped(…)")
    }
}

fn key(line: &str) -> Option<Line> {
    let mut bytes = base64url::decode(line.strip_prefix(PREFIX)?).ok()?;
    let line = (bytes.len() == 32).then(|| Line::new(&bytes)).flatten();
    bytes.zeroize();
    line
}

fn aad(purpose: &str, id: &str) -> Aad<Vec<u8>> {
    Aad::from([purpose.as_bytes(), &[0], id.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    const PLACE: (&str, &str) = ("signing key", "kid1");

    fn line(seed: u64) -> String {
        MasterKeyText::generate(&SeededEntropy::new(seed)).expose().to_owned()
    }

    #[test]
    fn what_was_wrapped_opens_in_its_place_only() {
        let entropy = SeededEntropy::new(9);
        let master = MasterKey::parse(&line(1)).unwrap();
        let wrapped = master.wrap(PLACE, b"secret", &entropy).unwrap();
        assert!(!wrapped.windows(6).any(|w| w == b"secret"));
        let opened = master.unwrap(PLACE, &wrapped).unwrap();
        assert_eq!((opened.secret.as_slice(), opened.current), (b"secret".as_slice(), true));
        for other in [("signing key", "kid2"), ("pepper", "kid1"), ("signing keyk", "id1")] {
            assert!(master.unwrap(other, &wrapped).is_err(), "{other:?}");
        }
        for n in 0..wrapped.len() {
            let mut damaged = wrapped.clone();
            damaged[n] ^= 1;
            assert!(master.unwrap(PLACE, &damaged).is_err(), "byte {n}");
            assert!(master.unwrap(PLACE, &wrapped[..n]).is_err(), "first {n} bytes");
        }
        assert_ne!(master.wrap(PLACE, b"secret", &entropy).unwrap(), wrapped, "nonces differ");
    }

    #[test]
    fn a_new_line_on_top_wraps_and_the_old_one_still_opens() {
        let entropy = SeededEntropy::new(9);
        let (old, new) = (line(1), line(2));
        let wrapped = MasterKey::parse(&old).unwrap().wrap(PLACE, b"x", &entropy).unwrap();
        let both = MasterKey::parse(&format!("# new\n{new}\n\n  {old}\r\n")).unwrap();
        let opened = both.unwrap(PLACE, &wrapped).unwrap();
        assert!(!opened.current);
        let again = both.wrap(PLACE, &opened.secret, &entropy).unwrap();
        let only_new = MasterKey::parse(&new).unwrap();
        assert!(only_new.unwrap(PLACE, &again).unwrap().current);
        let error = only_new.unwrap(PLACE, &wrapped).unwrap_err();
        assert!(error.to_string().contains("another deployment's"), "{error}");
    }

    #[test]
    fn what_is_derived_is_of_one_line_purpose_and_salt() {
        let derived = |text: &str, purpose, salt: u8| -> Vec<_> {
            MasterKey::parse(text).unwrap().derive(purpose, &[salt; 32]).map(|key| *key).collect()
        };
        let both = derived(&format!("{}\n{}", line(1), line(2)), "backup", 0);
        assert_eq!(both, [derived(&line(1), "backup", 0), derived(&line(2), "backup", 0)].concat());
        assert_ne!(both[0], both[1]);
        assert_ne!(derived(&line(1), "backup", 1), [both[0]]);
        assert_ne!(derived(&line(1), "check", 0), [both[0]]);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_and_never_shown() {
        let good = line(1);
        for (text, expected) in [
            (String::new(), "holds no key"),
            ("# nothing\n\n".to_owned(), "holds no key"),
            (format!("{good}\nhunter2"), "line 2"),
            (good.replace("bhm1_", "bhm2_"), "line 1"),
            (format!("{good}A"), "line 1"),
            (good[..47].to_owned(), "line 1"),
            (format!("{good}\n").repeat(17), "more than 16"),
        ] {
            let error = MasterKey::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2"));
        }
        assert_eq!(format!("{:?}", MasterKey::parse(&good).unwrap()), "MasterKey(1 lines)");
        assert_eq!(format!("{:?}", MasterKeyText(Zeroizing::new(good))), "MasterKeyText(…)");
    }
}
