/// A delegated permission of this API: a value of `scp`. [`permissions!`](crate::permissions)
/// writes the implementations.
pub trait Scope: Send + Sync + 'static {
    /// The value, e.g. `Entries.Read`; letter case counts.
    const VALUE: &'static str;
    /// What it allows, for consent pages and manifests.
    const DESCRIPTION: &'static str;
}

/// An application permission of this API: a value of `roles`.
pub trait Role: Send + Sync + 'static {
    /// The value, e.g. `Entries.Read.All`; letter case counts.
    const VALUE: &'static str;
    /// What it allows, for manifests.
    const DESCRIPTION: &'static str;
}

/// The contract of an API as [`permissions!`](crate::permissions) declares it.
pub trait Permissions {
    /// The App ID URI.
    const AUDIENCE: &'static str;
    /// Scopes: value and description.
    const SCOPES: &'static [(&'static str, &'static str)];
    /// Roles: value and description.
    const ROLES: &'static [(&'static str, &'static str)];
}

/// In [`AppOnly<Any>`](crate::AppOnly): every application of an accepted tenant, with roles or
/// without. The handler itself decides whom it serves.
#[derive(Debug, Clone, Copy)]
pub struct Any;

/// What [`AppOnly`](crate::AppOnly) asks of an application: a [`Role`], or [`Any`].
pub trait AppPermission: Send + Sync + 'static {
    /// The role asked for, if one is.
    const ROLE: Option<&'static str>;
}

impl<R: Role> AppPermission for R {
    const ROLE: Option<&'static str> = Some(R::VALUE);
}

impl AppPermission for Any {
    const ROLE: Option<&'static str> = None;
}

/// Declares the permissions of an API, once: a type per scope and role, and `Permissions` for all.
///
/// ```
/// behalf_resource::permissions! {
///     audience "api://ledger";
///     scope EntriesRead = "Entries.Read" : "Read your ledger entries";
///     role  EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
/// }
/// use behalf_resource::Scope as _;
/// assert_eq!(EntriesRead::VALUE, "Entries.Read");
/// assert_eq!(<Permissions as behalf_resource::Permissions>::ROLES.len(), 1);
/// ```
#[macro_export]
macro_rules! permissions {
    (audience $audience:literal; $($rest:tt)*) => {
        $crate::permissions!(@item [$audience] [] [] $($rest)*);
    };
    (@item [$audience:literal] [$($scope:tt)*] [$($role:tt)*]
        scope $name:ident = $value:literal : $description:literal; $($rest:tt)*) => {
        #[doc = $description]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl $crate::Scope for $name {
            const VALUE: &'static str = $value;
            const DESCRIPTION: &'static str = $description;
        }
        $crate::permissions!(@item [$audience] [$($scope)* ($value, $description),] [$($role)*] $($rest)*);
    };
    (@item [$audience:literal] [$($scope:tt)*] [$($role:tt)*]
        role $name:ident = $value:literal : $description:literal; $($rest:tt)*) => {
        #[doc = $description]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl $crate::Role for $name {
            const VALUE: &'static str = $value;
            const DESCRIPTION: &'static str = $description;
        }
        $crate::permissions!(@item [$audience] [$($scope)*] [$($role)* ($value, $description),] $($rest)*);
    };
    (@item [$audience:literal] [$($scope:tt)*] [$($role:tt)*]) => {
        /// The contract of this API.
        #[derive(Debug, Clone, Copy)]
        pub struct Permissions;
        impl $crate::Permissions for Permissions {
            const AUDIENCE: &'static str = $audience;
            const SCOPES: &'static [(&'static str, &'static str)] = &[$($scope)*];
            const ROLES: &'static [(&'static str, &'static str)] = &[$($role)*];
        }
    };
}
