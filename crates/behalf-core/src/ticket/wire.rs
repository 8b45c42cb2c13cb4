//! How claims are spelled inside a ticket: short, with one form each.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::time::Timestamp;

/// The version of the claims; any other is refused, so that a new member is understood by every
/// node one release before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Version;

const VERSION: u8 = 1;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            VERSION => Ok(Self),
            other => Err(D::Error::custom(format!("version {other}, expected {VERSION}"))),
        }
    }
}

/// A GUID as 22 characters of base64url.
pub(super) mod id {
    use behalf_jose::base64url;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use uuid::Uuid;

    pub(in super::super) fn serialize<T, S>(id: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Copy + Into<Uuid>,
        S: Serializer,
    {
        serializer.serialize_str(&base64url::encode((*id).into().as_bytes()))
    }

    pub(in super::super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: From<Uuid>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        let bytes = base64url::decode(&text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(|bytes| T::from(Uuid::from_bytes(bytes)))
            .ok_or_else(|| D::Error::custom("not an id of 22 characters"))
    }
}

/// One GUID of a list.
#[derive(Deserialize)]
#[serde(transparent, bound = "T: From<uuid::Uuid>")]
pub(super) struct Id<T>(#[serde(with = "id")] pub(super) T);

/// The last second of the year 9999: later ones have no one spelling in milliseconds.
const LAST_SECOND: i64 = 253_402_300_799;

fn time<E: serde::de::Error>(seconds: i64) -> Result<Timestamp, E> {
    if (0..=LAST_SECOND).contains(&seconds) {
        Ok(Timestamp::from_unix_seconds(seconds))
    } else {
        Err(E::custom("not a time between 1970 and 9999"))
    }
}

/// A time as whole seconds since 1970.
pub(super) mod seconds {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::time::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub(in super::super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.unix_seconds())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        super::time(i64::deserialize(deserializer)?)
    }
}

/// A time that need not be: 0 is none.
pub(super) mod seconds_or_zero {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::time::Timestamp;

    #[expect(clippy::ref_option, reason = "serde hands a reference")]
    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.map_or(0, Timestamp::unix_seconds))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        if seconds == 0 { Ok(None) } else { super::time(seconds).map(Some) }
    }
}

/// `0` or `1`.
pub(super) mod bit {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub(in super::super) fn serialize<S: Serializer>(
        value: &bool,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(u8::from(*value))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<bool, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(D::Error::custom("neither 0 nor 1")),
        }
    }
}

/// Words with a space between.
pub(super) mod words {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        words: &[String],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&words.join(" "))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<String>, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }
}
