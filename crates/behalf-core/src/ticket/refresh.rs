//! A refresh token's claims (tickets.md 3).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    Chain, Counters, Purpose, SignIn, Span, TicketClaims,
    sign_in::AuthenticationMethod,
    wire::{self, Version},
};
use crate::{
    id::{AppId, FamilyId, ObjectId, SessionId, TicketId},
    time::Timestamp,
};

/// What a refresh token says: who and until when, never what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct RefreshTicket {
    /// `jti`.
    pub id: TicketId,
    /// `iat`, `exp`, `abs`.
    pub span: Span,
    /// `fam`.
    pub family: FamilyId,
    /// `sub`; his home is the tenant the ticket is sealed for.
    pub user: ObjectId,
    /// `urev`, `prev`, `trev`.
    pub counters: Counters,
    /// `pw`.
    pub password_based: bool,
    /// Whose it is.
    pub client: ClientBinding,
    /// `amr`, `acr`, `at`, `ip`, `sid`.
    pub sign_in: SignIn,
    /// What is meant when a refresh names nothing.
    pub requested: Requested,
    /// `org`.
    pub origin: Origin,
    /// `act`: through whom the user came to this client; empty unless on behalf of.
    pub chain: Chain,
    /// `cnf`: the thumbprint of the key it is bound to.
    pub confirmation: Option<String>,
}

/// The client that a ticket is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientBinding {
    /// `cid`.
    pub app_id: AppId,
    /// `csp`: deleted and made anew it has another id.
    pub service_principal: ObjectId,
    /// `srev`.
    pub revision: u32,
    /// `cat`.
    pub class: ClientClass,
    /// `spa`: asked for by a single-page application.
    pub spa: bool,
}

/// How the client authenticated when the ticket was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientClass {
    /// Not at all, so its tokens rotate.
    Public {
        /// `gen`: the how manieth of its family, from 0.
        generation: u32,
    },
    /// With a secret.
    Secret,
    /// With a signed assertion.
    Assertion,
}

impl ClientClass {
    /// The generation of a token that rotates.
    pub const fn generation(self) -> Option<u32> {
        match self {
            Self::Public { generation } => Some(generation),
            Self::Secret | Self::Assertion => None,
        }
    }
}

/// What was asked for, as it was spelled. Not an authorization.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Requested {
    /// `res`: the resource, as named; `None`: as the scopes say.
    pub resource: Option<String>,
    /// `scp`: scopes of resources, as named.
    pub scopes: Vec<String>,
    /// `oi`: `openid`, `profile`, `email`, `offline_access`.
    pub openid: Vec<String>,
}

/// What the family's first refresh token was given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// An authorization code.
    #[serde(rename = "code")]
    Code,
    /// A device code.
    #[serde(rename = "device")]
    Device,
    /// A password.
    #[serde(rename = "pwd")]
    Password,
    /// An access token, on behalf of its user.
    #[serde(rename = "obo")]
    OnBehalfOf,
    /// An access token, by token exchange (RFC 8693).
    #[serde(rename = "xchg")]
    TokenExchange,
}

impl TicketClaims for RefreshTicket {
    const PURPOSE: Purpose = Purpose::RefreshToken;

    fn issued(&self) -> Timestamp {
        self.span.issued
    }
}

/// The members as they are sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: Version,
    #[serde(with = "wire::id")]
    jti: TicketId,
    #[serde(with = "wire::seconds")]
    iat: Timestamp,
    #[serde(with = "wire::seconds")]
    exp: Timestamp,
    #[serde(with = "wire::seconds_or_zero")]
    abs: Option<Timestamp>,
    #[serde(with = "wire::id")]
    fam: FamilyId,
    #[serde(rename = "gen", default, skip_serializing_if = "Option::is_none")]
    generation: Option<u32>,
    #[serde(with = "wire::id")]
    sub: ObjectId,
    urev: u32,
    prev: u32,
    trev: u32,
    #[serde(with = "wire::bit")]
    pw: bool,
    #[serde(with = "wire::id")]
    cid: AppId,
    #[serde(with = "wire::id")]
    csp: ObjectId,
    srev: u32,
    cat: u8,
    #[serde(with = "wire::bit")]
    spa: bool,
    amr: Vec<AuthenticationMethod>,
    acr: String,
    #[serde(with = "wire::seconds")]
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(with = "wire::id")]
    sid: SessionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    res: Option<String>,
    #[serde(with = "wire::words", default, skip_serializing_if = "Vec::is_empty")]
    scp: Vec<String>,
    #[serde(with = "wire::words", default, skip_serializing_if = "Vec::is_empty")]
    oi: Vec<String>,
    org: Origin,
    #[serde(default, skip_serializing_if = "Chain::is_empty")]
    act: Chain,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<String>,
}

impl From<RefreshTicket> for Wire {
    fn from(ticket: RefreshTicket) -> Self {
        Self {
            v: Version,
            jti: ticket.id,
            iat: ticket.span.issued,
            exp: ticket.span.expires,
            abs: ticket.span.absolute,
            fam: ticket.family,
            generation: ticket.client.class.generation(),
            sub: ticket.user,
            urev: ticket.counters.user,
            prev: ticket.counters.password,
            trev: ticket.counters.tenant,
            pw: ticket.password_based,
            cid: ticket.client.app_id,
            csp: ticket.client.service_principal,
            srev: ticket.client.revision,
            cat: match ticket.client.class {
                ClientClass::Public { .. } => 0,
                ClientClass::Secret => 1,
                ClientClass::Assertion => 2,
            },
            spa: ticket.client.spa,
            amr: ticket.sign_in.methods,
            acr: ticket.sign_in.acr,
            at: ticket.sign_in.time,
            ip: ticket.sign_in.address,
            sid: ticket.sign_in.session,
            res: ticket.requested.resource,
            scp: ticket.requested.scopes,
            oi: ticket.requested.openid,
            org: ticket.origin,
            act: ticket.chain,
            cnf: ticket.confirmation,
        }
    }
}

/// Claims that contradict themselves.
#[derive(Debug, thiserror::Error)]
#[error("`cat` and `gen` do not go together: public clients' tokens rotate, others do not")]
struct Contradiction;

impl TryFrom<Wire> for RefreshTicket {
    type Error = Contradiction;

    fn try_from(wire: Wire) -> Result<Self, Contradiction> {
        let class = match (wire.cat, wire.generation) {
            (0, Some(generation)) => ClientClass::Public { generation },
            (1, None) => ClientClass::Secret,
            (2, None) => ClientClass::Assertion,
            _ => return Err(Contradiction),
        };
        Ok(Self {
            id: wire.jti,
            span: Span { issued: wire.iat, expires: wire.exp, absolute: wire.abs },
            family: wire.fam,
            user: wire.sub,
            counters: Counters { user: wire.urev, password: wire.prev, tenant: wire.trev },
            password_based: wire.pw,
            client: ClientBinding {
                app_id: wire.cid,
                service_principal: wire.csp,
                revision: wire.srev,
                class,
                spa: wire.spa,
            },
            sign_in: SignIn {
                methods: wire.amr,
                acr: wire.acr,
                time: wire.at,
                address: wire.ip,
                session: wire.sid,
            },
            requested: Requested { resource: wire.res, scopes: wire.scp, openid: wire.oi },
            origin: wire.org,
            chain: wire.act,
            confirmation: wire.cnf,
        })
    }
}
