//! Tickets whose content belongs to another room: pending sign-ins, consent lists, form tokens,
//! cursors.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Opened, Purpose, Span, TicketClaims,
    wire::{self, Version},
};
use crate::{id::TicketId, time::Timestamp};

/// A content that can be sealed: its own type, so that none is read as another. Of
/// [`Purpose::Flow`], [`Purpose::Consent`], [`Purpose::Csrf`] or [`Purpose::Cursor`], one type each.
pub trait Body: Serialize + DeserializeOwned {
    /// What it is for.
    const PURPOSE: Purpose;
}

/// A content with its id and life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Body")]
pub struct Sheet<T> {
    v: Version,
    #[serde(with = "wire::id")]
    jti: TicketId,
    #[serde(with = "wire::seconds")]
    iat: Timestamp,
    #[serde(with = "wire::seconds")]
    exp: Timestamp,
    #[serde(rename = "b")]
    body: T,
}

impl<T: Body> Sheet<T> {
    /// A sheet that lasts `span`.
    pub fn new(id: TicketId, span: Span, body: T) -> Self {
        Self { v: Version, jti: id, iat: span.issued, exp: span.ends(), body }
    }

    /// Its id: what is recorded when it may be used only once.
    pub fn id(&self) -> TicketId {
        self.jti
    }

    /// When it ends.
    pub fn expires(&self) -> Timestamp {
        self.exp
    }
}

/// A sheet that waited too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page waited for too long; begin again")]
pub struct Expired;

impl<T: Body> Opened<Sheet<T>> {
    /// The content, if it is not over.
    pub fn body(&self, now: Timestamp) -> Result<&T, Expired> {
        let sheet = self.claims();
        if now < sheet.exp { Ok(&sheet.body) } else { Err(Expired) }
    }
}

impl<T: Body> TicketClaims for Sheet<T> {
    const PURPOSE: Purpose = T::PURPOSE;

    fn issued(&self) -> Timestamp {
        self.iat
    }
}
