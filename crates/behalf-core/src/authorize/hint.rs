//! An ID token that a client brings back to say whose session it means (`id_token_hint`).

use behalf_protocol::claims::{PresentedKind, PresentedToken};

use super::Account;
use crate::{
    id::{AppId, TenantId, parse_guid},
    pairwise::PairwiseKey,
    token::presented_token::{TokenCheck, is_ours, signed},
};

/// An ID token of this server. Only [`IdTokenHint::read`] makes one.
#[derive(Debug)]
pub struct IdTokenHint {
    claims: PresentedToken,
    client: AppId,
}

impl IdTokenHint {
    /// Reads a hint: signed by this server for the tenant that it names. It may be over
    /// (RP-Initiated Logout 1.0 section 2). `None` for anything else, access tokens among it.
    pub fn read(text: &str, check: &TokenCheck<'_>) -> Option<Self> {
        let claims = signed(text, check).ok()?;
        let of_client = claims.client().is_none() && claims.scp.is_none();
        if !of_client
            || claims.kind() != PresentedKind::IdToken
            || !is_ours(&claims, TenantId(claims.tid), check.bases)
        {
            return None;
        }
        let client = AppId(parse_guid(&claims.aud).ok()?);
        Some(Self { claims, client })
    }

    /// The tenant of its user.
    pub fn tenant(&self) -> TenantId {
        TenantId(self.claims.tid)
    }

    /// The client that it was issued to.
    pub fn client(&self) -> AppId {
        self.client
    }

    /// Whether this is whom it is about: the user, and the session where it names one.
    pub fn means(&self, account: &Account, pairwise: &PairwiseKey) -> bool {
        let Account { user, sign_in, .. } = account;
        let subject = || pairwise.subject(user.tenant, user.id, self.client);
        user.tenant == self.tenant()
            && self.claims.oid.is_none_or(|oid| oid == user.id.0)
            && self.claims.sid.is_none_or(|sid| sid == sign_in.session.0)
            && self.claims.sub == subject()
    }
}
