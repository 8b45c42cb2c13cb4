//! What an API demands of the sign-in behind a user's token (decisions.md 20).

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::tenant::is_false;

/// Most authentication contexts one demand may name.
pub const ACRS_MAX: usize = 25;

/// A demand on the sign-in; empty demands nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Require {
    /// A second factor was used (`amr` has `mfa`).
    #[serde(skip_serializing_if = "is_false")]
    pub mfa: bool,
    /// The user signed in at most so many seconds ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_secs: Option<u32>,
    /// Authentication contexts (`c1` …) that were all met.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub acrs: BTreeSet<String>,
}

impl Require {
    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Both demands at once: of an application and of each scope that is to be issued.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let max_age_secs = match (self.max_age_secs, other.max_age_secs) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self {
            mfa: self.mfa || other.mfa,
            max_age_secs,
            acrs: self.acrs.union(&other.acrs).cloned().collect(),
        }
    }

    /// The longest time since the sign-in, if one is demanded.
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age_secs.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// Whether every authentication context is one: 1 to 64 letters, digits or `-._:`.
    pub fn is_well_formed(&self) -> bool {
        let context = |acr: &String| {
            (1..=64).contains(&acr.len())
                && acr.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b))
        };
        self.acrs.len() <= ACRS_MAX && self.acrs.iter().all(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn require(mfa: bool, max_age_secs: Option<u32>, acrs: &[&str]) -> Require {
        Require { mfa, max_age_secs, acrs: acrs.iter().map(|acr| (*acr).to_owned()).collect() }
    }

    #[test]
    fn two_demands_are_both_met() {
        let both = require(false, Some(600), &["c1"]).and(&require(true, Some(60), &["c2"]));
        assert_eq!(both, require(true, Some(60), &["c1", "c2"]));
        let one = require(false, Some(600), &[]);
        assert_eq!(one.and(&Require::default()), one);
        assert_eq!(Require::default().and(&one), one);
        assert!(Require::default().and(&Require::default()).is_empty());
    }

    #[test]
    fn a_context_is_a_short_word() {
        assert!(require(true, None, &["c1", "urn:acr:gold"]).is_well_formed());
        for bad in ["", "c 1", "c\"1", &"c".repeat(65)] {
            assert!(!require(false, None, &[bad]).is_well_formed(), "{bad}");
        }
    }
}
