//! A sign-in becomes tokens for the first time: by a code, a device code or a password. All that
//! follows from it is of its family.

use crate::{
    event::{Step, Trail},
    id::{FamilyId, ObjectId, TicketId},
    ticket::{Chain, Counters, Origin, RefreshTicket, Requested, SignIn, Span},
    token::{Delegating, Echo, GrantRefusal, Refusal, UserIssuance, delegated::Provenance},
};

/// What was agreed on when the user signed in, and who everybody was then.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) user: ObjectId,
    /// The user's and the tenant's counters at the sign-in.
    pub(super) counters: Counters,
    /// The client's service principal and its counter at the sign-in; `None`: it asks right now.
    pub(super) client: Option<(ObjectId, u32)>,
    /// A single-page application.
    pub(super) spa: bool,
    pub(super) sign_in: SignIn,
    pub(super) echo: Echo,
    pub(super) family: FamilyId,
    pub(super) requested: Requested,
    pub(super) origin: Origin,
}

impl<'f> Delegating<'f, '_> {
    /// The tokens of a sign-in, with a refresh token of this id where one is wanted: user, client,
    /// resource, assignment, consent and policy, in this order.
    pub(super) fn first(
        &self,
        root: Root,
        id: TicketId,
        trail: &mut Trail,
    ) -> Result<UserIssuance<'f>, Refusal> {
        let user = self.living_user(root.user)?;
        let password_based = root.sign_in.password_based();
        let counters = self.counters(user);
        root.counters.still_equal(counters, password_based).map_err(GrantRefusal::Revoked)?;
        trail.ok(Step::User);
        let principal = self.living_client()?;
        if root.client.is_some_and(|then| then != (principal.id, principal.revision)) {
            return Err(GrantRefusal::FamilyEnded.into());
        }
        trail.ok(Step::ServicePrincipal);
        let delegated = self.authorised(user, &root.sign_in, trail)?;
        let policy = &self.client.facts().tenant.users;
        let span = Span::of_root(self.now, policy, root.spa);
        let from = Provenance {
            sign_in: root.sign_in.clone(),
            family: root.family,
            absolute: span.absolute,
            through: Chain::default(),
            echo: root.echo,
        };
        let mut issuance = self.issuance(delegated, principal, from)?;
        if self.wants_refresh_token() {
            issuance.refresh = Some(RefreshTicket {
                id,
                span,
                family: root.family,
                user: user.id,
                counters,
                password_based,
                client: self.binding(principal, root.spa),
                sign_in: root.sign_in,
                requested: root.requested,
                origin: root.origin,
                chain: Chain::default(),
                confirmation: None,
            });
        }
        Ok(issuance)
    }
}
