//! What happens to a user, and which of his counters it raises (protocol 8.4, tickets.md 5).
//! Deleting needs no counter: what names a user that is gone is refused (50034).

use super::User;

/// Something that happens to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserEvent {
    /// He chose another password, having proved the old one.
    PasswordChanged,
    /// An administrator gave him another password.
    PasswordReset,
    /// He or an administrator revoked his sessions (Graph `revokeSignInSessions`).
    SessionsRevoked,
    /// He was disabled.
    Disabled,
    /// He was enabled: that resurrects nothing.
    Enabled,
    /// His second factor was taken away: what claims to rest on it must not outlive it.
    SecondFactorRemoved,
    /// He registered a second factor.
    SecondFactorEnrolled,
    /// His directory roles changed. Tickets say who, never what: roles are read at each redemption.
    RolesChanged,
    /// The same password is kept under other parameters.
    PasswordRehashed,
    /// How he is called changed.
    Renamed,
    /// He signed out of one session, whose id is ended by itself (tickets.md 7).
    SignedOut,
}

/// Which counters an event raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raises {
    /// `urev`: everything of his ends.
    Everything,
    /// `prev`: what rests on the password ends.
    Password,
    /// None.
    Nothing,
}

impl UserEvent {
    /// Every event.
    pub const ALL: [Self; 11] = [
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::SessionsRevoked,
        Self::Disabled,
        Self::Enabled,
        Self::SecondFactorRemoved,
        Self::SecondFactorEnrolled,
        Self::RolesChanged,
        Self::PasswordRehashed,
        Self::Renamed,
        Self::SignedOut,
    ];

    /// Which counters it raises.
    pub const fn raises(self) -> Raises {
        match self {
            Self::PasswordReset
            | Self::SessionsRevoked
            | Self::Disabled
            | Self::SecondFactorRemoved => Raises::Everything,
            Self::PasswordChanged => Raises::Password,
            Self::Enabled
            | Self::SecondFactorEnrolled
            | Self::RolesChanged
            | Self::PasswordRehashed
            | Self::Renamed
            | Self::SignedOut => Raises::Nothing,
        }
    }
}

impl User {
    /// Raises the counters that `event` raises. Whoever changes a user's record for an event calls
    /// this in the same commit.
    pub fn undergo(&mut self, event: UserEvent) {
        let counter = match event.raises() {
            Raises::Everything => &mut self.revisions.all,
            Raises::Password => &mut self.revisions.password,
            Raises::Nothing => return,
        };
        // Wrapping keeps "not equal" for all but one in four billion; saturating would end it.
        *counter = counter.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{ObjectId, TenantId},
        tenant::Tenant,
        ticket::Counters,
        time::Timestamp,
        user::UserPrincipalName,
    };

    /// What becomes of a ticket: (password-based of a public client, another of a public client, of
    /// a confidential client).
    const MATRIX: [(UserEvent, [bool; 3]); 11] = [
        (UserEvent::PasswordChanged, [false, true, true]),
        (UserEvent::PasswordReset, [false, false, false]),
        (UserEvent::SessionsRevoked, [false, false, false]),
        (UserEvent::Disabled, [false, false, false]),
        (UserEvent::Enabled, [true, true, true]),
        (UserEvent::SecondFactorRemoved, [false, false, false]),
        (UserEvent::SecondFactorEnrolled, [true, true, true]),
        (UserEvent::RolesChanged, [true, true, true]),
        (UserEvent::PasswordRehashed, [true, true, true]),
        (UserEvent::Renamed, [true, true, true]),
        (UserEvent::SignedOut, [true, true, true]),
    ];

    #[test]
    fn the_matrix_of_revocation() {
        let tenant = Tenant::new(TenantId::NIL, "Acme", Vec::new(), Timestamp(0));
        let name = UserPrincipalName::parse("bob@acme.test").unwrap();
        let user = User::new(ObjectId::NIL, TenantId::NIL, name, Timestamp(0));
        let issued = Counters::of(&user, &tenant);
        assert_eq!(MATRIX.map(|(event, _)| event), UserEvent::ALL);
        for (event, alive) in MATRIX {
            let mut after = user.clone();
            after.undergo(event);
            let now = Counters::of(&after, &tenant);
            for (rests_on_password, expected) in [true, false, false].into_iter().zip(alive) {
                let found = issued.still_equal(now, rests_on_password).is_ok();
                assert_eq!(
                    found, expected,
                    "{event:?}, resting on the password: {rests_on_password}"
                );
            }
        }
    }

    #[test]
    fn nothing_brings_a_counter_back() {
        let name = UserPrincipalName::parse("bob@acme.test").unwrap();
        let mut user = User::new(ObjectId::NIL, TenantId::NIL, name, Timestamp(0));
        user.undergo(UserEvent::Disabled);
        let disabled = user.revisions;
        user.undergo(UserEvent::Enabled);
        assert_eq!(user.revisions, disabled);
        user.revisions.all = u32::MAX;
        user.undergo(UserEvent::SessionsRevoked);
        assert_ne!(user.revisions.all, u32::MAX);
    }
}
