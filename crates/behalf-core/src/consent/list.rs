//! What a consent page shows and what its acceptance covers.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use crate::id::{AppId, PermissionId, TenantId};

/// An application as the page speaks of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Party {
    /// Its client id.
    pub app_id: AppId,
    /// What people call it. Written by strangers: to be escaped wherever it is shown.
    pub name: String,
    /// Its home tenant.
    pub home: TenantId,
    /// What people call that.
    pub home_name: String,
}

/// Whether a permission is used in a user's name or as the application itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PermissionKind {
    /// A scope: in a user's name.
    Scope,
    /// An app role: as itself.
    Role,
}

/// One line of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedPermission {
    /// Its id.
    pub id: PermissionId,
    /// Scope or app role.
    pub kind: PermissionKind,
    /// Its value.
    pub value: String,
    /// What it means, in its owner's words.
    pub text: String,
    /// Only administrators may consent.
    pub admin_only: bool,
}

/// What one application wants to do with another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Who wants it: the client, or an API that it calls (combined consent).
    pub client: Party,
    /// Of whom.
    pub resource: Party,
    /// What; scopes before app roles, each in the order of registration.
    pub permissions: Vec<ListedPermission>,
}

/// Everything one acceptance covers. Nothing outside it is ever granted or created by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsentList {
    /// Where.
    pub tenant: TenantId,
    /// Who asks.
    pub client: Party,
    /// What becomes known in the tenant: the client, and APIs that are combined with it.
    pub creates: Vec<Party>,
    /// What is wanted, the client's own needs first.
    pub parts: Vec<Part>,
    /// It is an administrator's consent, for every user and for app roles.
    pub for_everyone: bool,
}

/// Stands for a list as it was shown: SHA-256 over every word of it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDigest(pub [u8; 32]);

impl std::fmt::Debug for ListDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ListDigest({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl ConsentList {
    /// Nothing to grant and nothing to create.
    pub fn is_empty(&self) -> bool {
        self.creates.is_empty() && self.parts.is_empty()
    }

    /// What the page that shows this list remembers of it.
    pub fn digest(&self) -> ListDigest {
        // Serialising these types cannot fail; should it, no digest of an empty text was shown.
        let text = serde_json::to_vec(self).unwrap_or_default();
        let mut sum = [0; 32];
        sum.copy_from_slice(digest::digest(&digest::SHA256, &text).as_ref());
        ListDigest(sum)
    }
}

/// A list that somebody accepted, whole. Made by [`accept`] and by [`Accepted::named`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub(crate) list: ConsentList,
    pub(crate) shown: bool,
}

impl Accepted {
    /// A list that an operator of this server named himself, at the command line or in a manifest;
    /// only his permission covers it.
    pub fn named(list: ConsentList) -> Self {
        Self { list, shown: false }
    }

    /// What was accepted.
    pub fn list(&self) -> &ConsentList {
        &self.list
    }
}

/// Takes an acceptance of the page that showed `shown`. `now` is what the same request comes to
/// now: if anything in it differs, a definition changed or went, it comes back, to be shown again
/// (decisions.md 21).
pub fn accept(shown: &ListDigest, now: ConsentList) -> Result<Accepted, Box<ConsentList>> {
    if now.digest() == *shown {
        Ok(Accepted { list: now, shown: true })
    } else {
        Err(Box::new(now))
    }
}
