//! Microsoft Graph as every tenant knows it from the start: whom access tokens for scopes of
//! `OpenID` Connect alone are for (decisions.md 15), and whose userinfo endpoint they open.

use uuid::Uuid;

use super::{AppKind, Application, TokenVersion};
use crate::{
    access::GRAPH,
    id::{ObjectId, TenantId},
    service_principal::ServicePrincipal,
    time::Timestamp,
};

/// Its service principal and application in `tenant`. Neither is a record: nobody can register,
/// change or delete them. It offers no scopes and no roles; its tokens are v1.0 (protocol 5.1).
pub fn graph(tenant: TenantId) -> (ServicePrincipal, Application) {
    let id = |kind: &str| ObjectId(Uuid::new_v5(&tenant.0, format!("{kind}{GRAPH}").as_bytes()));
    let created = Timestamp(0);
    let application = Application {
        display_name: Some("Microsoft Graph".to_owned()),
        requested_access_token_version: Some(TokenVersion::V1),
        ..Application::new(id("application"), GRAPH, (tenant, "graph"), AppKind::Api, created)
    };
    let principal = ServicePrincipal {
        id: id("servicePrincipal"),
        tenant,
        app_id: GRAPH,
        home: tenant,
        application: application.id,
        disabled: false,
        assignment_required: false,
        revision: 0,
        created,
    };
    (principal, application)
}
