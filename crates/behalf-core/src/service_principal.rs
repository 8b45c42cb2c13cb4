//! A service principal: an application as one tenant knows it.

use serde::{Deserialize, Serialize};

use crate::{
    id::{AppId, ObjectId, PermissionId, TenantId},
    tenant::{is_false, is_zero},
    time::Timestamp,
};

/// What is local to the tenant (protocol 6.4). Names, roles, scopes and keys are read through to
/// the application, so that one edit need not rewrite ten thousand tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipal {
    /// Object id: `oid` and `sub` of app-only tokens. Another one after delete and re-create.
    pub id: ObjectId,
    /// The tenant it lives in.
    pub tenant: TenantId,
    /// The application it stands for.
    pub app_id: AppId,
    /// The application's home tenant.
    pub home: TenantId,
    /// The application object's id, in the home tenant.
    pub application: ObjectId,
    /// `accountEnabled` = false: no tokens for it or by it in this tenant.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// `appRoleAssignmentRequired`: only assigned clients get tokens for it (501051).
    #[serde(default, skip_serializing_if = "is_false")]
    pub assignment_required: bool,
    /// `srev`: what tickets issued to this client carry and must still equal (tickets.md 5).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// When it was created.
    pub created: Timestamp,
}

/// A principal may use a role of a resource (Graph `appRoleAssignment`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRoleAssignment {
    /// Its id.
    pub id: ObjectId,
    /// The tenant it holds in.
    pub tenant: TenantId,
    /// Who is assigned: a service principal's or a user's id.
    pub principal: ObjectId,
    /// Whose role it is: the resource's service principal.
    pub resource: ObjectId,
    /// Which role; nil is "assigned without a role".
    pub role: PermissionId,
    /// Who granted it, as people know him or it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub granted_by: String,
    /// When.
    pub created: Timestamp,
}
