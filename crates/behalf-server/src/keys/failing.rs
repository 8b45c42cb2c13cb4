//! Work that is done again and again, and fails for a while.

use std::{fmt::Display, time::Duration};

/// How often keys are looked after.
const PERIOD: Duration = Duration::from_secs(1);
/// When what failed is tried again: soon enough for what another node changed to be known in time
/// ([`super::HEARD`]), and not so soon that making keys for nothing is felt.
const AGAIN: Duration = Duration::from_secs(5);

/// Says once that something fails, and once that it works again.
#[derive(Debug, Default)]
pub(super) struct Failing(bool);

impl Failing {
    /// Takes note of how it went; says when to do it again.
    pub(super) fn note(&mut self, what: &'static str, went: Result<(), impl Display>) -> Duration {
        let failed_before = std::mem::replace(&mut self.0, went.is_err());
        match went {
            Ok(()) => {
                if failed_before {
                    tracing::info!(what, "keys are looked after again");
                }
                PERIOD
            }
            Err(error) => {
                if !failed_before {
                    tracing::error!(what, %error, "keys could not be looked after; it is tried again");
                }
                AGAIN
            }
        }
    }
}
