//! Reads of what applications are assigned, granted and waiting for.

use behalf_core::{
    consent::approval::ApprovalRequest,
    grant::{GrantedFor, PermissionGrant},
    id::{AppId, ObjectId, TenantId},
    service_principal::AppRoleAssignment,
};

use super::{List, Reading, list};
use crate::{
    backend::{Cursor, Page, ReadError},
    record::{Index, Kind, Stored},
    records::{assignment, consent_request, permission_grant},
};

/// Whose delegated permissions are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantsOf {
    /// Those a client has, by its service principal.
    Client(ObjectId),
    /// Those on a resource, by its service principal.
    Resource(ObjectId),
    /// Those a user gave for himself.
    User(ObjectId),
}

impl Reading<'_> {
    /// The assignments of `principal` on `resource`; `None` when there is not one.
    pub async fn assignments(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        resource: ObjectId,
    ) -> Result<Option<Stored<Vec<AppRoleAssignment>>>, ReadError> {
        self.get_as(assignment::key(tenant, principal, resource), assignment::read).await
    }

    /// The assignments that `principal` has, grouped by resource, a page at a time.
    pub async fn assignments_of(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        after: Option<Cursor>,
    ) -> Result<List<Stored<Vec<AppRoleAssignment>>>, ReadError> {
        let value = principal.bytes().to_vec();
        let page = self.find(tenant, Index::AssignmentByPrincipal, value, after, Page::MAX).await?;
        list(page, assignment::read)
    }

    /// The assignments on `resource`, grouped by principal, a page at a time.
    pub async fn assignments_on(
        &self,
        tenant: TenantId,
        resource: ObjectId,
        after: Option<Cursor>,
    ) -> Result<List<Stored<Vec<AppRoleAssignment>>>, ReadError> {
        let value = resource.bytes().to_vec();
        let page = self.find(tenant, Index::AssignmentByResource, value, after, Page::MAX).await?;
        list(page, assignment::read)
    }

    /// The delegated permissions of a client on a resource, both by service principal.
    pub async fn permission_grant(
        &self,
        tenant: TenantId,
        pair: (ObjectId, ObjectId),
        granted_for: GrantedFor,
    ) -> Result<Option<Stored<PermissionGrant>>, ReadError> {
        let key = permission_grant::key(tenant, pair, granted_for);
        self.get_as(key, permission_grant::read).await
    }

    /// The delegated permissions of one party, a page at a time.
    pub async fn permission_grants(
        &self,
        tenant: TenantId,
        of: GrantsOf,
        after: Option<Cursor>,
    ) -> Result<List<Stored<PermissionGrant>>, ReadError> {
        let (index, id) = match of {
            GrantsOf::Client(id) => (Index::GrantByClient, id),
            GrantsOf::Resource(id) => (Index::GrantByResource, id),
            GrantsOf::User(id) => (Index::GrantByUser, id),
        };
        let page = self.find(tenant, index, id.bytes().to_vec(), after, Page::MAX).await?;
        list(page, permission_grant::read)
    }

    /// A user's request that an administrator consent to a client.
    pub async fn consent_request(
        &self,
        tenant: TenantId,
        user: ObjectId,
        client: AppId,
    ) -> Result<Option<Stored<ApprovalRequest>>, ReadError> {
        self.get_as(consent_request::key(tenant, user, client), consent_request::read).await
    }

    /// A tenant's requests that an administrator consent, by user, a page at a time.
    pub async fn consent_requests(
        &self,
        tenant: TenantId,
        after: Option<Cursor>,
    ) -> Result<List<Stored<ApprovalRequest>>, ReadError> {
        list(
            self.scan(tenant, Kind::ConsentRequest, after, Page::MAX).await?,
            consent_request::read,
        )
    }
}
