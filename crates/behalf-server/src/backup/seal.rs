//! The header, and chunks under the key it leads to.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
};
use behalf_core::time::written;
use zeroize::Zeroizing;

use super::{
    BackupError, Facts,
    format::{MAGIC, VERSION},
};
use crate::{
    entropy::{self, Entropy},
    keys::MasterKey,
};

/// Bytes of a chunk before encryption.
pub(super) const CHUNK: usize = 64 * 1024;
/// Bytes that encryption adds.
pub(super) const TAG: usize = 16;
/// Before the facts: magic, version, length, salt, check.
pub(super) const FIXED: usize = 8 + 2 + 2 + 32 + CHECK;
/// After them.
pub(super) const DIGEST: usize = 16;
/// Longest facts.
pub(super) const FACTS_MAX: usize = 4_096;
const CHECK: usize = 16;

/// The key of one file.
pub(super) struct Sealer {
    key: LessSafeKey,
    header: [u8; 32],
    next: u64,
}

impl Sealer {
    fn new(key: &Zeroizing<[u8; 32]>, header: &[u8]) -> Option<Self> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice()).ok()?);
        Some(Self { key, header: sha256(header), next: 0 })
    }

    /// Encrypts the next chunk in place; the tag is added to it.
    pub(super) fn seal(&mut self, chunk: &mut Vec<u8>, last: bool) -> Option<()> {
        let (nonce, aad) = self.place(last);
        self.key.seal_in_place_append_tag(nonce, aad, chunk).ok()
    }

    /// Decrypts the next chunk in place; `None`: it is not that one, or not as it was written.
    pub(super) fn open<'a>(&mut self, chunk: &'a mut [u8], last: bool) -> Option<&'a [u8]> {
        let (nonce, aad) = self.place(last);
        self.key.open_in_place(nonce, aad, chunk).ok().map(|plain| &*plain)
    }

    /// Where the next chunk stands in the file. A key has one file and numbers never come twice.
    fn place(&mut self, last: bool) -> (Nonce, Aad<[u8; 32]>) {
        let mut nonce = [0; NONCE_LEN];
        nonce[0] = u8::from(last);
        nonce[4..].copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        (Nonce::assume_unique_for_key(nonce), Aad::from(self.header))
    }
}

/// Makes a header that says `facts`, and the sealer of the chunks behind it.
pub(super) fn begin(
    facts: &Facts,
    master: &MasterKey,
    entropy: &dyn Entropy,
) -> Option<(Vec<u8>, Sealer)> {
    let salt = entropy::random::<32>(entropy);
    let facts = serde_json::to_vec(facts).ok().filter(|facts| facts.len() <= FACTS_MAX)?;
    let mut header = Vec::with_capacity(FIXED + facts.len() + DIGEST);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&VERSION.to_be_bytes());
    header.extend_from_slice(&u16::try_from(facts.len()).ok()?.to_be_bytes());
    header.extend_from_slice(&salt);
    header.extend_from_slice(&check(&*master.derive(CHECKED, &salt).next()?));
    header.extend_from_slice(&facts);
    let digest = sha256(&header);
    header.extend_from_slice(&digest[..DIGEST]);
    let sealer = Sealer::new(&master.derive(SEALED, &salt).next()?, &header)?;
    Some((header, sealer))
}

const SEALED: &str = "behalf backup v1";
const CHECKED: &str = "behalf backup check v1";

fn check(derived: &[u8; 32]) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    check.copy_from_slice(&derived[..CHECK]);
    check
}

/// How long the facts behind the fixed part of a header are.
pub(super) fn facts_length(fixed: &[u8; FIXED]) -> Result<usize, BackupError> {
    let number = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    if !fixed.starts_with(MAGIC) {
        return Err(BackupError::Foreign);
    }
    let (version, length) = (number(8), usize::from(number(10)));
    if version > VERSION {
        return Err(BackupError::Newer { found: version });
    }
    if version == 0 || length > FACTS_MAX {
        return Err(BackupError::Header);
    }
    Ok(length)
}

/// Reads a whole header and finds the line of the master key that it was made with.
pub(super) fn resume(header: &[u8], master: &MasterKey) -> Result<(Facts, Sealer), BackupError> {
    let (body, digest) = header.split_last_chunk::<DIGEST>().ok_or(BackupError::Header)?;
    if !sha256(body).starts_with(digest) {
        return Err(BackupError::Header);
    }
    let (fixed, facts) = body.split_first_chunk::<FIXED>().ok_or(BackupError::Header)?;
    let facts: Facts = serde_json::from_slice(facts).map_err(|_| BackupError::Header)?;
    let mut salt = [0; 32];
    salt.copy_from_slice(&fixed[12..44]);
    let lines = master.derive(CHECKED, &salt).zip(master.derive(SEALED, &salt));
    let ours = lines.into_iter().find(|(checked, _)| fixed[44..] == check(checked));
    let other = || BackupError::MasterKey { made: written(facts.made.unix_seconds()) };
    let (_, key) = ours.ok_or_else(other)?;
    let sealer = Sealer::new(&key, header).ok_or_else(other)?;
    Ok((facts, sealer))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
