//! Taking consent back.

use crate::{
    access::{Permit, Reach, RevokeConsent},
    grant::{GrantedFor, PermissionGrant},
};

/// Those of `grants` that the permit reaches: a user's own, or every one of the tenant. A user
/// cannot undo what an administrator granted for everyone (protocol 6.6).
pub fn revocable<'a>(
    permit: &'a Permit<RevokeConsent>,
    grants: impl IntoIterator<Item = &'a PermissionGrant>,
) -> impl Iterator<Item = &'a PermissionGrant> {
    let deed = permit.deed();
    grants.into_iter().filter(move |grant| {
        grant.tenant == deed.tenant
            && match deed.reach {
                Reach::Everything => true,
                Reach::Own(user) => grant.granted_for == GrantedFor::User(user),
            }
    })
}
