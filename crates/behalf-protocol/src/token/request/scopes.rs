use std::fmt;

use crate::EndpointVersion;

use super::target::{GRAPH, MAX_SCOPE_BYTES, MAX_SCOPES, is_scope_character};
use super::{ResourceIdentifier, TargetError};

/// The scopes of OpenID Connect in a request. They belong to no resource: they ask for an ID token,
/// for claims in it and for a refresh token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OidcScopes(u8);

impl OidcScopes {
    /// Name and bit, in the order in which answers list them.
    const NAMES: [(&'static str, u8); 4] =
        [("openid", 1), ("profile", 2), ("email", 4), ("offline_access", 8)];

    /// Whether an ID token is asked for (OIDC Core 3.1.2.1).
    pub const fn openid(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether `name`, `oid` and `preferred_username` are asked for.
    pub const fn profile(self) -> bool {
        self.0 & 2 != 0
    }

    /// Whether `email` is asked for.
    pub const fn email(self) -> bool {
        self.0 & 4 != 0
    }

    /// Whether a refresh token is asked for (OIDC Core 11).
    pub const fn offline_access(self) -> bool {
        self.0 & 8 != 0
    }

    /// The names, in the order `openid profile email offline_access`.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(_, bit)| self.0 & bit != 0).map(|(name, _)| name)
    }

    /// These and those of `other`.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Takes the scope in when it is one of the four; exact and case-sensitive.
    fn take(&mut self, scope: &str) -> bool {
        let found = Self::NAMES.into_iter().find(|(name, _)| *name == scope);
        self.0 |= found.map_or(0, |(_, bit)| bit);
        found.is_some()
    }
}

impl<'a> FromIterator<&'a str> for OidcScopes {
    /// The ones among the names; others are passed over.
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut scopes = Self::default();
        for name in names {
            scopes.take(name);
        }
        scopes
    }
}

impl fmt::Debug for OidcScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What is asked for of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedPermissions<'a> {
    /// `X/.default`, or v1's `resource`: everything granted.
    Default,
    /// Scopes by value, each once, in order: `Files.Read` of `api://x/Files.Read`. Empty when only
    /// scopes of OpenID Connect were sent, which mean Microsoft Graph.
    Named(Vec<&'a str>),
}

/// One resource and what is asked for of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedResource<'a> {
    /// The resource as the client spells it. Two spellings of one resource are two of these: only
    /// the directory knows that they are the same.
    pub resource: ResourceIdentifier<'a>,
    /// Everything, or scopes by name.
    pub permissions: RequestedPermissions<'a>,
}

/// What a request on behalf of a user asks for, v1's `resource` and v2's `scope` in one shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestedScopes<'a> {
    /// The scopes of OpenID Connect. Of v1 only `openid` is read.
    pub oidc: OidcScopes,
    /// The resources, in the order in which they are first named. Empty when v1 names none, as the
    /// authorization endpoint allows.
    pub resources: Vec<RequestedResource<'a>>,
}

impl<'a> RequestedScopes<'a> {
    /// Reads `scope` and `resource` of any request on behalf of a user.
    ///
    /// v2 refuses `resource` and needs `scope`. v1 reads `resource`, and of `scope` only `openid`;
    /// without `resource`, a `scope` that names one is read as v2's (azure-identity with the tenant
    /// name `adfs` sends that).
    pub fn parse(
        version: EndpointVersion,
        resource: Option<&'a str>,
        scope: Option<&'a str>,
    ) -> Result<Self, TargetError> {
        match (version, resource) {
            (EndpointVersion::V2, Some(_)) => Err(TargetError::ResourceNotSupported),
            (EndpointVersion::V2, None) => {
                Self::of_list(scope.ok_or(TargetError::Missing { name: "scope" })?)
            }
            (EndpointVersion::V1, Some(resource)) => {
                let oidc = of_v1(scope.unwrap_or_default());
                Ok(Self { oidc, resources: vec![Self::whole(resource)?] })
            }
            (EndpointVersion::V1, None) => match scope {
                Some(scope) if scope.contains('/') => Self::of_list(scope),
                scope => Ok(Self { oidc: of_v1(scope.unwrap_or_default()), resources: Vec::new() }),
            },
        }
    }

