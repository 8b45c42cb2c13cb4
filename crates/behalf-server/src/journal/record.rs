//! How one row of the journal is written: compact, versioned, at most 512 bytes.
//!
//! ```text
//! 0  version (1 | 2)  18  tenant, 16          50  client kind: 0 absent, 1 malformed, 2 id
//! 1  kind (1 | 2 | 3) 34  correlation, 16     51  client id, 16 (malformed: its length, u32)
//! 2  request id, 16                           67  the rest, in order, lengths before texts
//! ```
//!
//! What queries filter by has a fixed place, so that a scan need not decode. Numbers are little
//! endian. Version 2 has the user and whom he came through behind the checks, and is written only of
//! requests with a user. Outcomes are numbered: 1 issued, 2 refused, 3 signed in, 4 revoked. The time
//! comes first behind the client. A reader skips what it does not know (a newer version, a newer
//! grant) and counts it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use behalf_core::{
    application::{TokenVersion, credential::Method},
    event::{ClientRef, Endpoint, Grant, Mark, Outcome, SignInEvent, Step, TEXT_MAX, Trail},
    id::{AppId, CredentialId, ObjectId, RequestId, TenantId},
    ticket::{AuthenticationMethod, CHAIN_MAX},
    time::Timestamp,
};
use uuid::Uuid;

use super::{
    encoded::Encoded,
    gap::Gap,
    tally::{Shed, Tally},
};

/// The longest record, in bytes.
pub const MAX: usize = 512;
/// What a list or text that was cut ends with.
pub const CUT: &str = "…";

const VERSION: u8 = 1;
/// With a user.
const USER_VERSION: u8 = 2;
const SIGN_IN: u8 = 1;
const TALLY: u8 = 2;
const GAP: u8 = 3;
/// The most a resource may take, so that there is room for why it was refused.
const RESOURCE_MAX: usize = 200;

/// The most that the methods of a sign-in take: each at most once, three letters and a blank.
const METHODS_MAX: usize = 64;

/// One row, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A request that reached a decision.
    SignIn(Box<SignInEvent>),
    /// Requests that were turned away before one, counted.
    Tally(Tally),
    /// Rows that were lost before they were shipped.
    Gap(Gap),
}

impl Record {
    /// The request's id, or the row's own.
    pub fn id(&self) -> RequestId {
        match self {
            Self::SignIn(event) => event.id,
            Self::Tally(tally) => tally.id,
            Self::Gap(gap) => gap.id,
        }
    }

    /// When it was decided, counted or noticed.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::SignIn(event) => event.time,
            Self::Tally(tally) => tally.time,
            Self::Gap(gap) => gap.time,
        }
    }
}

/// Why bytes are no record that this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a later version of behalf.
    #[error("the record is of a newer format than this version of behalf reads; upgrade to see it")]
    Newer,
    /// Not what was written.
    #[error("the record is damaged: it ends early or holds an impossible value")]
    Damaged,
}

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
pub(super) fn encode_gap(gap: &Gap) -> Encoded {
    let mut out = Writer::of_nobody(GAP, gap.id, gap.time);
    out.0.put(&gap.first.to_le_bytes());
    out.0.put(&gap.last.to_le_bytes());
    out.0
}

/// Decodes a row.
pub fn decode(bytes: &[u8]) -> Result<Record, RecordError> {
    match bytes.first() {
        None | Some(0) => return Err(RecordError::Damaged),
        Some(&(VERSION | USER_VERSION)) => {}
        Some(_) => return Err(RecordError::Newer),
    }
    let mut input = Reader(bytes.get(1..).unwrap_or_default());
    let record = match input.byte()? {
        SIGN_IN => Record::SignIn(Box::new(input.sign_in(bytes[0] == USER_VERSION)?)),
        TALLY => Record::Tally(input.tally()?),
        GAP => Record::Gap(input.gap()?),
        _ => return Err(RecordError::Newer),
    };
    if input.0.is_empty() { Ok(record) } else { Err(RecordError::Damaged) }
}

/// The fixed fields of a record, by which queries filter without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// The request's id.
    pub id: RequestId,
    /// The tenant; nil when none was found.
    pub tenant: TenantId,
    /// The correlation id.
    pub correlation: Uuid,
    /// The client, when a GUID was sent.
    pub client: Option<AppId>,
    /// When it was decided.
    pub time: Timestamp,
}

