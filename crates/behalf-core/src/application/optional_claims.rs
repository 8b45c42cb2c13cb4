//! `optionalClaims`: what tokens carry only when the application they are for asks (protocol 5.3).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What an application asks for. Access tokens follow the resource's choice, ID tokens the
/// client's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OptionalClaims {
    /// In access tokens for it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub access_token: BTreeSet<OptionalClaim>,
    /// In ID tokens for it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token: BTreeSet<OptionalClaim>,
}

impl OptionalClaims {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

macro_rules! claims {
    ($($(#[$doc:meta])* $name:ident = $wire:literal,)*) => {
        /// A claim that can be asked for: those that behalf knows a value for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum OptionalClaim {
            $($(#[$doc])* #[serde(rename = $wire)] $name,)*
        }

        impl OptionalClaim {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As the claim is called, with its additional property where it has one.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }
        }
    };
}

claims! {
    /// 0 for a member of the tenant; there are no guests.
    Acct = "acct",
    /// The chain of actors (RFC 8693 4.1): whose tokens were exchanged on the way.
    Act = "act",
    /// Authentication contexts that were met.
    Acrs = "acrs",
    /// How the user signed in; v1.0 tokens have it anyway.
    Amr = "amr",
    /// When the user signed in.
    AuthTime = "auth_time",
    /// The user's address.
    Email = "email",
    /// The user's surname; v1.0 tokens have it anyway.
    FamilyName = "family_name",
    /// The user's given name; v1.0 tokens have it anyway.
    GivenName = "given_name",
    /// `app` in tokens of applications.
    Idtyp = "idtyp",
    /// `app` in tokens of applications and `user` in those of users.
    IdtypIncludingUsers = "idtyp+include_user_token",
    /// The address the user signed in from; v1.0 tokens have it anyway.
    Ipaddr = "ipaddr",
    /// What the next sign-in may name the user by.
    LoginHint = "login_hint",
    /// The user's name in v1.0 tokens; v2.0 tokens have it anyway.
    PreferredUsername = "preferred_username",
    /// The session.
    Sid = "sid",
    /// The user's principal name; v1.0 tokens have it anyway.
    Upn = "upn",
    /// The user's directory roles, by template id (`groupMembershipClaims` = `DirectoryRole`).
    Wids = "wids",
    /// The client's capabilities, when it stated them.
    XmsCc = "xms_cc",
}

impl OptionalClaim {
    /// Whether an ID token can carry it: what speaks of a client at a resource cannot.
    pub const fn fits_id_token(self) -> bool {
        !matches!(self, Self::Act | Self::Idtyp | Self::IdtypIncludingUsers | Self::XmsCc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_stored_as_it_is_called() {
        for claim in OptionalClaim::ALL {
            let stored = serde_json::to_value(claim).unwrap();
            assert_eq!(stored, serde_json::Value::from(claim.as_str()));
        }
        assert!(serde_json::from_str::<OptionalClaim>("\"onprem_sid\"").is_err());
    }
}