    /// Everything of one resource, as v1's `resource` and RFC 8693's `resource` and `audience` mean
    /// it.
    pub fn of_resource(resource: &'a str) -> Result<Self, TargetError> {
        Ok(Self { oidc: OidcScopes::default(), resources: vec![Self::whole(resource)?] })
    }

    fn whole(resource: &'a str) -> Result<RequestedResource<'a>, TargetError> {
        let resource = ResourceIdentifier::parse(resource).ok_or(TargetError::MalformedResource)?;
        Ok(RequestedResource { resource, permissions: RequestedPermissions::Default })
    }

    /// Reads v2's list, separated by spaces (RFC 6749 3.3).
    ///
    /// The last `/` divides the resource from the scope, so that `https://host//.default` is
    /// `.default` of `https://host/`. Without a resource a scope is Microsoft Graph's.
    pub fn of_list(scope: &'a str) -> Result<Self, TargetError> {
        if scope.len() > MAX_SCOPE_BYTES {
            return Err(TargetError::TooLong);
        }
        let mut all = Self::default();
        for (count, value) in scope.split(' ').filter(|value| !value.is_empty()).enumerate() {
            if count >= MAX_SCOPES {
                return Err(TargetError::TooLong);
            }
            if !value.bytes().all(is_scope_character) {
                return Err(TargetError::MalformedScope);
            }
            if !all.oidc.take(value) {
                all.take(value)?;
            }
        }
        if all.resources.is_empty() {
            if all.oidc == OidcScopes::default() {
                return Err(TargetError::Missing { name: "scope" });
            }
            let graph = ResourceIdentifier::parse(GRAPH).ok_or(TargetError::MalformedScope)?;
            let permissions = RequestedPermissions::Named(Vec::new());
            all.resources.push(RequestedResource { resource: graph, permissions });
        }
        Ok(all)
    }

    fn take(&mut self, value: &'a str) -> Result<(), TargetError> {
        let (resource, permission) = value.rsplit_once('/').unwrap_or((GRAPH, value));
        let resource = ResourceIdentifier::parse(resource).ok_or(TargetError::MalformedScope)?;
        if permission.is_empty() {
            return Err(TargetError::MalformedScope);
        }
        let found = self.resources.iter_mut().find(|known| known.resource == resource);
        match (found.map(|known| &mut known.permissions), permission) {
            (Some(RequestedPermissions::Default), ".default") => {}
            (Some(RequestedPermissions::Named(names)), name) if name != ".default" => {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            (Some(_), _) => return Err(TargetError::DefaultAndNamed),
            (None, name) => {
                let permissions = if name == ".default" {
                    RequestedPermissions::Default
                } else {
                    RequestedPermissions::Named(vec![name])
                };
                self.resources.push(RequestedResource { resource, permissions });
            }
        }
        Ok(())
    }

    /// The one resource of a token request: several are refused (28000), as is v1 without any.
    pub fn sole(&self) -> Result<&RequestedResource<'a>, TargetError> {
        match self.resources.as_slice() {
            [one] => Ok(one),
            [] => Err(TargetError::Missing { name: "resource" }),
            _ => Err(TargetError::SeveralResources),
        }
    }

    /// The first resource: a refresh token redeemed for several gives a token for the first.
    pub fn first(&self) -> Option<&RequestedResource<'a>> {
        self.resources.first()
    }
}

/// v1 knows `openid` only; whatever else stands in `scope` is ignored, as Entra does.
fn of_v1(scope: &str) -> OidcScopes {
    if scope.split(' ').any(|value| value == "openid") {
        OidcScopes::from_iter(["openid"])
    } else {
        OidcScopes::default()
    }
}

#[cfg(test)]
mod tests;
