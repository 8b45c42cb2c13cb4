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

impl AuthenticationMethod {
    /// Reads its word, as one of our own tokens carries it.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Password, Self::OneTimeCode, Self::MultiFactor]
            .into_iter()
            .find(|method| method.as_str() == word)
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// `amr`.
    pub methods: Vec<AuthenticationMethod>,
    /// `acr`.
    pub acr: String,
    /// `auth_time`, in whole seconds.
    pub time: Timestamp,
    /// `ipaddr`: where the user signed in from.
    pub address: Option<IpAddr>,
    /// `sid`.
    pub session: SessionId,
}

impl SignIn {
    /// Whether it rests on a password, so that a new password ends what public clients and cookies
    /// have of it (`pw`; protocol 8.4).
    pub fn password_based(&self) -> bool {
        self.methods.contains(&AuthenticationMethod::Password)
    }
}
