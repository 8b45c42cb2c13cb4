//! Rotation of public clients' refresh tokens: the table of tickets.md 4, row by row, and what
//! must hold of any history.

use std::time::Duration;

use behalf_core::{
    ticket::{Family, GRACE, Rotation, rotate},
    time::Timestamp,
};
use proptest::prelude::*;

use crate::common::{DAY, NOW};

fn family(generation: u32, since: Timestamp) -> Family {
    Family { generation, since, expires: since.plus(90 * DAY) }
}

#[test]
fn the_table() {
    let issue = |generation| Rotation::Issue { generation, issued: NOW };
    let just_now = NOW.minus(GRACE);
    let before = NOW.minus(GRACE + Duration::from_millis(1));
    for (found, presented, expected) in [
        // No row: generation 0 is the newest.
        (None, 0, issue(1)),
        (None, 1, Rotation::Ahead),
        (None, 7, Rotation::Ahead),
        // The newest, however old.
        (Some(family(3, NOW)), 3, issue(4)),
        (Some(family(3, NOW.minus(80 * DAY))), 3, issue(4)),
        // The one before, within a minute: the same successor with the same iat.
        (Some(family(3, NOW)), 2, Rotation::Repeat { generation: 3, issued: NOW }),
        (Some(family(3, just_now)), 2, Rotation::Repeat { generation: 3, issued: just_now }),
        (Some(family(1, just_now)), 0, Rotation::Repeat { generation: 1, issued: just_now }),
        // The one before, later.
        (Some(family(3, before)), 2, Rotation::Reuse),
        // Older ones, within the minute or not.
        (Some(family(3, NOW)), 1, Rotation::Reuse),
        (Some(family(3, NOW)), 0, Rotation::Reuse),
        // Newer than what is stored.
        (Some(family(3, NOW)), 4, Rotation::Ahead),
        (Some(family(3, NOW)), u32::MAX, Rotation::Ahead),
        // The clock was set back: no reason to end anything.
        (
            Some(family(3, NOW.plus(DAY))),
            2,
            Rotation::Repeat { generation: 3, issued: NOW.plus(DAY) },
        ),
        // The last number has no successor.
        (Some(family(u32::MAX, NOW)), u32::MAX, Rotation::Reuse),
    ] {
        assert_eq!(rotate(found.as_ref(), presented, NOW), expected, "{found:?} {presented}");
    }
}

#[test]
fn tickets_count_in_whole_seconds() {
    let odd = Timestamp(NOW.0 + 999);
    assert_eq!(rotate(None, 0, odd), Rotation::Issue { generation: 1, issued: NOW });
}

/// A family as the store would keep it: the row, and whether the family was ended.
#[derive(Default)]
struct History {
    row: Option<Family>,
    ended: bool,
    /// Each generation issued, with its `iat`: a generation has one.
    issued: std::collections::BTreeMap<u32, Timestamp>,
}

impl History {
    /// Redeems `generation` at `now`; what came of it.
    fn redeem(&mut self, generation: u32, now: Timestamp) -> Option<(u32, Timestamp)> {
        if self.ended {
            return None;
        }
        match rotate(self.row.as_ref(), generation, now) {
            Rotation::Issue { generation, issued } => {
                self.row = Some(family(generation, issued));
                assert!(self.issued.insert(generation, issued).is_none(), "issued anew");
                Some((generation, issued))
            }
            Rotation::Repeat { generation, issued } => Some((generation, issued)),
            Rotation::Reuse | Rotation::Ahead => {
                self.ended = true;
                None
            }
        }
    }
}

proptest! {
    #[test]
    fn never_two_live_successors(steps in prop::collection::vec((0_u32..6, 0_u64..100), 1..40)) {
        let (mut history, mut now) = (History::default(), NOW);
        for (back, seconds) in steps {
            now = now.plus(Duration::from_secs(seconds));
            let newest = history.row.map_or(0, |family| family.generation);
            let presented = newest.saturating_sub(back);
            let dead = history.ended;
            let row = history.row;
            let given = history.redeem(presented, now);
            if dead {
                prop_assert_eq!(given, None, "the dead stay dead");
                prop_assert_eq!(history.row, row);
            }
            if let Some((generation, issued)) = given {
                // Whatever is given is the newest there is, in its one form.
                let newest = history.row.unwrap();
                prop_assert_eq!((generation, issued), (newest.generation, newest.since));
                prop_assert_eq!(history.issued.get(&generation), Some(&issued));
                prop_assert_eq!(generation, presented + 1);
            } else if !dead {
                prop_assert!(history.ended && presented < newest);
            }
        }
    }

    #[test]
    fn whoever_is_two_behind_ends_it(generation in 2_u32..1000, back in 2_u32..1000, age in 0_u64..200) {
        let found = family(generation, NOW.minus(Duration::from_secs(age)));
        let presented = generation.saturating_sub(back);
        prop_assert_eq!(rotate(Some(&found), presented, NOW), Rotation::Reuse);
    }
}
