//! The command line as a tree of commands.

use clap::{Parser, Subcommand};

use crate::{
    administer, app, backup, demo, dev, doctor, explain, grant, init, inspect, key, log,
    program_env, restore, serve, storage, tenant, token, user,
};

/// A directory and token service that speaks the Microsoft identity platform's wire.
#[derive(Debug, Parser)]
#[command(name = "behalf", version, max_term_width = 100, after_help = EXITS)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXITS: &str = "Exit codes: 0 ok, 1 failed, 2 usage, 3 environment, 4 denied, 5 not found.\n\
     Results go to standard output, everything else to standard error.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a directory for development: in memory, seeded, trusted TLS
    Dev(dev::Args),
    /// Serve in production
    Serve(serve::Args),
    /// Write a configuration and a master key to begin with
    Init(init::Args),
    /// Make the directory what a manifest says
    Apply(administer::ApplyArgs),
    /// Make and list tenants
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// List applications
    #[command(subcommand)]
    App(app::Command),
    /// Grant permissions as administrator, list them, take them back
    Grant(grant::Args),
    /// Make, list and change users
    #[command(subcommand)]
    User(user::Command),
    /// List and change the signing keys
    #[command(subcommand)]
    Key(key::Command),
    /// Show the sign-in log
    Log(log::Args),
    /// Write everything to one encrypted file, while the server runs; check such a file
    Backup(backup::Args),
    /// Write a backup into an empty store
    Restore(restore::Args),
    /// Move everything to another store, or look for damage in this one
    #[command(subcommand)]
    Storage(storage::Command),
    /// Look at the configuration and the database: whether they are fit for many nodes
    Doctor(doctor::Args),
    /// Run the five flows and what goes wrong, with every exchange and every check
    Demo(demo::Args),
    /// Get tokens for scripts and trials
    #[command(subcommand)]
    Token(token::Command),
    /// Explain a code, or how one request was decided and what to do about it
    Explain(explain::Args),
    /// Explain a token, and whether an API would accept it; nothing is sent anywhere
    Inspect(inspect::InspectArgs),
    /// Print the variables by which clients find and trust the dev instance
    Env(program_env::EnvArgs),
    /// Run a program with those variables: behalf run APP -- CMD…
    Run(program_env::RunArgs),
}
