//! Which resource a name means, for every door that takes one: an `appId` or an App ID URI, with or
//! without `spn:` (protocol 2.5).

use behalf_core::{
    access::GRAPH,
    application::{Application, graph},
    id::{AppId, TenantId, parse_guid},
    service_principal::ServicePrincipal,
};
use behalf_store::{ReadError, Reading, Stored};

/// The name itself.
pub(crate) fn resource_name(requested: &str) -> &str {
    requested.strip_prefix("spn:").unwrap_or(requested)
}

/// The service principal in `tenant` that is meant.
pub(crate) async fn named_principal(
    reading: &Reading<'_>,
    tenant: TenantId,
    requested: &str,
) -> Result<Option<Stored<ServicePrincipal>>, ReadError> {
    let name = resource_name(requested);
    match parse_guid(name) {
        Ok(guid) => reading.service_principal_by_app_id(tenant, AppId(guid)).await,
        Err(_) => reading.service_principal_by_name(tenant, name).await,
    }
}

/// The same with its application; Microsoft Graph, which has no records, among them. No application
/// left behind a service principal: no tokens for it (protocol 6.4).
pub(crate) async fn named_resource(
    reading: &Reading<'_>,
    tenant: TenantId,
    requested: &str,
) -> Result<Option<(ServicePrincipal, Application)>, ReadError> {
    let principal = named_principal(reading, tenant, requested).await?;
    let Some(principal) = principal.map(|stored| stored.value) else {
        let is_graph = parse_guid(resource_name(requested)).is_ok_and(|guid| guid == GRAPH.0);
        return Ok(is_graph.then(|| graph(tenant)));
    };
    let home = reading.application(principal.home, principal.application).await?;
    Ok(home.map(|application| (principal, application.value)))
}
