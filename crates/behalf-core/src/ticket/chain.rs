//! Through whom a user's identity has travelled, and how an access token carries that (`aio`).

use behalf_jose::{a256gcm, base64url};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    Counters, NotATicket, Purpose, SealEntropy, SealError, SealRing, SignIn, ring::Place,
    seal::Cause, sign_in::SIGN_IN_MAX, wire::Id,
};
use crate::{
    id::{FamilyId, ObjectId, RequestId, TenantId},
    time::Timestamp,
};

/// Most hops of a chain.
pub const CHAIN_MAX: usize = 8;

/// Client service principals, oldest first: who had the user's token and passed him on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain(Vec<ObjectId>);

/// More hops than a chain may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the user's identity has passed through {CHAIN_MAX} services already, the most there may be"
)]
pub struct ChainTooLong;

impl Chain {
    /// The chain of a token that `client` got for itself from the user's own sign-in.
    pub fn of(client: ObjectId) -> Self {
        Self(vec![client])
    }

    /// The chain with `caller` as its newest hop.
    pub fn followed_by(mut self, caller: ObjectId) -> Result<Self, ChainTooLong> {
        if self.0.len() >= CHAIN_MAX {
            return Err(ChainTooLong);
        }
        self.0.push(caller);
        Ok(self)
    }

    /// The service principals, oldest first.
    pub fn as_slice(&self) -> &[ObjectId] {
        &self.0
    }

    /// Whether nobody passed the user on.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<ObjectId>> for Chain {
    type Error = ChainTooLong;
    fn try_from(hops: Vec<ObjectId>) -> Result<Self, ChainTooLong> {
        if hops.len() > CHAIN_MAX { Err(ChainTooLong) } else { Ok(Self(hops)) }
    }
}

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|hop| base64url::encode(hop.bytes())))
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hops = Vec::<Id<ObjectId>>::deserialize(deserializer)?;
        hops.into_iter().map(|hop| hop.0).collect::<Vec<_>>().try_into().map_err(D::Error::custom)
    }
}

/// What every delegated access token tells us about itself, and nobody else (tickets.md 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aio {
    /// The counters when it was issued.
    pub counters: Counters,
    /// The family it belongs to: dead, the token is no assertion any more.
    pub family: FamilyId,
    /// The absolute end of that family, which what follows from the token inherits.
    pub absolute: Option<Timestamp>,
    /// The resource's service principal: only this one may pass it on.
    pub resource: ObjectId,
    /// How the user signed in, which not every token says and what follows must not raise.
    pub sign_in: SignIn,
    /// The clients, oldest first; the newest got the token.
    pub chain: Chain,
}

const VERSION: u8 = 1;
/// `version ‖ epoch (4) ‖ iv (12)`.
const PREFIX: usize = 5;
const IV: usize = a256gcm::NONCE_LEN;
/// `urev ‖ prev ‖ trev ‖ abs (8) ‖ fam (16) ‖ resource (16)`, behind it the sign-in, and behind
/// that 16 bytes a hop.
const FIXED: usize = 12 + 8 + 16 + 16;
/// Longest `aio`, in characters.
const TEXT_MAX: usize =
    base64url::encoded_len(PREFIX + IV + FIXED + SIGN_IN_MAX + 16 * CHAIN_MAX + 16);

impl SealRing {
    /// Seals the chain of the access token that `tenant` issues with this `uti`: it opens nowhere
    /// else. Base64url of `1 ‖ epoch ‖ iv ‖ ciphertext ‖ tag`.
    pub fn seal_aio(
        &self,
        (tenant, uti): (TenantId, RequestId),
        aio: &Aio,
        entropy: SealEntropy,
        now: Timestamp,
    ) -> Result<String, SealError> {
        let epoch = self.sealing(now).ok_or(SealError::NoEpoch)?;
        let (_, iv) = entropy.split();
        let mut bytes = vec![VERSION];
        bytes.extend(epoch.number().to_be_bytes());
        let key = epoch.content_key(&place(tenant, uti))?;
        let sealed = a256gcm::seal(&key, iv, &bytes, &aio.to_bytes());
        let sealed = sealed.map_err(|_| SealError::Crypto)?;
        bytes.extend(iv);
        bytes.extend(sealed);
        Ok(base64url::encode(bytes))
    }

    /// Opens the `aio` of the access token with this `tid` and `uti`, both of them verified.
    pub fn open_aio(
        &self,
        (tenant, uti): (TenantId, RequestId),
        text: &str,
    ) -> Result<Aio, NotATicket> {
        let refused = |cause| NotATicket(cause);
        if text.len() > TEXT_MAX {
            return Err(refused(Cause::Form));
        }
        let bytes = base64url::decode(text).map_err(|_| refused(Cause::Form))?;
        let (prefix, rest) = bytes.split_first_chunk::<PREFIX>().ok_or(refused(Cause::Form))?;
        let (iv, sealed) = rest.split_first_chunk::<IV>().ok_or(refused(Cause::Form))?;
        let [VERSION, number @ ..] = *prefix else { return Err(refused(Cause::Form)) };
        let epoch = self.epoch(u32::from_be_bytes(number)).ok_or(refused(Cause::Epoch))?;
        let key = epoch.content_key(&place(tenant, uti)).map_err(|_| refused(Cause::Key))?;
        let plain = a256gcm::open(&key, *iv, prefix, sealed).map_err(|_| refused(Cause::Key))?;
        Aio::from_bytes(&plain).ok_or(refused(Cause::Claims))
    }
}

fn place(tenant: TenantId, uti: RequestId) -> Place {
    Place { purpose: Purpose::Aio, tenant, salt: uti.bytes() }
}

impl Aio {
    fn to_bytes(&self) -> Vec<u8> {
        let Counters { user, password, tenant } = self.counters;
        let mut bytes = Vec::with_capacity(FIXED + 16 * self.chain.0.len());
        for counter in [user, password, tenant] {
            bytes.extend(counter.to_be_bytes());
        }
        bytes.extend(self.absolute.map_or(0, Timestamp::unix_seconds).to_be_bytes());
        bytes.extend(self.family.bytes());
        bytes.extend(self.resource.bytes());
        self.sign_in.write(&mut bytes);
        for hop in &self.chain.0 {
            bytes.extend(hop.bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>()?;
        let (sign_in, hops) = SignIn::read(rest)?;
        let (hops, []) = hops.as_chunks::<16>() else { return None };
        let number = |at: usize| Some(u32::from_be_bytes(fixed.get(at..at + 4)?.try_into().ok()?));
        let seconds = i64::from_be_bytes(fixed.get(12..20)?.try_into().ok()?);
        let guid = |at: usize| uuid::Uuid::from_slice(fixed.get(at..at + 16)?).ok();
        let hops: Vec<_> = hops.iter().map(|hop| ObjectId(uuid::Uuid::from_bytes(*hop))).collect();
        Some(Self {
            counters: Counters { user: number(0)?, password: number(4)?, tenant: number(8)? },
            absolute: (seconds != 0).then(|| Timestamp::from_unix_seconds(seconds)),
            family: FamilyId(guid(20)?),
            resource: ObjectId(guid(36)?),
            sign_in,
            chain: hops.try_into().ok()?,
        })
    }
}
