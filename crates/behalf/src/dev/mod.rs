//! `behalf dev`: a directory to develop against, ready in a moment and trusted by the tools.

pub(crate) mod banner;
pub(crate) mod ca;
pub(crate) mod command;
pub(crate) mod data;
pub(crate) mod folder;
pub(crate) mod host;
pub(crate) mod instance;
pub(crate) mod instances;
pub(crate) mod port;
pub(crate) mod ready;
mod requests;
pub(crate) mod seed;
pub(crate) mod world;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

/// `behalf dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 8443, value_name = "N")]
    pub(crate) port: u16,
    /// Keep the data in this folder; without it nothing is kept
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print one JSON object instead of the banner
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the JSON object to this file once the server answers
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Address to listen on; beyond loopback it needs --random-secrets
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) bind: IpAddr,
    /// Give the apps new random secrets instead of the documented ones
    #[arg(long)]
    pub(crate) random_secrets: bool,
}
