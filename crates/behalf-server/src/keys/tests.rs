//! The ring as a specification: first as a decision over time, then with a store below it.

mod ring;
mod schedule;

use std::time::Duration;

use behalf_core::{application::TokenAlg, time::Timestamp};

use super::Times;

const START: Timestamp = Timestamp(1_764_072_000_000);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const TIMES: Times =
    Times { rotation: Duration::from_hours(240), announce: DAY, heard: Duration::ZERO };
const RS: TokenAlg = TokenAlg::Rs256;
