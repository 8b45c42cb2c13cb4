//! A device polls for the tokens of its user (RFC 8628 3.4 and 3.5, protocol 8.5).

use behalf_protocol::{EndpointVersion, device::PollRefusal};

use crate::{
    device::{Approval, Decision, PresentedGrant},
    event::{Step, Trail},
    id::{FamilyId, ObjectId, TenantId, TicketId},
    ticket::{Origin, Requested, Standing},
    time::Timestamp,
    token::{Delegating, Echo, GrantRefusal, IdentifiedClient, Refusal, UserIssuance, root::Root},
};

/// How a device code is presented.
#[derive(Debug, Clone, Copy)]
pub struct Presentation {
    /// The tenant that the path names, or that the grant is at.
    pub tenant: TenantId,
    /// The endpoint's version.
    pub version: EndpointVersion,
    /// It asks sooner than the interval after it asked before.
    pub too_fast: bool,
    /// The client is an MSAL: those give up on `slow_down`.
    pub msal: bool,
    /// Now.
    pub now: Timestamp,
}

/// A grant that its user approved and its own client presents. Only [`admit`] makes one.
#[derive(Debug)]
pub struct ApprovedGrant {
    grant: PresentedGrant,
    approval: Approval,
    version: EndpointVersion,
}

impl ApprovedGrant {
    /// Who approved.
    pub fn user(&self) -> ObjectId {
        self.approval.user
    }

    /// The family of all that is redeemed for it.
    pub fn family(&self) -> FamilyId {
        self.grant.family()
    }

    /// What was asked for.
    pub fn requested(&self) -> &Requested {
        &self.grant.grant().requested
    }
}

/// Whether the device gets anything now: the grant is this client's, presented where it belongs, in
/// time, and its user said yes. `None`: nobody's device has this code. How fast it asks counts only
/// while it has to wait.
pub fn admit(
    found: Option<PresentedGrant>,
    client: &IdentifiedClient<'_>,
    presented: Presentation,
    trail: &mut Trail,
) -> Result<ApprovedGrant, Refusal> {
    let admitted = approved(found, client, presented, trail)
        .inspect_err(|refusal| trail.failed(refusal.step()))?;
    trail.ok(Step::Presented);
    Ok(admitted)
}

fn approved(
    found: Option<PresentedGrant>,
    client: &IdentifiedClient<'_>,
    presented: Presentation,
    trail: &mut Trail,
) -> Result<ApprovedGrant, Refusal> {
    let Presentation { tenant, version, too_fast, msal, now } = presented;
    let refused = |cause| Err(GrantRefusal::Device { cause, version }.into());
    let mine = |found: &PresentedGrant| {
        found.grant().client == client.facts().app_id && found.place() == tenant
    };
    let Some(found) = found.filter(mine) else { return refused(PollRefusal::Unknown) };
    if found.grant().confidential {
        client.confidential()?;
    }
    if now >= found.grant().expires {
        return refused(PollRefusal::Expired);
    }
    let approval = match &found.grant().decision {
        Decision::Waiting if too_fast => return refused(PollRefusal::TooFast { msal }),
        Decision::Waiting => {
            trail.ok(Step::Presented);
            return refused(PollRefusal::Pending);
        }
        Decision::Declined => {
            trail.ok(Step::Presented);
            return refused(PollRefusal::Declined);
        }
        Decision::Approved(approval) => Approval::clone(approval),
    };
    Ok(ApprovedGrant { grant: found, approval, version })
}

/// Everything but the last step: the grant must still be taken away, last before anything is
/// issued, so that of many polls at once one gets the tokens.
#[derive(Debug)]
pub struct Redeemable<'f> {
    version: EndpointVersion,
    issuance: UserIssuance<'f>,
}

impl<'f> Redeemable<'f> {
    /// Taken, by this very request.
    pub fn taken(self, trail: &mut Trail) -> UserIssuance<'f> {
        trail.ok(Step::SingleUse);
        self.issuance
    }

    /// Another poll was faster.
    pub fn gone(self, trail: &mut Trail) -> Refusal {
        trail.failed(Step::SingleUse);
        GrantRefusal::Device { cause: PollRefusal::Unknown, version: self.version }.into()
    }
}

/// Decides, up to the redemption. `id` becomes the refresh token's.
pub fn decide<'f>(
    approved: ApprovedGrant,
    on: &Delegating<'f, '_>,
    family: Standing,
    id: TicketId,
    trail: &mut Trail,
) -> Result<Redeemable<'f>, Refusal> {
    check(approved, on, family, id, trail).inspect_err(|refusal| trail.failed(refusal.step()))
}

fn check<'f>(
    approved: ApprovedGrant,
    on: &Delegating<'f, '_>,
    family: Standing,
    id: TicketId,
    trail: &mut Trail,
) -> Result<Redeemable<'f>, Refusal> {
    if family == Standing::Ended {
        return Err(GrantRefusal::FamilyEnded.into());
    }
    let ApprovedGrant { grant, approval, version } = approved;
    let root = Root {
        user: approval.user,
        counters: approval.counters,
        client: Some((approval.service_principal, approval.revision)),
        spa: false,
        sign_in: approval.sign_in,
        echo: Echo::default(),
        family: grant.family(),
        requested: grant.grant().requested.clone(),
        origin: Origin::Device,
    };
    let issuance = on.first(root, id, trail)?;
    Ok(Redeemable { version, issuance })
}
