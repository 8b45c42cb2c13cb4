//! The order in which a refresh token is judged (tickets.md 4), as types: each check takes the
//! proof of the one before, and only the last gives what renewing needs.

use std::marker::PhantomData;

use super::{
    Counters, Family, Opened, Outdated, RefreshTicket, Rotation, Span, refresh::ClientClass, rotate,
};
use crate::{
    id::{AppId, TenantId, TicketId},
    tenant::Tenant,
    time::Timestamp,
    token::ClientPrincipal,
    user::User,
};

/// Opened, and nothing else.
#[derive(Debug)]
pub struct Unchecked;
/// Its client's.
#[derive(Debug)]
pub struct Bound;
/// Presented where it belongs.
#[derive(Debug)]
pub struct InTenant;
/// Not over.
#[derive(Debug)]
pub struct Unexpired;
/// Its user may have it still.
#[derive(Debug)]
pub struct UserStands;
/// Its client may have it still.
#[derive(Debug)]
pub struct ClientStands;
/// Its family lives: all that can be said without asking for a target.
#[derive(Debug)]
pub struct Alive;

/// A refresh token on its way through the checks: it has passed those up to `Stage`.
#[derive(Debug)]
pub struct Redemption<Stage> {
    ticket: RefreshTicket,
    tenant: TenantId,
    stage: PhantomData<Stage>,
}

/// Who presents a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presenter {
    /// `client_id`.
    pub app_id: AppId,
    /// It authenticated in this request. A client that may not go without, because it is
    /// confidential today, never gets here without.
    pub authenticated: bool,
}

/// Whether a family was ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It lives.
    Live,
    /// Reuse, replay or revocation ended it.
    Ended,
}

/// Why a refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// Another client's (70000).
    #[error("the refresh token was issued to another client")]
    OtherClient,
    /// Issued to a client that authenticated, which this one did not (70000).
    #[error("the refresh token was issued to a client that authenticated itself")]
    AuthenticationMissing,
    /// Issued to a public client, which has become confidential (70000).
    #[error("the refresh token was issued while the client was public")]
    TurnedConfidential,
    /// At another tenant's endpoint (50020).
    #[error("the refresh token's user does not exist in this tenant")]
    OtherTenant,
    /// Not used for too long (700082).
    #[error("the refresh token was not used for {} days", super::REFRESH_IDLE.as_secs() / 86_400)]
    Idle {
        /// When it was issued.
        issued: Timestamp,
        /// When it ended.
        expired: Timestamp,
    },
    /// Past the tenant's cap (700081).
    #[error("the refresh token has reached the age that the tenant allows")]
    TooOld {
        /// When it ended.
        expired: Timestamp,
    },
    /// Past a single-page application's day (700084).
    #[error("the refresh token was issued to a single-page application and ends after 24 hours")]
    SpaTooOld {
        /// When it ended.
        expired: Timestamp,
    },
    /// The user was deleted (50034).
    #[error("the user does not exist any more")]
    UserUnknown,
    /// The user is disabled (50057).
    #[error("the user is disabled")]
    UserDisabled,
    /// Revoked for the user (50173).
    #[error(transparent)]
    Outdated(#[from] Outdated),
    /// The service principal is gone, or is another (700016).
    #[error("the client's service principal was deleted since")]
    ClientGone,
    /// The application or its service principal is disabled (7000112).
    #[error("the client is disabled")]
    ClientDisabled,
    /// Revoked for the client (50173).
    #[error("everything the client was given has been revoked since")]
    ClientRevoked,
    /// The family was ended (50173, `bad_token`).
    #[error("the refresh token was revoked with everything that stems from the same sign-in")]
    FamilyEnded,
}

type Checked<Stage> = Result<Redemption<Stage>, RefreshRefusal>;

impl<Stage> Redemption<Stage> {
    /// What the token says.
    pub fn ticket(&self) -> &RefreshTicket {
        &self.ticket
    }

    /// The user's tenant.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn or<Next>(self, refusal: Option<RefreshRefusal>) -> Checked<Next> {
        let Self { ticket, tenant, .. } = self;
        refusal.map_or(Ok(Redemption { ticket, tenant, stage: PhantomData }), Err)
    }
}

impl Redemption<Unchecked> {
    /// Begins with a token that opened.
    pub fn of(opened: Opened<RefreshTicket>) -> Self {
        let tenant = opened.tenant();
        Self { ticket: opened.into_claims(), tenant, stage: PhantomData }
    }

    /// A token is its client's alone, and its client must show itself as it did then: one issued
    /// to an authenticated client needs authentication whatever the app is today, one issued to a
    /// public client dies when the app turns confidential.
    pub fn presented_by(self, presenter: Presenter) -> Checked<Bound> {
        let public = matches!(self.ticket.client.class, ClientClass::Public { .. });
        let refusal = if presenter.app_id != self.ticket.client.app_id {
            Some(RefreshRefusal::OtherClient)
        } else if public && presenter.authenticated {
            Some(RefreshRefusal::TurnedConfidential)
        } else if !public && !presenter.authenticated {
            Some(RefreshRefusal::AuthenticationMissing)
        } else {
            None
        };
        self.or(refusal)
    }
}

