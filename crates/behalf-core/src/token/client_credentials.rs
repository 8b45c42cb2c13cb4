//! What a client gets for itself (RFC 6749 4.4): a token for one resource, with the application
//! roles it was assigned there.

use std::{collections::BTreeSet, time::Duration};

use behalf_protocol::claims_request::ClaimsRequest;

use crate::{
    application::{OptionalClaim, TokenAlg, TokenVersion, credential::Method},
    event::{Step, Trail, loggable_target},
    id::{AppId, ObjectId, TenantId},
    token::{AuthenticatedClient, Refusal, ResourceFacts, degraded},
};

/// A token to be signed, as data. Only a decision makes one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Issuance<'f> {
    /// `tid`.
    pub tenant: TenantId,
    /// `appid` / `azp`.
    pub client: AppId,
    /// How the client authenticated: `appidacr` / `azpacr`.
    pub method: Method,
    /// `oid` and `sub`: the client's service principal.
    pub subject: ObjectId,
    /// The resource's `appId`: `aud` of a v2.0 token.
    pub resource: AppId,
    /// `aud` of a v1.0 token.
    pub v1_audience: &'f str,
    /// The format the resource chose.
    pub version: TokenVersion,
    /// The algorithm the resource chose.
    pub alg: TokenAlg,
    /// The lifetime the resource chose.
    pub lifetime: Option<Duration>,
    /// No longer than this, whatever was chosen.
    pub longest: Option<Duration>,
    /// `roles`.
    pub roles: &'f [String],
    /// What the resource asks for besides the usual.
    pub claims: &'f BTreeSet<OptionalClaim>,
    /// `xms_cc`: the client can handle challenges, and the resource asks whether.
    pub handles_challenges: bool,
}

impl Issuance<'_> {
    /// The same for a client that said in the request what it can do.
    #[must_use]
    pub fn for_client_that_says(self, claims: &ClaimsRequest) -> Self {
        let asked = self.claims.contains(&OptionalClaim::XmsCc);
        Self { handles_challenges: asked && claims.handles_challenges(), ..self }
    }

    /// The same, decided on what is remembered.
    #[must_use]
    pub fn while_the_database_is_away(self) -> Self {
        Self { longest: Some(degraded::LONGEST), ..self }
    }
}

/// Decides. `requested` is the resource's name as the client wrote it, `resource` what it resolved
/// to in the tenant.
///
/// No permission is needed for a token without roles, unless the resource requires assignment
/// (protocol 2.5); a service principal of the client is always needed.
pub fn decide<'f>(
    requested: &str,
    client: &AuthenticatedClient<'f>,
    resource: Option<&'f ResourceFacts>,
    trail: &mut Trail,
) -> Result<Issuance<'f>, Refusal> {
    check(requested, client, resource, trail).inspect_err(|refusal| trail.failed(refusal.step()))
}

fn check<'f>(
    requested: &str,
    client: &AuthenticatedClient<'f>,
    resource: Option<&'f ResourceFacts>,
    trail: &mut Trail,
) -> Result<Issuance<'f>, Refusal> {
    let facts = client.facts();
    let (app, display_name) = (facts.app_id, || facts.display_name.clone());
    if facts.disabled {
        return Err(Refusal::ClientDisabled {
            client: app,
            display_name: display_name(),
            here: false,
        });
    }
    let Some(principal) = facts.service_principal else {
        let tenant = facts.tenant.id;
        return Err(Refusal::ServicePrincipalMissing {
            client: app,
            display_name: display_name(),
            tenant,
        });
    };
    if principal.disabled {
        return Err(Refusal::ClientDisabled {
            client: app,
            display_name: display_name(),
            here: true,
        });
    }
    trail.ok(Step::ServicePrincipal);

    let Some(resource) = resource else {
        return Err(Refusal::ResourceUnknown {
            requested: loggable_target(requested).map(str::to_owned),
            tenant: facts.tenant.display_name.clone(),
        });
    };
    if resource.disabled {
        return Err(Refusal::ResourceDisabled {
            resource: resource.app_id,
            display_name: resource.display_name.clone(),
        });
    }
    trail.ok(Step::Resource);

    if resource.assignment_required && !resource.assigned {
        return Err(Refusal::AssignmentRequired {
            client: app,
            resource: resource.app_id,
            display_name: resource.display_name.clone(),
        });
    }
    if resource.assignment_required {
        trail.ok(Step::Assignment);
    } else {
        trail.skipped(Step::Assignment);
    }
    Ok(Issuance {
        tenant: facts.tenant.id,
        client: app,
        method: client.method(),
        subject: principal.id,
        resource: resource.app_id,
        v1_audience: &resource.v1_audience,
        version: resource.version,
        alg: resource.alg,
        lifetime: resource.lifetime,
        longest: None,
        roles: &resource.roles,
        claims: &resource.claims,
        handles_challenges: false,
    })
}
