//! Which tenant's metadata a path names.

use std::sync::Arc;

use behalf_core::{event::ClientRef, tenant::TenantSegment, token::Refusal};
use behalf_protocol::discovery::MetadataTenant;

use crate::{
    facts::TenantFacts,
    request::Circumstances,
    state::{Core, Unresolved},
};

/// Why a path names nobody's metadata.
#[derive(Debug)]
pub(super) enum NoMetadata {
    /// Neither a GUID nor a domain name.
    Malformed(Refusal),
    /// No such tenant.
    Unknown(Refusal),
    /// It is not known.
    Unresolved(Unresolved),
}

impl From<Unresolved> for NoMetadata {
    fn from(unresolved: Unresolved) -> Self {
        Self::Unresolved(unresolved)
    }
}

/// Reads the segment in any letter case. Unlike the token endpoint, metadata serves `common` and
/// `organizations`.
pub(super) async fn resolve(
    core: &Core,
    segment: &str,
    request: &Circumstances,
) -> Result<MetadataTenant, NoMetadata> {
    let Some(parsed) = TenantSegment::parse(segment) else {
        return Err(NoMetadata::Malformed(Refusal::TenantMalformed));
    };
    if parsed == TenantSegment::Any {
        let common = segment.eq_ignore_ascii_case("common");
        return Ok(if common { MetadataTenant::Common } else { MetadataTenant::Organizations });
    }
    let Some(found) = known(core, segment, request).await? else {
        let segment = segment.to_ascii_lowercase();
        return Err(NoMetadata::Unknown(Refusal::TenantUnknown { segment }));
    };
    let tenant = found.tenant.id.0;
    Ok(match parsed {
        TenantSegment::DefaultTenant => MetadataTenant::Adfs { tenant },
        _ => MetadataTenant::Id(tenant),
    })
}

/// The tenant that `segment` names. Asking for one that does not exist is a failure like any other
/// that names no client.
pub(super) async fn known(
    core: &Core,
    segment: &str,
    request: &Circumstances,
) -> Result<Option<Arc<TenantFacts>>, Unresolved> {
    let found = core.tenant(segment, request).await?;
    if found.is_none() {
        // What is beyond the share is answered all the same: it was remembered, or is from now on.
        let _ = core.server.limits.charge_failure(request.address, ClientRef::Absent, request.now);
    }
    Ok(found)
}
