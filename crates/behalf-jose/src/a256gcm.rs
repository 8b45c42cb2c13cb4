//! AES-256-GCM (NIST SP 800-38D; RFC 7518 5.3 `A256GCM`), the nonce given by the caller.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Bytes of a nonce.
pub const NONCE_LEN: usize = aws_lc_rs::aead::NONCE_LEN;
/// Bytes of the tag behind the ciphertext.
pub const TAG_LEN: usize = 16;

/// The key does not open it: other key, nonce, text or associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not open with this key")]
pub struct Unopened;

/// Seals `plaintext`: the ciphertext and behind it the tag. Two seals with one `key` must never
/// share a `nonce`: whoever sees both reads both.
pub fn seal(
    key: &[u8; 32],
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Unopened> {
    let mut sealed = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG_LEN));
    sealed.extend_from_slice(plaintext);
    cipher(key)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated),
            &mut *sealed,
        )
        .map_err(|_| Unopened)?;
    // Nothing of the plaintext is left in it, so there is nothing to wipe.
    Ok(std::mem::take(&mut *sealed))
}

/// Opens what [`seal`] gave under the same key, nonce and associated data.
pub fn open(
    key: &[u8; 32],
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let length = cipher(key)?
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut buffer)
        .map_err(|_| Unopened)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Unopened> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Unopened)
}
