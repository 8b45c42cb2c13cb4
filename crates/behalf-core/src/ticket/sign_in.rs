//! How a user signed in: carried from ticket to ticket and into every token, never raised.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{id::SessionId, time::Timestamp};

/// One way in which a user showed who he is (`amr`, RFC 8176 and Entra's own words).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AuthenticationMethod {
    /// A password.
    #[serde(rename = "pwd")]
    Password,
    /// A one-time code of an authenticator app.
    #[serde(rename = "otp")]
    OneTimeCode,
    /// More than one factor.
    #[serde(rename = "mfa")]
    MultiFactor,
}

/// The bytes behind a byte that says how many, and what follows them.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(length))
}

impl AuthenticationMethod {
    const ALL: [Self; 3] = [Self::Password, Self::OneTimeCode, Self::MultiFactor];

    /// Its bit in an access token's chain: append only.
    const fn bit(self) -> u8 {
        match self {
            Self::Password => 1,
            Self::OneTimeCode => 2,
            Self::MultiFactor => 4,
        }
    }

    /// Reads its word, as one of our own tokens carries it.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }

    /// Its word in `amr`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::OneTimeCode => "otp",
            Self::MultiFactor => "mfa",
        }
    }
}

/// One sign-in of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// `amr`.
    pub methods: Vec<AuthenticationMethod>,
    /// `acr`, and behind it, each after a blank, the authentication contexts that were met (`c1`).
    pub acr: String,
    /// `auth_time`, in whole seconds.
    pub time: Timestamp,
    /// `ipaddr`: where the user signed in from.
    pub address: Option<IpAddr>,
    /// `sid`.
    pub session: SessionId,
}

/// Longest `acr` with its contexts that an access token's chain carries; more are left out.
const ACR_MAX: usize = 96;
/// Longest sign-in in an access token's chain.
pub(super) const SIGN_IN_MAX: usize = 1 + 8 + 16 + 17 + 1 + ACR_MAX;

impl SignIn {
    /// `acr` without the contexts: `0` or `1`.
    pub fn class(&self) -> &str {
        self.acr.split(' ').next().unwrap_or_default()
    }

    /// The authentication contexts that were met.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        self.acr.split(' ').skip(1).filter(|context| !context.is_empty())
    }

    /// `amr` as bits ‖ `auth_time` (8) ‖ `sid` (16) ‖ length and bytes of the address ‖ length and
    /// bytes of `acr`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.methods.iter().fold(0, |bits, method| bits | method.bit()));
        out.extend(self.time.unix_seconds().to_be_bytes());
        out.extend(self.session.bytes());
        match self.address {
            None => out.push(0),
            Some(IpAddr::V4(address)) => {
                out.push(4);
                out.extend(address.octets());
            }
            Some(IpAddr::V6(address)) => {
                out.push(16);
                out.extend(address.octets());
            }
        }
        let mut acr = self.acr.as_str();
        while acr.len() > ACR_MAX {
            acr = acr.rsplit_once(' ').map_or("", |(shorter, _)| shorter);
        }
        out.push(u8::try_from(acr.len()).unwrap_or(0));
        out.extend(acr.as_bytes());
    }

    /// Reads what [`Self::write`] wrote, and answers what follows it.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&bits, rest) = bytes.split_first()?;
        let (time, rest) = rest.split_first_chunk::<8>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (address, rest) = counted(rest)?;
        let (acr, rest) = counted(rest)?;
        let address = match address.len() {
            0 => None,
            4 => Some(<[u8; 4]>::try_from(address).ok()?.into()),
            16 => Some(<[u8; 16]>::try_from(address).ok()?.into()),
            _ => return None,
        };
        let sign_in = Self {
            methods: AuthenticationMethod::ALL
                .into_iter()
                .filter(|method| bits & method.bit() != 0)
                .collect(),
            acr: std::str::from_utf8(acr).ok()?.to_owned(),
            time: Timestamp::from_unix_seconds(i64::from_be_bytes(*time)),
            address,
            session: SessionId(uuid::Uuid::from_bytes(*session)),
        };
        Some((sign_in, rest))
    }

    /// Whether it rests on a password, so that a new password ends what public clients and cookies
    /// have of it (`pw`; protocol 8.4).
    pub fn password_based(&self) -> bool {
        self.methods.contains(&AuthenticationMethod::Password)
    }
}
