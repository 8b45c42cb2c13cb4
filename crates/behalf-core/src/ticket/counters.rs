//! Revocation is counters, not clocks: a ticket counts only while these are what they were
//! (tickets.md 5).

use serde::{Deserialize, Serialize};

use crate::{tenant::Tenant, user::User};

/// The counters of user and tenant when a ticket was issued. The client's (`srev`) is part of its
/// binding: [`super::ClientBinding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// `urev`.
    pub user: u32,
    /// `prev`.
    pub password: u32,
    /// `trev`.
    pub tenant: u32,
}

/// A counter that has moved on since the ticket was issued (50173).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Outdated {
    /// The user's sessions were revoked, his password reset, or he was disabled since.
    #[error("everything the user was given has been revoked since")]
    User,
    /// He changed the password that this rests on.
    #[error("the user has changed his password since")]
    Password,
    /// The tenant revoked everything.
    #[error("everything in the tenant has been revoked since")]
    Tenant,
}

impl Counters {
    /// The counters as they are.
    pub fn of(user: &User, tenant: &Tenant) -> Self {
        Self {
            user: user.revisions.all,
            password: user.revisions.password,
            tenant: tenant.revision,
        }
    }

    /// Compares with the counters as they are `now`. That of the password counts only for what
    /// rests on one: `password` is so for password-based tickets of public clients and for
    /// password-based cookies (the matrix of protocol 8.4).
    pub fn still_equal(self, now: Self, password: bool) -> Result<(), Outdated> {
        if self.user != now.user {
            return Err(Outdated::User);
        }
        if password && self.password != now.password {
            return Err(Outdated::Password);
        }
        if self.tenant == now.tenant { Ok(()) } else { Err(Outdated::Tenant) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_alone() {
        let issued = Counters { user: 1, password: 2, tenant: 3 };
        let user = Counters { user: 2, ..issued };
        let password = Counters { password: 3, ..issued };
        let tenant = Counters { tenant: 4, ..issued };
        for (now, rests_on_password, expected) in [
            (issued, true, Ok(())),
            (user, true, Err(Outdated::User)),
            (user, false, Err(Outdated::User)),
            (password, true, Err(Outdated::Password)),
            (password, false, Ok(())),
            (tenant, false, Err(Outdated::Tenant)),
            // A lower counter is no older ticket's: the record was restored from a backup.
            (Counters { user: 0, ..issued }, false, Err(Outdated::User)),
        ] {
            assert_eq!(issued.still_equal(now, rests_on_password), expected, "{now:?}");
        }
    }
}
