//! Rotation of public clients' refresh tokens: at most one live successor, and whoever comes back
//! with an old one ends them all (RFC 9700 4.14.2; the table of tickets.md 4).

use std::time::Duration;

use super::whole_second;
use crate::time::Timestamp;

/// How long the token before the newest is answered with the newest again: a client whose answer
/// got lost, or two threads of it.
pub const GRACE: Duration = Duration::from_mins(1);

/// What is stored of a family that has rotated. No row means that its generation is 0. Whether the
/// family was ended is another record, which the write that rotates requires to be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// `cur`: the newest generation.
    pub generation: u32,
    /// `at`: when that was issued, in whole seconds.
    pub since: Timestamp,
    /// When the last of its tokens ends.
    pub expires: Timestamp,
}

/// What redeeming one generation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was the newest: write that its successor is, then issue that.
    Issue {
        /// The successor's generation.
        generation: u32,
        /// The successor's `iat`, and the family's `at`.
        issued: Timestamp,
    },
    /// It was the newest until a moment ago: issue the same successor again, write nothing.
    Repeat {
        /// The successor's generation.
        generation: u32,
        /// When the successor was issued first.
        issued: Timestamp,
    },
    /// It is old: one of two that hold it is a thief. End the family and refuse (70000 `bad_token`).
    Reuse,
    /// It is newer than what is stored: the store lost writes. End the family, refuse, alarm.
    Ahead,
}

/// Decides what redeeming `generation` of a family that was `found` so comes to, at `now`. Client
/// and confirmation key are the ticket's own: [`super::Redemption`] has checked them.
pub fn rotate(found: Option<&Family>, generation: u32, now: Timestamp) -> Rotation {
    let current = found.map_or(0, |family| family.generation);
    let in_grace = |family: &&Family| now.since(family.since) <= GRACE;
    if generation > current {
        return Rotation::Ahead;
    }
    if generation == current {
        return match current.checked_add(1) {
            Some(generation) => Rotation::Issue { generation, issued: whole_second(now) },
            // Four milliard rotations: nobody's client does that.
            None => Rotation::Reuse,
        };
    }
    match found.filter(in_grace) {
        Some(family) if generation + 1 == current => {
            Rotation::Repeat { generation: current, issued: family.since }
        }
        _ => Rotation::Reuse,
    }
}
