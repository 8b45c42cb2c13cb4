//! The configuration: read once, complete, with everything that is wrong said at once.
//!
//! A setting has three spellings: `tokens.lifetime` in the TOML file, `BEHALF_TOKENS_LIFETIME` in
//! the environment, `--tokens-lifetime` as a flag. Flags win over the environment, that over the
//! file, that over the default. The table in [`table`] is the one place that knows them; the
//! reference page is written from it.

mod gather;
mod problem;
mod read;
mod reference;
pub mod table;
mod value;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use behalf_core::tenant::TenantSegment;

use self::{gather::Gathered, read::Reader};
pub use self::{
    gather::{Environment, Origin, Shown, environment},
    problem::{Problem, Problems},
    reference::reference,
};
use crate::{
    database::Database,
    journal::Durability,
    limits::LimitSettings,
    net::{Bounds, Proxies},
    telemetry::{Format, Level},
};

/// Everything `behalf serve` needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `https` origin without a trailing slash: what clients connect to and tokens carry.
    pub public_url: String,
    /// What it was before, in the same form.
    pub previous_public_urls: Vec<String>,
    /// Where the public listener binds.
    pub listen: SocketAddr,
    /// Whose word counts for where a request comes from.
    pub trusted_proxies: Proxies,
    /// Where health and metrics are served in plain HTTP; `None`: nowhere.
    pub management_listen: Option<SocketAddr>,
    /// PEM file of the certificate chain.
    pub tls_cert: PathBuf,
    /// PEM file of its key.
    pub tls_key: PathBuf,
    /// The directory's database.
    pub storage: Database,
    /// The folder of what is this node's own: sign-in log, admin socket.
    pub data_dir: PathBuf,
    /// How long it may be away before no token is issued any more; zero: not at all.
    pub degraded_window: Duration,
    /// File of the key that seals everything else.
    pub master_key_file: PathBuf,
    /// The tenant that the path segment `adfs` names.
    pub default_tenant: Option<TenantSegment>,
    /// When an event of the sign-in log must be safe.
    pub sign_in_log_durability: Durability,
    /// How long the sign-in log is kept; `None`: for ever.
    pub sign_in_log_retention: Option<Duration>,
    /// How long a token lives at least.
    pub token_lifetime: Duration,
    /// What is added to it at random, so that a fleet does not renew at once.
    pub token_jitter: Duration,
    /// How often the signing key changes.
    pub key_rotation: Duration,
    /// How long a signing key is published before it signs.
    pub key_announce: Duration,
    /// Rate limits.
    pub limits: LimitSettings,
    /// Open connections.
    pub connections: usize,
    /// Signing time that may wait in a core's queue.
    pub sign_queue: Duration,
    /// Time that requests get to finish at a stop.
    pub shutdown_grace: Duration,
    /// How much is logged.
    pub log_level: Level,
    /// How log lines look.
    pub log_format: Format,
    /// Threads that serve requests; `None`: one for each core there is.
    pub cores: Option<usize>,
    /// Each setting with its value as written and where it came from, in the table's order.
    pub shown: Vec<Shown>,
}

/// A configuration file's content and where it is. Relative paths in it start at its folder.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its path.
    pub path: &'a std::path::Path,
    /// Its TOML.
    pub text: &'a str,
}

impl Config {
    /// The bounds of the public listener.
    pub fn bounds(&self) -> Bounds {
        Bounds { connections: self.connections, grace: self.shutdown_grace, ..Bounds::default() }
    }

    /// Puts file, environment and flags (`("tokens.lifetime", "1h")`) together and reads them.
    /// Fails with every problem there is, not only the first.
    pub fn load(
        file: Option<File<'_>>,
        environment: &Environment,
        flags: &[(&str, String)],
    ) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let gathered = Gathered::new(file, environment, flags, &mut problems);
        let config = Reader::new(&gathered, &mut problems).config();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Problems::new(problems)),
        }
    }
}

#[cfg(test)]
mod tests;
