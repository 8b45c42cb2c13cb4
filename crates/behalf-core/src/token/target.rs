//! For what a token on behalf of a user is asked: one resource, and scopes of it.

use behalf_protocol::token::request::{
    OidcScopes, RequestedPermissions, RequestedResource, RequestedScopes, TargetError,
};

use crate::ticket::Requested;

/// One resource and what is asked for of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The resource, as the client spells it.
    pub resource: String,
    /// Which of its scopes.
    pub scopes: TargetScopes,
    /// The scopes of `OpenID` Connect.
    pub oidc: OidcScopes,
    /// The request does not say so itself: the ticket that it presents does. Scopes that are not
    /// granted any more then drop out, rather than that the request is refused.
    pub remembered: bool,
}

/// Which scopes of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetScopes {
    /// `.default`, and v1's `resource`: all that are granted.
    Default,
    /// These, by value. None, of Microsoft Graph alone: only scopes of `OpenID` Connect.
    Named(Vec<String>),
}

impl Target {
    /// Of a request for one resource; several are refused (28000).
    pub fn sole(requested: &RequestedScopes<'_>) -> Result<Self, TargetError> {
        Ok(Self::of(requested.sole()?, requested.oidc, false))
    }

    /// Of a request that may name several resources: the first (protocol 8.4). What is asked for of
    /// `OpenID` Connect is at most what was agreed on at the sign-in.
    pub fn again(requested: &RequestedScopes<'_>, agreed: &Requested) -> Result<Self, TargetError> {
        let first = requested.first().ok_or(TargetError::Missing { name: "resource" })?;
        let agreed: OidcScopes = agreed.openid.iter().map(String::as_str).collect();
        let oidc = requested.oidc.iter().filter(|name| agreed.iter().any(|other| other == *name));
        Ok(Self::of(first, oidc.collect(), false))
    }

    /// What a code or a refresh token remembers; a resource with scopes of it, a resource alone for
    /// all, or scopes with their resources, of which the first counts.
    pub fn remembered(agreed: &Requested) -> Result<Self, TargetError> {
        let oidc: OidcScopes = agreed.openid.iter().map(String::as_str).collect();
        if let Some(resource) = &agreed.resource {
            let scopes = match agreed.scopes.as_slice() {
                [] => TargetScopes::Default,
                named => TargetScopes::Named(named.to_vec()),
            };
            return Ok(Self { resource: resource.clone(), scopes, oidc, remembered: true });
        }
        let list = [agreed.scopes.join(" "), agreed.openid.join(" ")].join(" ");
        let requested = RequestedScopes::of_list(list.trim())?;
        let first = requested.first().ok_or(TargetError::Missing { name: "resource" })?;
        Ok(Self::of(first, oidc, true))
    }

    fn of(asked: &RequestedResource<'_>, oidc: OidcScopes, remembered: bool) -> Self {
        let scopes = match &asked.permissions {
            RequestedPermissions::Default => TargetScopes::Default,
            RequestedPermissions::Named(names) => {
                TargetScopes::Named(names.iter().map(|name| (*name).to_owned()).collect())
            }
        };
        Self { resource: asked.resource.as_str().to_owned(), scopes, oidc, remembered }
    }

    /// As a refresh token remembers it.
    pub fn to_remember(&self) -> Requested {
        let only_openid = self.scopes == TargetScopes::Named(Vec::new());
        Requested {
            resource: (!only_openid).then(|| self.resource.clone()),
            scopes: match &self.scopes {
                TargetScopes::Default => Vec::new(),
                TargetScopes::Named(names) => names.clone(),
            },
            openid: self.oidc.iter().map(str::to_owned).collect(),
        }
    }
}
