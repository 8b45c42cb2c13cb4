//! Parameters of requests that a browser sends: a query string, or a form of the same encoding.

use std::borrow::Cow;

use crate::error::AadSts;
use crate::form::decode;

/// The longest query string or form of a browser's request, in bytes.
pub const MAX_QUERY_BYTES: usize = 32 * 1024;

/// The most parameters. MSALs send about 20.
pub const MAX_QUERY_PARAMETERS: usize = 128;

/// Why parameters cannot be read, so that nothing in them may be trusted: the answer is a page and
/// never a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Longer than [`MAX_QUERY_BYTES`].
    #[error("The parameters are longer than 32768 bytes. Keep state and nonce short.")]
    TooLong,
    /// More than [`MAX_QUERY_PARAMETERS`].
    #[error("There are more than 128 parameters. An authorization request has about twenty.")]
    TooMany,
    /// Broken percent-encoding, or text that is not UTF-8 or holds a NUL.
    #[error(
        "The parameters cannot be decoded: each name and value must be percent-encoded UTF-8 \
         without NUL."
    )]
    BadEncoding,
    /// A parameter that says where the answer goes appears twice (RFC 6749 3.1).
    #[error("The parameter {name} appears more than once. Send it once.")]
    Repeated {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter without which nobody can be answered is missing or empty.
    #[error("The parameter {name} is missing or empty. Add it to the address.")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
}

impl QueryError {
    /// The catalogue's row.
    pub const fn aadsts(self) -> AadSts {
        match self {
            Self::TooLong => AadSts::QueryTooLong,
            Self::TooMany | Self::BadEncoding => AadSts::MalformedRequest,
            Self::Repeated { .. } => AadSts::RepeatedParameter,
            Self::Missing { .. } => AadSts::MissingParameter,
        }
    }
}

/// The values of a fixed list of parameters; others are ignored, an empty value is absent.
#[derive(Debug)]
pub(crate) struct Parameters<'a, const N: usize> {
    names: &'static [&'static str; N],
    values: [Option<Cow<'a, str>>; N],
    repeated: Vec<&'static str>,
}

impl<'a, const N: usize> Parameters<'a, N> {
    pub(crate) fn parse(
        names: &'static [&'static str; N],
        encoded: &'a str,
    ) -> Result<Self, QueryError> {
        if encoded.len() > MAX_QUERY_BYTES {
            return Err(QueryError::TooLong);
        }
        let mut seen = [false; N];
        let mut all = Self { names, values: [const { None }; N], repeated: Vec::new() };
        for (count, field) in encoded.split('&').enumerate() {
            if count >= MAX_QUERY_PARAMETERS {
                return Err(QueryError::TooMany);
            }
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let name = decode(name).map_err(|_| QueryError::BadEncoding)?;
            let value = decode(value).map_err(|_| QueryError::BadEncoding)?;
            let places = names.iter().zip(&mut all.values).zip(&mut seen);
            for ((known, place), seen) in places.filter(|((known, _), _)| **known == name) {
                if *seen {
                    all.repeated.push(known);
                }
                *seen = true;
                if !value.is_empty() {
                    *place = Some(value.clone());
                }
            }
        }
        Ok(all)
    }

    /// A value that was sent once; `None` for a repeated parameter, which has no one value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let place = self.names.iter().position(|known| *known == name)?;
        if self.repeated.contains(&name) { None } else { self.values.get(place)?.as_deref() }
    }

    /// The value of a parameter on which the way back depends.
    pub(crate) fn trusted(&self, name: &'static str) -> Result<Option<&str>, QueryError> {
        let repeated = self.repeated.contains(&name);
        if repeated { Err(QueryError::Repeated { name }) } else { Ok(self.get(name)) }
    }

    pub(crate) fn needed(&self, name: &'static str) -> Result<&str, QueryError> {
        self.trusted(name)?.ok_or(QueryError::Missing { name })
    }

    /// The parameters that have one value, but for those of `without`, as a query that reads the
    /// same and is short: encoded is only what would be read as something else.
    pub(crate) fn kept(&self, without: &[&str]) -> String {
        let mut kept = String::new();
        for name in self.names.iter().filter(|name| !without.contains(name)) {
            let Some(value) = self.get(name) else { continue };
            if !kept.is_empty() {
                kept.push('&');
            }
            kept.push_str(name);
            kept.push('=');
            push_kept(&mut kept, value);
        }
        kept
    }

    /// The first parameter that was repeated.
    pub(crate) fn repeated(&self) -> Option<&'static str> {
        self.repeated.first().copied()
    }
}

