//! Typed identifiers: a GUID a thing, so that no id of one kind is ever looked up as another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What was given where a GUID was expected. Holds no copy of the input, which may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a GUID: expected 36 characters like 00000000-0000-0000-0000-000000000000")]
pub struct NotAGuid;

/// Parses the hyphenated form in any letter case, and no other: braces, a `urn:` prefix and
/// the undashed form would give one application several spellings.
pub fn parse_guid(text: &str) -> Result<Uuid, NotAGuid> {
    if text.len() != 36 {
        return Err(NotAGuid);
    }
    Uuid::try_parse(text).map_err(|_| NotAGuid)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id of nothing: all zero.
            pub const NIL: Self = Self(Uuid::nil());
            /// The 16 bytes, most significant first.
            pub fn bytes(&self) -> [u8; 16] {
                *self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAGuid;
            fn from_str(text: &str) -> Result<Self, NotAGuid> {
                parse_guid(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// A directory (`tid`). Nil names no tenant: records and events that belong to the deployment.
    TenantId;
    /// An application's client id (`appId`), unique in the deployment.
    AppId;
    /// An object of one tenant: an application object, a service principal, an assignment (`oid`).
    ObjectId;
    /// A secret or certificate of an application (`keyId`).
    CredentialId;
    /// A scope or an app role (`id` of an `oauth2PermissionScope` or `appRole`).
    PermissionId;
    /// One request: `trace_id`, `x-ms-request-id` and, in base64url, the token's `uti`.
    RequestId;
    /// One sealed ticket (`jti`).
    TicketId;
    /// A ticket and all that follow from it: the `jti` of the code, device grant or sign-in at
    /// their root (tickets.md 3).
    FamilyId;
    /// A user's session in a browser (`sid`).
    SessionId;
}

impl From<TicketId> for FamilyId {
    /// The family that begins with this ticket.
    fn from(root: TicketId) -> Self {
        Self(root.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_has_one_spelling_but_for_letter_case() {
        let id: AppId = "DAE00000-0000-4000-8000-00000000000A".parse().unwrap();
        assert_eq!(id.to_string(), "dae00000-0000-4000-8000-00000000000a");
        for other in [
            "",
            "dae0000000004000800000000000000a",
            "{dae00000-0000-4000-8000-00000000000a}",
            "urn:uuid:dae00000-0000-4000-8000-00000000000a",
            "dae00000-0000-4000-8000-00000000000g",
            "dae00000-0000-4000-8000-00000000000\u{ff10}",
        ] {
            assert_eq!(other.parse::<AppId>(), Err(NotAGuid), "{other}");
        }
    }
}
