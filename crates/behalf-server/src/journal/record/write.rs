//! From an event to its bytes.

use std::net::IpAddr;

use behalf_core::{
    application::{TokenVersion, credential::Method},
    event::{ClientRef, Outcome, SignInEvent, TEXT_MAX, Trail},
    id::RequestId,
    ticket::CHAIN_MAX,
    time::Timestamp,
};
use uuid::Uuid;

use super::{CUT, GAP, MAX, SIGN_IN, TALLY, USER_VERSION, VERSION};
use crate::journal::{encoded::Encoded, gap::Gap, tally::Tally};

/// The most a resource may take, so that there is room for why it was refused.
const RESOURCE_MAX: usize = 200;

/// The most that the methods of a sign-in take: each at most once, three letters and a blank.
const METHODS_MAX: usize = 64;

/// Encodes an event. Texts that do not fit are cut, never the rest.
pub fn encode(event: &SignInEvent) -> Encoded {
    let version = if event.user.is_some() { USER_VERSION } else { VERSION };
    let mut out = Writer(Encoded::starting([version, SIGN_IN]));
    out.id(event.id.0);
    out.id(event.tenant.0);
    out.id(event.correlation);
    out.client(event.client);
    out.0.put(&event.time.0.to_le_bytes());
    out.0.put(&[event.grant as u8, event.endpoint as u8]);
    out.address(event.address);
    match &event.credential {
        None => out.0.put(&[0]),
        Some((method, id)) => {
            out.0.put(&[match method {
                Method::Secret => 1,
                Method::Certificate => 2,
            }]);
            out.id(id.0);
        }
    }
    out.trail(&event.trail);
    let hops = &event.chain[..event.chain.len().min(CHAIN_MAX)];
    if let Some(user) = event.user {
        out.id(user.0);
        out.0.put(&[u8::try_from(hops.len()).unwrap_or(0)]);
        for hop in hops {
            out.id(hop.0);
        }
    }
    match event.resource_app {
        None => out.0.put(&[0]),
        Some(app) => {
            out.0.put(&[1]);
            out.id(app.0);
        }
    }
    match &event.resource {
        None => out.0.put(&[0]),
        Some(resource) => {
            out.0.put(&[1]);
            out.text(resource, RESOURCE_MAX - 16 * hops.len());
        }
    }
    out.outcome(&event.outcome);
    out.0
}

/// Encodes a count of requests that were turned away.
pub fn encode_tally(tally: &Tally) -> Encoded {
    let mut out = Writer::of_nobody(TALLY, tally.id, tally.time);
    out.0.put(&[tally.kind as u8]);
    out.address(tally.address);
    out.0.put(&tally.count.to_le_bytes());
    out.0
}

/// Encodes a record of lost rows.
pub fn encode_gap(gap: &Gap) -> Encoded {
    let mut out = Writer::of_nobody(GAP, gap.id, gap.time);
    out.0.put(&gap.first.to_le_bytes());
    out.0.put(&gap.last.to_le_bytes());
    out.0
}

/// Cuts `text` to `max` bytes at a character boundary; says whether anything was lost.
fn cut(text: &str, max: usize) -> (&str, bool) {
    if text.len() <= max {
        return (text, false);
    }
    let mut end = max.saturating_sub(CUT.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], true)
}

struct Writer(Encoded);

impl Writer {
    /// A row of this kind that no tenant's request is behind.
    fn of_nobody(kind: u8, id: RequestId, time: Timestamp) -> Self {
        let mut out = Self(Encoded::starting([VERSION, kind]));
        out.id(id.0);
        out.id(Uuid::nil());
        out.id(Uuid::nil());
        out.client(ClientRef::Absent);
        out.0.put(&time.0.to_le_bytes());
        out
    }

    fn room(&self) -> usize {
        MAX.saturating_sub(self.0.len())
    }

    fn id(&mut self, id: Uuid) {
        self.0.put(id.as_bytes());
    }

    fn client(&mut self, client: ClientRef) {
        let (kind, mut bytes) = match client {
            ClientRef::Absent => (0, [0; 16]),
            ClientRef::Malformed(_) => (1, [0; 16]),
            ClientRef::Id(app) => (2, app.bytes()),
        };
        if let ClientRef::Malformed(length) = client {
            bytes[..4].copy_from_slice(&length.to_le_bytes());
        }
        self.0.put(&[kind]);
        self.0.put(&bytes);
    }

    fn address(&mut self, address: Option<IpAddr>) {
        match address {
            None => self.0.put(&[0]),
            Some(IpAddr::V4(v4)) => {
                self.0.put(&[4]);
                self.0.put(&v4.octets());
            }
            Some(IpAddr::V6(v6)) => {
                self.0.put(&[6]);
                self.0.put(&v6.octets());
            }
        }
    }

    fn trail(&mut self, trail: &Trail) {
        let at = self.0.len();
        self.0.put(&[0]);
        for (step, mark) in trail.steps() {
            self.0.put(&[(step as u8) << 2 | mark as u8]);
        }
        self.0.set(at, u8::try_from(self.0.len() - at - 1).unwrap_or(0));
    }

    /// A text of at most `max` bytes (≤ 256), cut to that and to the room left.
    fn text(&mut self, text: &str, max: usize) {
        let (kept, lost) = cut(text, max.min(TEXT_MAX).min(self.room().saturating_sub(2)));
        let tail = if lost { CUT } else { "" };
        let length = u16::try_from(kept.len() + tail.len()).unwrap_or(0);
        self.0.put(&length.to_le_bytes());
        self.0.put(kept.as_bytes());
        self.0.put(tail.as_bytes());
    }

    fn outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Issued { kid, version, expires, roles } => {
                let version = match version {
                    TokenVersion::V1 => 1,
                    TokenVersion::V2 => 2,
                };
                self.0.put(&[1, version]);
                self.0.put(&expires.to_le_bytes());
                self.text(kid, 64);
                self.roles(roles);
            }
            Outcome::SignedIn { methods } => {
                self.0.put(&[3]);
                let words: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
                self.text(&words.join(" "), METHODS_MAX);
            }
            Outcome::Revoked => self.0.put(&[4]),
            Outcome::Refused { code, found, expected } => {
                self.0.put(&[2]);
                self.0.put(&code.to_le_bytes());
                // Both have half of what is left; what one leaves, the other may use.
                let room = self.room().saturating_sub(4).min(TEXT_MAX);
                let first = found.len().min((room / 2).max(room.saturating_sub(expected.len())));
                self.text(found, first);
                self.text(expected, room.saturating_sub(first));
            }
        }
    }

    fn roles(&mut self, roles: &[String]) {
        let at = self.0.len();
        self.0.put(&[0]);
        let mut count = 0_u8;
        let mut left = roles.iter().peekable();
        while let Some(role) = left.next() {
            let reserve = if left.peek().is_some() { 2 + CUT.len() } else { 0 };
            if role.len() > TEXT_MAX || role.len() + 2 + reserve > self.room() || count == 254 {
                self.text(CUT, CUT.len());
                count += 1;
                break;
            }
            self.text(role, TEXT_MAX);
            count += 1;
        }
        self.0.set(at, count);
    }
}