/// `text` with what a form's decoder would take for something else encoded, and what is not plain
/// ASCII or would be escaped in JSON.
fn push_kept(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            ' ' => out.push('+'),
            '%' | '+' | '&' | '#' | '"' | '\\' => {
                push_encoded(out, letter.encode_utf8(&mut [0; 4]));
            }
            plain if plain.is_ascii_graphic() => out.push(plain),
            other => push_encoded(out, other.encode_utf8(&mut [0; 4])),
        }
    }
}

/// `text` with everything but unreserved characters percent-encoded (RFC 3986 2.3), so that form
/// and URI decoders read the same.
pub(crate) fn push_encoded(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(HEX[usize::from(nibble)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 3] = ["client_id", "state", "scope"];

    fn parsed(encoded: &str) -> Result<Parameters<'_, 3>, QueryError> {
        Parameters::parse(&NAMES, encoded)
    }

    #[test]
    fn what_is_kept_reads_the_same_and_is_short() {
        let all =
            parsed("scope=api%3A%2F%2Fa%2FR%20openid&x=1&state=%22%26%25%2B%C3%BC&client_id=");
        let all = all.unwrap();
        assert_eq!(all.kept(&[]), "state=%22%26%25%2B%C3%BC&scope=api://a/R+openid");
        assert_eq!(all.kept(&["state", "scope"]), "");
        let again = all.kept(&["scope"]);
        assert_eq!(again, "state=%22%26%25%2B%C3%BC");
        let twice = parsed("state=a&state=b&scope=c").unwrap();
        assert_eq!(twice.kept(&[]), "scope=c", "nothing says which");
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in "[^\0]{1,60}") {
            let mut encoded = "state=".to_owned();
            push_encoded(&mut encoded, &value);
            let kept = parsed(&encoded).unwrap().kept(&[]);
            let again = parsed(&kept).unwrap();
            prop_assert!(kept.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'));
            prop_assert_eq!(again.get("state"), Some(value.as_str()));
        }
    }

    #[test]
    fn known_parameters_are_read_and_others_ignored() {
        let all = parsed("client_id=a%20b&x=1&x=2&scope=&state=s%2Bt&haschrome=1").unwrap();
        assert_eq!(all.needed("client_id"), Ok("a b"));
        assert_eq!((all.get("state"), all.get("scope"), all.get("x")), (Some("s+t"), None, None));
        assert_eq!(all.needed("scope"), Err(QueryError::Missing { name: "scope" }));
        assert_eq!(all.repeated(), None);
    }

    #[test]
    fn a_repeated_parameter_has_no_value() {
        for encoded in ["state=a&client_id=x&state=a", "state=&state=b&client_id=x"] {
            let all = parsed(encoded).unwrap();
            assert_eq!((all.get("state"), all.repeated()), (None, Some("state")), "{encoded}");
            assert_eq!(all.trusted("state"), Err(QueryError::Repeated { name: "state" }));
            assert_eq!(all.needed("client_id"), Ok("x"));
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let many = "x=1&".repeat(MAX_QUERY_PARAMETERS);
        let long = "x".repeat(MAX_QUERY_BYTES + 1);
        for (encoded, expected, code) in [
            ("state=%zz", QueryError::BadEncoding, 9_002_313),
            ("x=%00", QueryError::BadEncoding, 9_002_313),
            ("state=%ff", QueryError::BadEncoding, 9_002_313),
            (many.as_str(), QueryError::TooMany, 9_002_313),
            (long.as_str(), QueryError::TooLong, 90_015),
        ] {
            let error = parsed(encoded).unwrap_err();
            assert_eq!((error, error.aadsts().code()), (expected, code), "{encoded:.20}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text in "[^\0]{0,32}") {
            let mut encoded = String::from("state=");
            push_encoded(&mut encoded, &text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()));
            let all = parsed(&encoded).unwrap();
            prop_assert_eq!(all.get("state").unwrap_or_default(), text.as_str());
        }

        #[test]
        fn never_panics(encoded in ".{0,64}") {
            let _ = parsed(&encoded);
        }
    }
}
