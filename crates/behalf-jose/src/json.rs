//! A check that JSON names its members once and stays shallow, before any typed parsing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The deepest nesting accepted in a header or a claims set; real ones have 3.
const MAX_DEPTH: u8 = 16;

/// Bytes that are not a JSON object fit for a header or a claims set.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Longer than the stated bound, in bytes.
    #[error("the JSON text has {len} bytes, at most {max} are accepted")]
    TooLong {
        /// Bytes found.
        len: usize,
        /// Bytes accepted.
        max: usize,
    },
    /// Not one JSON object with unique member names, or a member of the wrong type.
    #[error("not an acceptable JSON object: {0}")]
    Invalid(#[from] serde_json::Error),
}

/// Parses `bytes` as one JSON object of type `T`.
///
/// A member name that occurs twice is refused at every level (two parsers could read two
/// different documents: RFC 8259 section 4, RFC 7519 section 4), as is nesting over 16.
pub(crate) fn parse_object<'de, T: de::Deserialize<'de>>(
    bytes: &'de [u8],
    max: usize,
) -> Result<T, JsonError> {
    if bytes.len() > max {
        return Err(JsonError::TooLong { len: bytes.len(), max });
    }
    let mut checker = serde_json::Deserializer::from_slice(bytes);
    checker.deserialize_map(ObjectVisitor { depth: 0 })?;
    checker.end()?;
    Ok(serde_json::from_slice(bytes)?)
}

struct Unique {
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(AnyVisitor { depth: self.depth })
    }
}

struct ObjectVisitor {
    depth: u8,
}

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        unique_members(map, self.depth)
    }
}

struct AnyVisitor {
    depth: u8,
}

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        while seq.next_element_seed(Unique { depth })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        unique_members(map, self.depth)
    }
}

fn deeper<E: de::Error>(depth: u8) -> Result<u8, E> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(E::custom("nested too deeply")) }
}

fn unique_members<'de, A: MapAccess<'de>>(mut map: A, depth: u8) -> Result<(), A::Error> {
    let depth = deeper(depth)?;
    let mut seen = Names::default();
    while let Some(Name(name)) = map.next_key()? {
        if !seen.insert(name) {
            return Err(de::Error::custom("a member name occurs twice"));
        }
        map.next_value_seed(Unique { depth })?;
    }
    Ok(())
}

/// The names of one object so far. A real one has few, and comparing a few is quicker than keeping
/// them sorted; a hostile one has thousands.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    more: BTreeSet<Cow<'de, str>>,
}

/// Names that are compared one by one.
const FEW: usize = 32;

impl<'de> Names<'de> {
    /// False if the name is there already.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() < FEW {
            self.few.push(name);
            return true;
        }
        self.more.insert(name)
    }
}

/// A member name, borrowed where it has no escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> de::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// For `#[serde(deserialize_with)]` on an optional member: absent is `None`, `null` is an error.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: de::Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// For `#[serde(deserialize_with)]` on a member that must not be there: any value is refused.
pub(crate) fn refused<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(de::Error::custom("`crit` and `b64` are not supported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_occurs_twice_is_found_among_few_and_among_many() {
        for count in [2, FEW, FEW + 1, FEW + 2, 500] {
            let mut members: Vec<String> = (0..count).map(|n| format!("\"n{n}\":{n}")).collect();
            let parse = |members: &[String]| {
                let text = format!("{{{}}}", members.join(","));
                parse_object::<serde::de::IgnoredAny>(text.as_bytes(), 16_384).is_ok()
            };
            assert!(parse(&members), "{count}");
            for twice in [0, count / 2, count - 1] {
                members.push(members[twice].clone());
                assert!(!parse(&members), "{twice} of {count}");
                members.pop();
            }
        }
    }
}
