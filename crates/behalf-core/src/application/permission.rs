//! What an application offers to others (scopes, app roles) and what it needs of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    application::Require,
    id::{AppId, PermissionId},
    tenant::is_false,
};

/// Longest `value` of a scope or role (protocol 6.3).
pub const VALUE_MAX: usize = 120;

/// Whether `value` may name a scope or role: what Entra allows, no white space, no leading dot.
pub fn is_permission_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= VALUE_MAX
        && !value.starts_with('.')
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b":!#$%&'()*+,-./;<=>?@[]^_`{|}~".contains(&b))
}

/// A delegated permission (Graph `oauth2PermissionScope`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Its id.
    pub id: PermissionId,
    /// What appears in `scp`.
    pub value: String,
    /// Who may consent.
    pub consent: Consent,
    /// What the consent page says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// A disabled scope is never issued.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// What it demands of the sign-in, besides what its application demands.
    #[serde(default, skip_serializing_if = "Require::is_empty")]
    pub require: Require,
}

impl Scope {
    /// An enabled scope that demands nothing of the sign-in.
    pub fn new(
        id: PermissionId,
        value: impl Into<String>,
        consent: Consent,
        text: impl Into<String>,
    ) -> Self {
        let (value, text) = (value.into(), text.into());
        Self { id, value, consent, text, disabled: false, require: Require::default() }
    }
}

/// Who may consent to a scope (`type` of Graph's `permissionScope`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// Any user, for himself.
    User,
    /// Administrators only.
    Admin,
}

/// An application permission, or a user's role (Graph `appRole`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRole {
    /// Its id, which assignments name.
    pub id: PermissionId,
    /// What appears in `roles`.
    pub value: String,
    /// Who may be assigned.
    #[serde(rename = "for")]
    pub members: BTreeSet<MemberType>,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// A disabled role is never issued.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
}

/// `allowedMemberTypes` of an app role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberType {
    /// `Application`.
    App,
    /// `User`.
    User,
}

/// One entry of `requiredResourceAccess`: what is needed of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequiredResource {
    /// The resource.
    pub app_id: AppId,
    /// Ids of its scopes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes: BTreeSet<PermissionId>,
    /// Ids of its app roles.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<PermissionId>,
}
