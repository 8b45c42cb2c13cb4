//! Delegated permission: a client may call a resource in a user's name (Graph
//! `oauth2PermissionGrant`, protocol 6.5).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ObjectId, PermissionId, TenantId},
    time::Timestamp,
};

/// For whom a grant holds (`consentType` and `principalId`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GrantedFor {
    /// `AllPrincipals`: every user of the tenant; given by an administrator.
    Everyone,
    /// `Principal`: one user.
    User(ObjectId),
}

/// One grant. There is at most one for each (client, resource, for whom) of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionGrant {
    /// Its id.
    pub id: ObjectId,
    /// The tenant it holds in.
    pub tenant: TenantId,
    /// The client's service principal here.
    pub client: ObjectId,
    /// The resource's service principal here.
    pub resource: ObjectId,
    /// For whom.
    pub granted_for: GrantedFor,
    /// Which scopes, by id: a renamed, disabled or re-created scope never maps to a new one of the
    /// same name (decisions.md 24).
    pub scopes: BTreeSet<PermissionId>,
    /// Who granted it: a user's object id, or nil for an operator at the machine.
    pub granted_by: ObjectId,
    /// When it was last added to.
    pub created: Timestamp,
}