/// Reads the fixed fields.
pub fn fixed(bytes: &[u8]) -> Option<Fixed> {
    let mut input = Reader(bytes.get(2..).filter(|_| matches!(bytes[0], VERSION | USER_VERSION))?);
    let (id, tenant, correlation) = (input.id().ok()?, input.id().ok()?, input.id().ok()?);
    let client = match input.client().ok()? {
        ClientRef::Id(app) => Some(app),
        ClientRef::Absent | ClientRef::Malformed(_) => None,
    };
    let time = input.time().ok()?;
    Some(Fixed { id: RequestId(id), tenant: TenantId(tenant), correlation, client, time })
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

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(RecordError::Damaged)?;
        self.0 = tail;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, RecordError> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    fn id(&mut self) -> Result<Uuid, RecordError> {
        self.bytes().map(Uuid::from_bytes)
    }

    fn text(&mut self) -> Result<&'a str, RecordError> {
        let length = usize::from(u16::from_le_bytes(self.bytes()?));
        let (head, tail) = self.0.split_at_checked(length).ok_or(RecordError::Damaged)?;
        self.0 = tail;
        std::str::from_utf8(head).map_err(|_| RecordError::Damaged)
    }

    fn time(&mut self) -> Result<Timestamp, RecordError> {
        self.bytes().map(i64::from_le_bytes).map(Timestamp)
    }

    fn client(&mut self) -> Result<ClientRef, RecordError> {
        let kind = self.byte()?;
        let bytes: [u8; 16] = self.bytes()?;
        match kind {
            0 => Ok(ClientRef::Absent),
            1 => {
                let [a, b, c, d, ..] = bytes;
                Ok(ClientRef::Malformed(u32::from_le_bytes([a, b, c, d])))
            }
            2 => Ok(ClientRef::Id(AppId(Uuid::from_bytes(bytes)))),
            _ => Err(RecordError::Newer),
        }
    }

    fn address(&mut self) -> Result<Option<IpAddr>, RecordError> {
        match self.byte()? {
            0 => Ok(None),
            4 => self.bytes::<4>().map(|octets| Some(Ipv4Addr::from(octets).into())),
            6 => self.bytes::<16>().map(|octets| Some(Ipv6Addr::from(octets).into())),
            _ => Err(RecordError::Damaged),
        }
    }

    fn trail(&mut self) -> Result<Trail, RecordError> {
        let length = usize::from(self.byte()?);
        if length > Step::ALL.len() {
            return Err(RecordError::Newer);
        }
        let mut steps = Vec::with_capacity(length);
        for _ in 0..length {
            let byte = self.byte()?;
            let mark = match byte & 3 {
                1 => Mark::Ok,
                2 => Mark::Failed,
                3 => Mark::Skipped,
                _ => return Err(RecordError::Damaged),
            };
            steps.push((Step::from_number(byte >> 2).ok_or(RecordError::Newer)?, mark));
        }
        Ok(Trail::from_steps(steps))
    }

    fn chain(&mut self) -> Result<Vec<ObjectId>, RecordError> {
        let hops = usize::from(self.byte()?);
        if hops > CHAIN_MAX {
            return Err(RecordError::Damaged);
        }
        (0..hops).map(|_| self.id().map(ObjectId)).collect()
    }

    fn sign_in(&mut self, with_user: bool) -> Result<SignInEvent, RecordError> {
        let (id, tenant, correlation) = (self.id()?, self.id()?, self.id()?);
        let client = self.client()?;
        let time = self.time()?;
        let grant = Grant::from_number(self.byte()?).ok_or(RecordError::Newer)?;
        let endpoint = match self.byte()? {
            1 => Endpoint::V1,
            2 => Endpoint::V2,
            _ => return Err(RecordError::Newer),
        };
        let address = self.address()?;
        let credential = match self.byte()? {
            0 => None,
            1 => Some((Method::Secret, CredentialId(self.id()?))),
            2 => Some((Method::Certificate, CredentialId(self.id()?))),
            _ => return Err(RecordError::Newer),
        };
        let trail = self.trail()?;
        let user = with_user.then(|| self.id()).transpose()?.map(ObjectId);
        let chain = if with_user { self.chain()? } else { Vec::new() };
        let resource_app = self.flag()?.then(|| self.id()).transpose()?.map(AppId);
        let resource = self.flag()?.then(|| self.text()).transpose()?.map(str::to_owned);
        let outcome = self.outcome()?;
        Ok(SignInEvent {
            id: RequestId(id),
            time,
            tenant: TenantId(tenant),
            grant,
            endpoint,
            client,
            user,
            chain,
            resource,
            resource_app,
            credential,
            address,
            correlation,
            trail,
            outcome,
        })
    }

    fn flag(&mut self) -> Result<bool, RecordError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RecordError::Damaged),
        }
    }

    fn outcome(&mut self) -> Result<Outcome, RecordError> {
        match self.byte()? {
            1 => {
                let version = match self.byte()? {
                    1 => TokenVersion::V1,
                    2 => TokenVersion::V2,
                    _ => return Err(RecordError::Newer),
                };
                let expires = i64::from_le_bytes(self.bytes()?);
                let kid = self.text()?.to_owned();
                let count = self.byte()?;
                let roles = (0..count).map(|_| self.text().map(str::to_owned));
                Ok(Outcome::Issued {
                    kid,
                    version,
                    expires,
                    roles: roles.collect::<Result<_, _>>()?,
                })
            }
            2 => Ok(Outcome::Refused {
                code: u32::from_le_bytes(self.bytes()?),
                found: self.text()?.to_owned(),
                expected: self.text()?.to_owned(),
            }),
            3 => {
                let words = self.text()?.split(' ').filter(|word| !word.is_empty());
                let methods = words.map(AuthenticationMethod::parse).collect::<Option<_>>();
                Ok(Outcome::SignedIn { methods: methods.ok_or(RecordError::Newer)? })
            }
            4 => Ok(Outcome::Revoked),
            _ => Err(RecordError::Newer),
        }
    }

    /// The head of a row that no tenant's request is behind.
    fn of_nobody(&mut self) -> Result<(RequestId, Timestamp), RecordError> {
        let id = RequestId(self.id()?);
        let (_tenant, _correlation, _client) = (self.id()?, self.id()?, self.client()?);
        Ok((id, self.time()?))
    }

    fn gap(&mut self) -> Result<Gap, RecordError> {
        let (id, time) = self.of_nobody()?;
        let (first, last) = (i64::from_le_bytes(self.bytes()?), i64::from_le_bytes(self.bytes()?));
        Ok(Gap { id, time, first, last })
    }

    fn tally(&mut self) -> Result<Tally, RecordError> {
        let (id, time) = self.of_nobody()?;
        let kind = Shed::from_number(self.byte()?).ok_or(RecordError::Newer)?;
        let address = self.address()?;
        let count = u64::from_le_bytes(self.bytes()?);
        Ok(Tally { id, time, kind, address, count })
    }
}
