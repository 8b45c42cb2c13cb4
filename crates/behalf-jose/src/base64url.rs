//! Base64url (RFC 7515 section 2): strict for what we make, padding optional for what clients send.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const PADDING_OPTIONAL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Text that is not base64url.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not base64url: only A-Z a-z 0-9 - _ are allowed, without white space and with no stray bits at the end"
)]
pub struct InvalidBase64Url;

/// Encodes without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the unpadded encoding of `bytes` to `out`.
pub fn encode_into(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

/// The number of characters that `bytes` bytes take, without padding.
pub const fn encoded_len(bytes: usize) -> usize {
    bytes / 3 * 4 + (bytes % 3 * 4).div_ceil(3)
}

/// Decodes the one canonical form: no padding, no white space, no trailing bits.
pub fn decode(text: &str) -> Result<Vec<u8>, InvalidBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidBase64Url)
}

/// As [`decode`], but `=` at the end may be there: azure-identity's async client pads every part.
pub fn decode_padding_optional(text: &str) -> Result<Vec<u8>, InvalidBase64Url> {
    PADDING_OPTIONAL.decode(text).map_err(|_| InvalidBase64Url)
}
