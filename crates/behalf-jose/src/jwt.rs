//! JSON Web Token (RFC 7519): reading claims, and writing tokens fast.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::signing_key::MAX_SIGNATURE;
use crate::{JsonError, KeyError, SigningKey, base64url, json};

/// Parses a claims set of at most `max` bytes into `T`.
///
/// A name that occurs twice is refused at every level, as are nesting over 16, a byte-order mark
/// and bytes after the object. Unknown members are `T`'s to ignore.
pub fn parse_claims<'de, T: Deserialize<'de>>(
    claims: &'de [u8],
    max: usize,
) -> Result<T, JsonError> {
    json::parse_object(claims, max)
}

/// A `NumericDate` (RFC 7519 section 2) in whole seconds since 1970; a fraction is cut off.
/// `Deserialize` takes JSON numbers only, from 0 to 999 999 999 999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumericDate(pub i64);

/// As [`NumericDate`], and also a string of 1 to 12 digits, as MSAL.NET writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LenientNumericDate(pub i64);

const MAX_DATE: i64 = 999_999_999_999;

struct DateVisitor {
    digits: bool,
}

impl Visitor<'_> for DateVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970 as a number")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value)
            .ok()
            .filter(|seconds| *seconds <= MAX_DATE)
            .ok_or_else(|| E::custom("a date out of range"))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<i64, E> {
        // serde_json hands non-negative integers to `visit_u64`.
        Err(E::custom("a date before 1970"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<i64, E> {
        #[expect(clippy::cast_precision_loss, reason = "12 digits fit an f64 exactly")]
        let accepted = (0.0..=MAX_DATE as f64).contains(&value);
        if !accepted {
            return Err(E::custom("a date out of range"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked above")]
        Ok(value.trunc() as i64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<i64, E> {
        let acceptable = self.digits
            && (1..=12).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_digit());
        if !acceptable {
            return Err(E::custom("a date that is not a number"));
        }
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DateVisitor { digits: false }).map(Self)
    }
}

impl<'de> Deserialize<'de> for LenientNumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DateVisitor { digits: true }).map(Self)
    }
}

/// The `aud` claim (RFC 7519 section 4.1.3): one value, or an array of them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// A string.
    One(String),
    /// An array of strings, possibly empty.
    Many(Vec<String>),
}

impl Audience {
    /// All values.
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    /// The value if there is exactly one.
    pub fn sole(&self) -> Option<&str> {
        match self.values() {
            [value] => Some(value),
            _ => None,
        }
    }
}

/// The first part of a token, encoded once per key and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedHeader(String);

impl EncodedHeader {
    /// Encodes `{"typ":…,"alg":…,"kid":…,"x5t":…}`, the last only if given (v1 access tokens and
    /// v1 ID tokens carry it).
    pub fn new(typ: &str, key: &SigningKey, kid: &str, x5t: Option<&str>) -> Self {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        let mut json = format!(
            r#"{{"typ":{},"alg":"{}","kid":{}"#,
            text(typ),
            key.algorithm().as_str(),
            text(kid)
        );
        if let Some(x5t) = x5t {
            json.push_str(r#","x5t":"#);
            json.push_str(&text(x5t));
        }
        json.push('}');
        Self(base64url::encode(json))
    }

    /// The encoded part, without a dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Signs `claims_json` under `header` and writes the compact token into one buffer.
pub fn sign_compact(
    header: &EncodedHeader,
    claims_json: &[u8],
    key: &SigningKey,
) -> Result<String, KeyError> {
    let length = header.0.len()
        + base64url::encoded_len(claims_json.len())
        + base64url::encoded_len(key.signature_len())
        + 2;
    let mut token = String::with_capacity(length);
    token.push_str(&header.0);
    token.push('.');
    base64url::encode_into(claims_json, &mut token);
    let mut buffer = [0; MAX_SIGNATURE];
    let signature = key.sign_to(token.as_bytes(), &mut buffer)?;
    token.push('.');
    base64url::encode_into(signature, &mut token);
    Ok(token)
}
