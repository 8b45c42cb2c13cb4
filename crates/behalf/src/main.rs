//! The `behalf` command: every command is a module, the tree of them is in `cli`.

mod admin;
mod administer;
mod app;
mod backup;
mod cli;
mod demo;
mod dev;
mod doctor;
mod door;
mod environment;
mod explain;
mod failure;
mod files;
mod grant;
mod http_client;
mod init;
mod inspect;
mod judge;
mod key;
mod known_app;
mod log;
mod manifest;
mod output;
mod program_env;
mod restore;
mod serve;
mod storage;
mod target;
mod tenant;
mod token;
mod user;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    cli::{Cli, Command},
    environment::Environment,
};

fn main() -> ExitCode {
    let environment = Environment::of_process();
    match run(Cli::parse().command, &environment) {
        Ok(code) => code,
        Err(error) => {
            output::note(&failure::told(&error));
            failure::exit_of(&error).into()
        }
    }
}

fn run(command: Command, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        Command::Dev(args) => dev::command::run(&args, environment),
        Command::Serve(args) => serve::run(&args, environment),
        Command::Init(args) => init::run(&args),
        Command::Apply(args) => administer::apply(&args, environment),
        Command::Tenant(command) => administer::tenant(&command, environment),
        Command::App(command) => administer::app(&command, environment),
        Command::Grant(args) => administer::grant(&args, environment),
        Command::User(command) => user::run(&command, environment),
        Command::Key(command) => administer::key(&command, environment),
        Command::Log(args) => administer::log(&args, environment),
        Command::Backup(args) => backup::run(&args, environment),
        Command::Restore(args) => restore::run(&args),
        Command::Storage(command) => storage::run(&command, environment),
        Command::Doctor(args) => doctor::run(&args),
        Command::Demo(args) => demo::run(&args, environment),
        Command::Token(command) => token::run(&command, environment),
        Command::Explain(args) => explain::run(&args, environment),
        Command::Inspect(args) => judge::run(&args, environment),
        Command::Env(args) => program_env::env(&args, environment),
        Command::Run(args) => program_env::run(&args, environment),
    }
}
