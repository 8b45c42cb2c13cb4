use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The value of `uti`: the 16 bytes of the request's id (`trace_id`, `x-ms-request-id`) in 22
/// characters of base64url, so that a token leads to its line in the sign-in log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId(pub Uuid);

impl TokenId {
    /// Reads a `uti` back; `None` when it is not 22 characters of base64url (those of other issuers
    /// may be anything).
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        // The decoder asks for room by the encoded length, so a longer text is refused first.
        if text.len() != 22 {
            return None;
        }
        let decoded = URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut bytes).ok()?;
        (decoded == bytes.len()).then(|| Self(Uuid::from_bytes(bytes)))
    }

    fn encode(self, buffer: &mut [u8; 22]) -> &str {
        let written = URL_SAFE_NO_PAD.encode_slice(self.0.as_bytes(), buffer).unwrap_or_default();
        buffer.get(..written).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode(&mut [0; 22]))
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.encode(&mut [0; 22]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reading_undoes_writing(bits: u128) {
            let id = TokenId(Uuid::from_u128(bits));
            let text = id.to_string();
            prop_assert_eq!(text.len(), 22);
            prop_assert_eq!(TokenId::parse(&text), Some(id));
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = TokenId::parse(&text);
        }
    }

    #[test]
    fn other_texts_are_no_id() {
        for text in ["", "AAAA", &"A".repeat(21), &"A".repeat(23), &"+".repeat(22), &"é".repeat(11)]
        {
            assert_eq!(TokenId::parse(text), None, "{text}");
        }
    }
}
