//! Which tenant's metadata a path names.

use behalf_core::{tenant::TenantSegment, token::Refusal};
use behalf_protocol::discovery::MetadataTenant;
use behalf_store::ReadError;

use crate::state::Core;

/// Why a path names nobody's metadata.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// Neither a GUID nor a domain name.
    Malformed(Refusal),
    /// No such tenant.
    Unknown(Refusal),
    /// The directory cannot be read.
    Unreadable(ReadError),
}

/// Reads the segment in any letter case. Unlike the token endpoint, metadata serves `common` and
/// `organizations`.
pub(super) async fn resolve(core: &Core, segment: &str) -> Result<MetadataTenant, Unresolved> {
    let Some(parsed) = TenantSegment::parse(segment) else {
        return Err(Unresolved::Malformed(Refusal::TenantMalformed));
    };
    if parsed == TenantSegment::Any {
        let common = segment.eq_ignore_ascii_case("common");
        return Ok(if common { MetadataTenant::Common } else { MetadataTenant::Organizations });
    }
    let found = core.server.facts.tenant(segment).await.map_err(Unresolved::Unreadable)?;
    let Some(found) = found else {
        let segment = segment.to_ascii_lowercase();
        return Err(Unresolved::Unknown(Refusal::TenantUnknown { segment }));
    };
    let tenant = found.tenant.id.0;
    Ok(match parsed {
        TenantSegment::DefaultTenant => MetadataTenant::Adfs { tenant },
        _ => MetadataTenant::Id(tenant),
    })
}
