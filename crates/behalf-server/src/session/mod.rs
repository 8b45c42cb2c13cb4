//! How users prove who they are: passwords, second factors, and how often they may be wrong.

pub(crate) mod account;
pub(crate) mod cookie;
pub(crate) mod csrf;
pub mod device;
pub mod lockout;
pub mod password;
pub mod totp;
mod verify;

pub use verify::NotVerified;

use std::{io, sync::Arc};

use behalf_store::Store;

use crate::{
    entropy::Entropy,
    keys::{
        MasterKey,
        secrets::{self, SecretError},
    },
};
use device::FamiliarDevices;
use lockout::Lockout;
use password::{Options, Passwords};

/// What a node needs to let users sign in.
#[derive(Debug)]
pub struct Authentication {
    /// Compares passwords.
    pub passwords: Passwords,
    /// Counts what was wrong.
    pub lockout: Lockout,
    /// Knows the browsers that users have signed in with.
    pub devices: FamiliarDevices,
    /// Wraps the secrets of second factors.
    pub master: Arc<MasterKey>,
}

/// Why users could not sign in at this node.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// The key of familiar devices.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The threads.
    #[error("the threads that compare passwords cannot be started: {0}")]
    Threads(#[from] io::Error),
}

impl Authentication {
    /// Starts the threads, and makes the key of familiar devices at the first start.
    pub async fn open(
        store: &Store,
        master: Arc<MasterKey>,
        entropy: &dyn Entropy,
        cores: usize,
    ) -> Result<Self, AuthenticationError> {
        Ok(Self {
            devices: secrets::familiar_devices(store, &master, entropy).await?,
            passwords: Passwords::start(Options::on(cores), entropy)?,
            lockout: Lockout::new(entropy),
            master,
        })
    }
}
