//! The parameter `claims` (OIDC Core 5.5), by which a client says what it can do (`xms_cc`) and
//! hands back what a resource demanded, and the challenges that demand it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use uuid::Uuid;

use crate::error::AadSts;

/// The longest value of `claims`, in bytes.
pub const MAX_CLAIMS_BYTES: usize = 8 * 1024;

/// The most claims asked for in one token.
pub const MAX_CLAIMS: usize = 64;

/// The value of `claims` is not a claims request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsRequestError {
    /// Longer than [`MAX_CLAIMS_BYTES`] or more than [`MAX_CLAIMS`] in one token.
    #[error("The parameter claims is too long: at most 8192 bytes and 64 claims a token are read.")]
    TooLong,
    /// Not JSON of OIDC Core 5.5's shape.
    #[error(
        "The parameter claims is not a claims request. Expected JSON such as \
         {{\"access_token\":{{\"xms_cc\":{{\"values\":[\"cp1\"]}}}}}}."
    )]
    Malformed,
}

impl ClaimsRequestError {
    /// The catalogue's row.
    pub const fn aadsts(self) -> AadSts {
        match self {
            Self::TooLong | Self::Malformed => AadSts::InvalidParameter,
        }
    }
}

/// What a client asks about claims. It says what is wanted and never what is true: no value of it
/// gets into a token unless the directory says the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ClaimsRequest {
    /// About the access token.
    #[serde(default)]
    pub access_token: RequestedClaims,
    /// About the ID token.
    #[serde(default)]
    pub id_token: RequestedClaims,
}

/// Claims asked for, by name. `null` asks for a claim without saying anything about it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct RequestedClaims(BTreeMap<String, Option<RequestedClaim>>);

/// What is said about one claim.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct RequestedClaim {
    /// Whether the client cannot do without it.
    #[serde(default)]
    pub essential: bool,
    /// The value it should have.
    pub value: Option<ClaimValue>,
    /// The values of which it should have one (of `xms_cc`: all that the client can do).
    #[serde(default)]
    pub values: Vec<ClaimValue>,
}

/// One wanted value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ClaimValue {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Anything else is kept from being mistaken for a value.
    Other(Ignored),
}

/// A JSON value that no claim here can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl ClaimsRequest {
    /// Reads the parameter. Unknown members are ignored; sizes are bounded, and so is depth, for
    /// nothing below a wanted value is read.
    pub fn parse(json: &str) -> Result<Self, ClaimsRequestError> {
        if json.len() > MAX_CLAIMS_BYTES {
            return Err(ClaimsRequestError::TooLong);
        }
        // An array of the members' values is no request, though a struct could be read from it.
        if !json.trim_start().starts_with('{') {
            return Err(ClaimsRequestError::Malformed);
        }
        let request: Self =
            serde_json::from_str(json).map_err(|_| ClaimsRequestError::Malformed)?;
        let most = request.access_token.0.len().max(request.id_token.0.len());
        if most > MAX_CLAIMS { Err(ClaimsRequestError::TooLong) } else { Ok(request) }
    }

    /// Adds what `other` asks for: a client's capabilities and a resource's challenge may come
    /// apart. Of a claim in both, `values` are joined, `essential` in one is essential, and
    /// `other`'s `value` wins.
    pub fn merge(&mut self, other: Self) {
        self.access_token.merge(other.access_token);
        self.id_token.merge(other.id_token);
    }

    /// Whether the client says it handles claims challenges: `cp1` in `xms_cc`, in any letter case
    /// (`az` sends `CP1`).
    pub fn handles_challenges(&self) -> bool {
        self.access_token.texts("xms_cc").any(|value| value.eq_ignore_ascii_case("cp1"))
    }

    /// The authentication contexts demanded (`acrs`), such as `c1`.
    pub fn authentication_contexts(&self) -> impl Iterator<Item = &str> {
        self.access_token.texts("acrs")
    }

    /// The time before which nothing may have been issued (`nbf`), in seconds since 1970: the
    /// resource saw an event that older tokens do not know of.
    pub fn not_before(&self) -> Option<u64> {
        let wanted = self.access_token.get("nbf")?;
        wanted.value.iter().chain(&wanted.values).find_map(|value| match value {
            ClaimValue::Text(text) => text.parse().ok(),
            ClaimValue::Number(seconds) => u64::try_from(*seconds).ok(),
            ClaimValue::Other(_) => None,
        })
    }
}

impl RequestedClaims {
    /// Whether the claim is named at all.
    pub fn asks_for(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What is said about a claim; `None` when nothing is.
    pub fn get(&self, name: &str) -> Option<&RequestedClaim> {
        self.0.get(name)?.as_ref()
    }

    /// The wanted values of a claim that are texts, `value` first.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let wanted = self.get(name).into_iter();
        wanted.flat_map(|wanted| wanted.value.iter().chain(&wanted.values)).filter_map(|value| {
            match value {
                ClaimValue::Text(text) => Some(text.as_str()),
                ClaimValue::Number(_) | ClaimValue::Other(_) => None,
            }
        })
    }

    fn merge(&mut self, other: Self) {
        for (name, wanted) in other.0 {
            let Some(wanted) = wanted else {
                self.0.entry(name).or_default();
                continue;
            };
            let known = self.0.entry(name).or_default().get_or_insert_default();
            known.essential |= wanted.essential;
            known.value = wanted.value.or(known.value.take());
            for value in wanted.values {
                if !known.values.contains(&value) {
                    known.values.push(value);
                }
            }
        }
    }
}

/// What a refused client must bring back to the authorization endpoint: the member `claims` of an
/// error answer, and of a resource's `WWW-Authenticate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimsChallenge<'a> {
    /// A second factor or a policy, by its id.
    Policy(Uuid),
    /// An authentication context, such as `c1`.
    AuthenticationContext(&'a str),
    /// A token issued after this time, in seconds since 1970.
    NotBefore(u64),
}

impl ClaimsChallenge<'_> {
    /// The JSON.
    pub fn to_json(self) -> String {
        let (name, wanted) = match self {
            Self::Policy(id) => {
                ("capolids", serde_json::json!({"essential": true, "values": [id]}))
            }
            Self::AuthenticationContext(context) => {
                ("acrs", serde_json::json!({"essential": true, "value": context}))
            }
            Self::NotBefore(seconds) => {
                ("nbf", serde_json::json!({"essential": true, "value": seconds.to_string()}))
            }
        };
        format!(r#"{{"access_token":{{"{name}":{wanted}}}}}"#)
    }
}

#[cfg(test)]
mod tests;
