use std::borrow::Cow;

/// Percent-encoding that cannot be decoded to text without NUL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadEncoding;

/// One `application/x-www-form-urlencoded` name or value: `+` is a space, `%` is followed by two
/// hex digits, the result is UTF-8 without NUL (`PostgreSQL` text cannot hold one). Borrowed when
/// nothing had to be decoded.
pub(crate) fn decode(encoded: &str) -> Result<Cow<'_, str>, BadEncoding> {
    let bytes = encoded.as_bytes();
    let Some(first) = bytes.iter().position(|&byte| matches!(byte, b'%' | b'+' | 0)) else {
        return Ok(Cow::Borrowed(encoded));
    };
    let (plain, mut rest) = bytes.split_at(first);
    // The decoded text is never longer, so a secret is never left behind by a reallocation.
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(plain);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let byte = match byte {
            b'+' => b' ',
            b'%' => {
                let ([high, low], after) = after.split_first_chunk().ok_or(BadEncoding)?;
                rest = after;
                (nibble(*high)? << 4) | nibble(*low)?
            }
            other => other,
        };
        if byte == 0 {
            return Err(BadEncoding);
        }
        decoded.push(byte);
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| BadEncoding)
}

fn nibble(digit: u8) -> Result<u8, BadEncoding> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(BadEncoding),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(text: &str) -> String {
        text.bytes().fold(String::new(), |mut out, byte| {
            match byte {
                b' ' => out.push('+'),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(char::from(byte));
                }
                _ => out.extend(format!("%{byte:02X}").chars()),
            }
            out
        })
    }

    #[test]
    fn decodes_once() {
        assert_eq!(decode("api%3A%2F%2fledger%2F.default").unwrap(), "api://ledger/.default");
        assert_eq!(decode("a+b%2Bc%2520").unwrap(), "a b+c%20");
        assert!(matches!(decode("plain~text"), Ok(Cow::Borrowed("plain~text"))));
    }

    #[test]
    fn refuses_what_is_not_an_encoding_of_text() {
        for bad in ["%", "%4", "%zz", "%u0041", "a%", "%ff%fe", "%00", "a\0b", "%C3", "%+1", "% 1"]
        {
            assert_eq!(decode(bad), Err(BadEncoding), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text in "[^\0]{0,64}") {
            let encoded = encode(&text);
            let decoded = decode(&encoded).unwrap();
            prop_assert_eq!(decoded.as_ref(), text.as_str());
        }

        #[test]
        fn never_panics_and_never_grows(text in ".{0,64}") {
            if let Ok(decoded) = decode(&text) {
                prop_assert!(decoded.len() <= text.len());
                prop_assert!(!decoded.contains('\0'));
            }
        }
    }
}