impl Redemption<Bound> {
    /// The tenant that the path named must be the user's home; `None` for `common` and the like,
    /// which follow the token.
    pub fn in_tenant(self, named: Option<TenantId>) -> Checked<InTenant> {
        let other = named.is_some_and(|named| named != self.tenant);
        self.or(other.then_some(RefreshRefusal::OtherTenant))
    }
}

impl Redemption<InTenant> {
    /// Neither unused for too long nor too old.
    pub fn unexpired(self, now: Timestamp) -> Checked<Unexpired> {
        let Span { issued, expires, absolute } = self.ticket.span;
        let refusal = match absolute {
            _ if now >= expires => Some(RefreshRefusal::Idle { issued, expired: expires }),
            Some(expired) if now >= expired => Some(if self.ticket.client.spa {
                RefreshRefusal::SpaTooOld { expired }
            } else {
                RefreshRefusal::TooOld { expired }
            }),
            _ => None,
        };
        self.or(refusal)
    }
}

impl Redemption<Unexpired> {
    /// The user is there, enabled, and nothing of what he was given was revoked since.
    pub fn user_stands(self, user: Option<&User>, tenant: &Tenant) -> Checked<UserStands> {
        let ticket = &self.ticket;
        let own = user.filter(|user| user.id == ticket.user && user.tenant == self.tenant);
        let public = ticket.client.class.generation().is_some();
        let refusal = match own {
            None => Some(RefreshRefusal::UserUnknown),
            Some(user) if user.disabled => Some(RefreshRefusal::UserDisabled),
            Some(user) => ticket
                .counters
                .still_equal(Counters::of(user, tenant), ticket.password_based && public)
                .err()
                .map(RefreshRefusal::Outdated),
        };
        self.or(refusal)
    }
}

impl Redemption<UserStands> {
    /// The client's application (`disabled`: it or its home tenant is) and service principal are
    /// there, enabled, the same as then, and not revoked since.
    pub fn client_stands(
        self,
        principal: Option<&ClientPrincipal>,
        disabled: bool,
    ) -> Checked<ClientStands> {
        let client = self.ticket.client;
        let refusal = match principal {
            _ if disabled => Some(RefreshRefusal::ClientDisabled),
            Some(principal) if principal.disabled => Some(RefreshRefusal::ClientDisabled),
            Some(principal) if principal.id == client.service_principal => {
                (principal.revision != client.revision).then_some(RefreshRefusal::ClientRevoked)
            }
            _ => Some(RefreshRefusal::ClientGone),
        };
        self.or(refusal)
    }
}

impl Redemption<ClientStands> {
    /// The family was not ended.
    pub fn family_lives(self, family: Standing) -> Checked<Alive> {
        self.or((family == Standing::Ended).then_some(RefreshRefusal::FamilyEnded))
    }
}

/// What takes a redeemed token's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// This, with nothing to write: of a client that authenticates, or the same successor again.
    Ready(RefreshTicket),
    /// This, once `family` is written in place of what was found.
    AfterWriting {
        /// The successor.
        ticket: RefreshTicket,
        /// What to write.
        family: Family,
    },
    /// Nothing: the token had a successor already. End the family.
    Reuse,
    /// Nothing: the store knows less than the token. End the family and raise an alarm.
    Ahead,
}

impl Redemption<Alive> {
    /// The last step before issue: what takes the token's place, given the row of its family as it
    /// was `found` (clients that authenticate have none).
    pub fn renew(&self, found: Option<&Family>, id: TicketId, now: Timestamp) -> Renewal {
        let Some(generation) = self.ticket.client.class.generation() else {
            return Renewal::Ready(self.successor(id, None, now));
        };
        match rotate(found, generation, now) {
            Rotation::Issue { generation, issued } => {
                let ticket = self.successor(id, Some(generation), issued);
                let expires = ticket.span.ends().max(self.ticket.span.ends());
                let family = Family { generation, since: issued, expires };
                Renewal::AfterWriting { ticket, family }
            }
            Rotation::Repeat { generation, issued } => {
                Renewal::Ready(self.successor(id, Some(generation), issued))
            }
            Rotation::Reuse => Renewal::Reuse,
            Rotation::Ahead => Renewal::Ahead,
        }
    }

    fn successor(&self, id: TicketId, generation: Option<u32>, issued: Timestamp) -> RefreshTicket {
        let mut ticket = self.ticket.clone();
        ticket.id = id;
        ticket.span = Span::within(issued, ticket.span.absolute);
        if let Some(generation) = generation {
            ticket.client.class = ClientClass::Public { generation };
        }
        ticket
    }
}
