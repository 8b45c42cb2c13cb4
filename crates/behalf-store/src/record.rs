//! What a backend stores: keys, kinds, index entries and documents.

use std::ops::Deref;

use behalf_core::id::TenantId;

/// Declares an enum with stored numbers and its reverse.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)* }

        impl $name {
            /// Every one, in the order of the stored numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stored number.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The stored number's meaning, if this version knows it.
            pub fn from_number(number: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.number() == number)
            }
        }
    };
}

numbered! {
    /// What a record is. The numbers are stored: append only, never reuse.
    Kind {
        /// A tenant, under the nil tenant, by its id.
        Tenant = 1,
        /// Global index: a domain's tenant, or its quarantine.
        Domain = 2,
        /// An application object, in its home tenant, by object id.
        Application = 3,
        /// Global index: an appId's home tenant and object id; kept forever.
        AppHome = 4,
        /// An application's `name`, unique in its home tenant.
        ApplicationName = 5,
        /// A service principal, by appId: one for each tenant and application.
        ServicePrincipal = 6,
        /// A name by which a resource is asked for in a tenant, or its reservation.
        ResourceName = 7,
        /// The app role assignments of one principal on one resource.
        Assignment = 8,
        /// An entry of a key ring, under the nil tenant.
        KeyRing = 9,
        /// A setting of the deployment itself, under the nil tenant.
        Deployment = 10,
        /// A strict client's assertion that was used (tickets.md 7, `ca`).
        UsedAssertion = 11,
        /// When a secret or certificate was last used.
        CredentialUse = 12,
        /// What was changed in the directory, by whom: appended, in order.
        Audit = 13,
        /// A user, by object id.
        User = 14,
        /// A user's name, unique in its tenant.
        UserName = 15,
        /// The delegated permissions of one client on one resource, for everyone or one user.
        PermissionGrant = 16,
        /// A token family or session that was ended before its time (tickets.md 7, `fam` and `sid`).
        Revoked = 17,
        /// The newest generation of a rotating refresh token's family.
        Family = 18,
        /// A code, consent or pending sign-in that was used (tickets.md 7, `code` and `act`).
        UsedTicket = 19,
        /// A device that waits for its user (RFC 8628), by user code.
        DeviceGrant = 20,
        /// A user's request that an administrator consent.
        ConsentRequest = 21,
    }
}

/// What a change of a record means to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Facts of the directory: a change takes a [`crate::Seq`] and invalidates what was cached.
    Directory,
    /// State that only its own reader and writer ask for: invalidates nothing.
    TokenState,
    /// Statistics: invalidates nothing and may lose its last minute.
    Usage,
}

impl Kind {
    /// What a change of such a record means to others.
    pub const fn class(self) -> Class {
        match self {
            Self::UsedAssertion
            | Self::Audit
            | Self::Family
            | Self::UsedTicket
            | Self::DeviceGrant => Class::TokenState,
            Self::CredentialUse => Class::Usage,
            _ => Class::Directory,
        }
    }
}

numbered! {
    /// A declared index. The numbers are stored: append only, never reuse.
    Index {
        /// Service principals by object id.
        ServicePrincipalById = 1,
        /// Assignments by who is assigned.
        AssignmentByPrincipal = 2,
        /// Assignments by whose roles they are.
        AssignmentByResource = 3,
        /// Delegated permissions by the client's service principal.
        GrantByClient = 4,
        /// Delegated permissions by the resource's service principal.
        GrantByResource = 5,
        /// Delegated permissions by the user they were given by; none for those of everyone.
        GrantByUser = 6,
        /// Ended families and sessions by the last byte of their id: what a node keeps in memory.
        RevokedByBucket = 7,
    }
}

impl Index {
    /// The kind of record it leads to: an index is of one kind.
    pub const fn kind(self) -> Kind {
        match self {
            Self::ServicePrincipalById => Kind::ServicePrincipal,
            Self::AssignmentByPrincipal | Self::AssignmentByResource => Kind::Assignment,
            Self::GrantByClient | Self::GrantByResource | Self::GrantByUser => {
                Kind::PermissionGrant
            }
            Self::RevokedByBucket => Kind::Revoked,
        }
    }
}

/// Where a record lives. Tenants cannot see into each other because no key leaves out its tenant;
/// the global indexes and the deployment's own records live under [`TenantId::NIL`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is.
    pub kind: Kind,
    /// Which one: 1 to [`crate::limits::ID`] bytes. Records of a kind are ordered by it.
    pub id: Vec<u8>,
}

impl Key {
    /// A key from its parts.
    pub fn new(tenant: TenantId, kind: Kind, id: impl Into<Vec<u8>>) -> Self {
        Self { tenant, kind, id: id.into() }
    }
}

/// One index entry of a record: it is found by `value` in its own tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The index.
    pub index: Index,
    /// The value: 1 to [`crate::limits::ID`] bytes.
    pub value: Vec<u8>,
}

/// Tells one state of a record from every other it ever had, deletion and return included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: Key,
    /// Its state.
    pub version: Version,
    /// Its document.
    pub document: Vec<u8>,
}

/// A typed record and the state it was read in, for [`crate::Expect::Version`].
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// The record.
    pub value: T,
    /// Its state when it was read.
    pub version: Version,
}

impl<T> Deref for Stored<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}
