//! From bytes to what they tell. Every byte may be another than was written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use behalf_core::{
    application::{TokenVersion, credential::Method},
    event::{ClientRef, Endpoint, Grant, Mark, Outcome, SignInEvent, Step, Trail},
    id::{AppId, CredentialId, ObjectId, RequestId, TenantId},
    ticket::{AuthenticationMethod, CHAIN_MAX},
    time::Timestamp,
};
use uuid::Uuid;

use super::{Fixed, GAP, Record, RecordError, SIGN_IN, TALLY, USER_VERSION, VERSION};
use crate::journal::{
    gap::Gap,
    tally::{Shed, Tally},
};

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
