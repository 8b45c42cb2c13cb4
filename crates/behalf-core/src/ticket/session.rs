//! A session's claims: the cookie of a browser whose user signed in.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    Counters, Purpose, SignIn, TicketClaims,
    sign_in::AuthenticationMethod,
    wire::{self, Version},
};
use crate::{
    id::{ObjectId, SessionId},
    time::Timestamp,
};

/// What a session's cookie says. It cannot be taken back from a thief, so signing out is a row
/// that is kept until [`Self::expires`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct SessionTicket {
    /// When it was issued: by the sign-in, or later when it was renewed.
    pub issued: Timestamp,
    /// Its absolute end.
    pub expires: Timestamp,
    /// Who signed in; his home is the tenant the session is sealed for.
    pub user: ObjectId,
    /// His and the tenant's counters.
    pub counters: Counters,
    /// How he signed in; its `session` is this one.
    pub sign_in: SignIn,
}

impl TicketClaims for SessionTicket {
    const PURPOSE: Purpose = Purpose::Session;

    fn issued(&self) -> Timestamp {
        self.issued
    }
}

/// The members as they are sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: Version,
    #[serde(with = "wire::id")]
    sid: SessionId,
    #[serde(with = "wire::seconds")]
    iat: Timestamp,
    #[serde(with = "wire::seconds")]
    exp: Timestamp,
    #[serde(with = "wire::id")]
    sub: ObjectId,
    urev: u32,
    prev: u32,
    trev: u32,
    amr: Vec<AuthenticationMethod>,
    acr: String,
    #[serde(with = "wire::seconds")]
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
}

impl From<SessionTicket> for Wire {
    fn from(session: SessionTicket) -> Self {
        Self {
            v: Version,
            sid: session.sign_in.session,
            iat: session.issued,
            exp: session.expires,
            sub: session.user,
            urev: session.counters.user,
            prev: session.counters.password,
            trev: session.counters.tenant,
            amr: session.sign_in.methods,
            acr: session.sign_in.acr,
            at: session.sign_in.time,
            ip: session.sign_in.address,
        }
    }
}

impl From<Wire> for SessionTicket {
    fn from(wire: Wire) -> Self {
        Self {
            issued: wire.iat,
            expires: wire.exp,
            user: wire.sub,
            counters: Counters { user: wire.urev, password: wire.prev, tenant: wire.trev },
            sign_in: SignIn {
                methods: wire.amr,
                acr: wire.acr,
                time: wire.at,
                address: wire.ip,
                session: wire.sid,
            },
        }
    }
}
