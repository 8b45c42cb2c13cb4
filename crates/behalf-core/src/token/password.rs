//! A user's password, given to the application instead of to us (RFC 6749 4.3, protocol 8.6). Off
//! unless the tenant and the application allow it, and never enough for a user with a second factor.

use crate::{
    event::{Step, Trail},
    id::{FamilyId, ObjectId, TicketId},
    tenant::Tenant,
    ticket::{Counters, Origin, SignIn},
    token::{Delegating, Echo, GrantRefusal, IdentifiedClient, Refusal, UserIssuance, root::Root},
};

/// A sign-in by password: to be made only where the password was just compared.
#[derive(Debug, Clone)]
pub struct PasswordSignIn {
    /// Whose password it was.
    pub user: ObjectId,
    /// His counters when it was compared.
    pub counters: Counters,
    /// How he signed in: by it alone.
    pub sign_in: SignIn,
    /// Becomes the family of all that is redeemed for it.
    pub family: FamilyId,
}

/// Whether `tenant` allows the grant to any application (CC-17). Asked before the client is looked
/// up.
pub fn offered(tenant: &Tenant, trail: &mut Trail) -> Result<(), Refusal> {
    allowed(tenant.users.password_grant, trail)
}

/// Whether the client is allowed it too (CC-17). Asked once it has proved who it is.
pub fn permitted(client: &IdentifiedClient<'_>, trail: &mut Trail) -> Result<(), Refusal> {
    allowed(client.facts().settings.password_grant, trail)
}

fn allowed(allowed: bool, trail: &mut Trail) -> Result<(), Refusal> {
    if allowed {
        return Ok(());
    }
    trail.failed(Step::Grant);
    Err(GrantRefusal::PasswordGrantOff.into())
}

/// Decides. `id` becomes the refresh token's.
pub fn decide<'f>(
    signed: PasswordSignIn,
    on: &Delegating<'f, '_>,
    id: TicketId,
    trail: &mut Trail,
) -> Result<UserIssuance<'f>, Refusal> {
    check(signed, on, id, trail).inspect_err(|refusal| trail.failed(refusal.step()))
}

fn check<'f>(
    signed: PasswordSignIn,
    on: &Delegating<'f, '_>,
    id: TicketId,
    trail: &mut Trail,
) -> Result<UserIssuance<'f>, Refusal> {
    let user = on.living_user(signed.user)?;
    if user.totp.is_some() {
        return Err(GrantRefusal::SecondFactorUnasked.into());
    }
    let root = Root {
        user: signed.user,
        counters: signed.counters,
        client: None,
        spa: false,
        sign_in: signed.sign_in,
        echo: Echo::default(),
        family: signed.family,
        requested: on.target.to_remember(),
        origin: Origin::Password,
    };
    on.first(root, id, trail)
}
