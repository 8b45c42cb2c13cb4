//! `behalf inspect`: what a token is, and whether an API would accept it and why not.
//!
//! Offline: the token is read, explained and judged in this process and sent nowhere. What an API
//! accepts is looked up by the caller and handed in as [`ApiFacts`]. Everything in a token is a
//! stranger's text: it is bounded, and shown without control characters.

mod claims;
mod facts;
mod input;
mod render;
mod report;
#[cfg(test)]
mod tests;
mod verdict;

use std::{fs::File, io::Read, path::PathBuf};

pub(crate) use facts::ApiFacts;
use report::report;

use crate::failure::{Exit, Failure};

/// Arguments of `behalf inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// Say whether this API would accept the token: by name, client id or App ID URI
    #[arg(long = "for", value_name = "APP")]
    pub(crate) api: Option<String>,
    /// The file with the token, or - for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
}

/// What came of an inspection.
#[derive(Debug)]
pub(crate) struct Inspection {
    /// The explanation, for standard output.
    pub(crate) text: String,
    /// Whether the API would accept the token; `None` when no API was named.
    pub(crate) accepted: Option<bool>,
}

/// Reads the token that `args` names and explains it. `facts` belong to the API of `--for`, `now`
/// is in seconds since 1970.
///
/// Fails when the file cannot be read or holds no token; the error never repeats what was read.
pub(crate) fn run(
    args: &InspectArgs,
    facts: Option<&ApiFacts>,
    now: u64,
    stdin: &mut dyn Read,
) -> anyhow::Result<Inspection> {
    let text = if args.file.as_os_str() == "-" {
        let unreadable = |cause| Failure::usage(format!("standard input: {cause}"));
        input::read(stdin).map_err(unreadable)?
    } else {
        let unreadable = |cause: std::io::Error| match cause.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::new(Exit::NotFound, format!("there is no file {}", args.file.display()))
            }
            _ => Failure::path(&args.file, "read the token from", &cause),
        };
        let mut file = File::open(&args.file).map_err(unreadable)?;
        input::read(&mut file).map_err(unreadable)?
    };
    // Exit code 1 is the API's refusal; what is no token is another thing.
    let unusable = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let token = input::token_in(&text).map_err(|error| unusable(&error))?;
    let report =
        report(&token, facts, now).map_err(|error| unusable(&format_args!("{error:#}")))?;
    Ok(Inspection { text: report.to_string(), accepted: report.accepted() })
}
