//! `behalf explain`: what a code means, and how one request was decided, with what to do about it.

mod catalogue;
mod logged;

use std::{io::Read as _, process::ExitCode};

use behalf_core::id::{RequestId, parse_guid};
use behalf_jose::base64url;
use behalf_server::admin_socket::wire::{LogEntry, LogQuery, Outcome, SignIn};
use http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    admin::{Admin, AdminError},
    administer::{ask, say},
    door::AskArgs,
    environment::Environment,
    failure::{Exit, Failure},
    output,
};
use logged::{Names, explained};

/// Longest token that is read, in bytes.
const TOKEN_MAX: u64 = 64 * 1024;
/// How many of the newest entries `--last` looks through.
const LOOKED_THROUGH: usize = 1000;

/// `behalf explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An AADSTS number; a request id (`trace_id`, `x-ms-request-id`), a correlation id or a `uti`; or a token, `-` for standard input
    #[arg(value_name = "WHAT", required_unless_present = "last")]
    what: Option<String>,
    /// The newest refusal that is logged, of this number if one is given
    #[arg(long)]
    last: bool,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    ask: AskArgs,
}

/// What is to be explained.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    /// A number of the catalogue.
    Code(u32),
    /// A request, or several of one correlation id.
    Id(Uuid),
    /// The newest refusal, of this number.
    Last(Option<u32>),
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> anyhow::Result<ExitCode> {
    match subject(args)? {
        Subject::Code(code) => {
            let rows = catalogue::rows(code)?;
            say(args.ask.as_json(), &rows, |rows| catalogue::text(code, rows))
        }
        Subject::Id(id) => {
            let told = ask(&args.ask.door, environment, async |admin| {
                let events = find(admin, id).await?;
                Ok((Names::of(admin, &events).await?, events))
            })?;
            tell(args, &told)
        }
        Subject::Last(code) => {
            let told = ask(&args.ask.door, environment, async |admin| {
                let events: Vec<SignIn> = last(admin, code).await?.into_iter().collect();
                Ok((Names::of(admin, &events).await?, events))
            })?;
            if told.1.is_empty() {
                let what = match code {
                    Some(code) => format!("no request was refused with AADSTS{code}"),
                    None => "no request was refused".to_owned(),
                };
                let what = format!("{what} among the {LOOKED_THROUGH} newest of the sign-in log");
                return Err(Failure::new(Exit::NotFound, what).fix("behalf log").into());
            }
            tell(args, &told)
        }
    }
}

fn tell(args: &Args, (names, events): &(Names, Vec<SignIn>)) -> anyhow::Result<ExitCode> {
    say(args.ask.as_json(), events, |events| {
        let texts: Vec<String> = events.iter().map(|event| explained(event, names)).collect();
        texts.join("\n")
    })
}

fn subject(args: &Args) -> Result<Subject, Failure> {
    let Some(what) = args.what.as_deref() else { return Ok(Subject::Last(None)) };
    let subject = if what == "-" {
        let mut text = String::new();
        std::io::stdin()
            .take(TOKEN_MAX)
            .read_to_string(&mut text)
            .map_err(|_| Failure::usage("standard input is not UTF-8 text"))?;
        parse(text.trim())?
    } else {
        parse(what)?
    };
    match (args.last, subject) {
        (false, subject) => Ok(subject),
        (true, Subject::Code(code)) => Ok(Subject::Last(Some(code))),
        (true, _) => Err(Failure::usage("--last goes with an AADSTS number or with nothing")),
    }
}

/// A number with or without `AADSTS`, a GUID, a `uti` (base64url of a request id), or a token.
fn parse(what: &str) -> Result<Subject, Failure> {
    let digits = what.get(..6).filter(|start| start.eq_ignore_ascii_case("AADSTS"));
    let digits = digits.map_or(what, |_| what.get(6..).unwrap_or_default());
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        let code = digits.parse().map_err(|_| catalogue::unknown(digits))?;
        return Ok(Subject::Code(code));
    }
    if let Ok(id) = parse_guid(what) {
        return Ok(Subject::Id(id));
    }
    if let Some(id) = uti(what) {
        return Ok(Subject::Id(id));
    }
    if what.matches('.').count() == 2 {
        return of_token(what);
    }
    let shown: String = what.chars().take(40).collect();
    Err(Failure::usage(format!(
        "{shown:?} is no AADSTS number, no request or correlation id, no uti and no token"
    ))
    .fix("behalf explain 65001, or the id behind \"Trace ID\" of a refusal"))
}

fn uti(text: &str) -> Option<Uuid> {
    let bytes = base64url::decode(text).ok()?;
    Uuid::from_slice(&bytes).ok()
}

#[derive(Deserialize)]
struct Claims {
    uti: Option<String>,
}

/// The request that issued a token. Nothing of the token is trusted: its `uti` only says where to
/// look.
fn of_token(token: &str) -> Result<Subject, Failure> {
    let claims = token.split('.').nth(1).and_then(|part| base64url::decode(part).ok());
    let claims = claims.and_then(|json| serde_json::from_slice::<Claims>(&json).ok());
    let claims = claims.ok_or_else(|| {
        Failure::usage("this is no JWT that can be read: its claims are not JSON in base64url")
            .fix("an access token; refresh tokens are sealed")
    })?;
    let id = claims.uti.as_deref().and_then(uti);
    id.map(Subject::Id).ok_or_else(|| {
        Failure::usage("the token has no uti of behalf, so no log knows it")
            .fix("behalf inspect, which reads tokens of anybody")
    })
}

/// The request with this id, or else those with this correlation id, oldest first.
async fn find(admin: &Admin, id: Uuid) -> Result<Vec<SignIn>, AdminError> {
    match admin.sign_in(RequestId(id)).await {
        Ok(event) => Ok(vec![event]),
        Err(error @ AdminError::Refused { status: StatusCode::NOT_FOUND, .. }) => {
            let query = LogQuery { correlation: Some(id), ..LogQuery::default() };
            let mut found: Vec<SignIn> = sign_ins(admin, &query).await?.collect();
            found.reverse();
            if found.is_empty() { Err(error) } else { Ok(found) }
        }
        Err(error) => Err(error),
    }
}

/// The newest refusal, of this number.
async fn last(admin: &Admin, code: Option<u32>) -> Result<Option<SignIn>, AdminError> {
    let query = LogQuery { limit: Some(LOOKED_THROUGH), ..LogQuery::default() };
    let is_meant = |event: &SignIn| match event.outcome {
        Outcome::Refused { code: found, .. } => code.is_none_or(|code| code == found),
        Outcome::Issued { .. } | Outcome::SignedIn { .. } | Outcome::Revoked => false,
    };
    Ok(sign_ins(admin, &query).await?.find(is_meant))
}

async fn sign_ins(
    admin: &Admin,
    query: &LogQuery,
) -> Result<impl Iterator<Item = SignIn>, AdminError> {
    let page = admin.sign_ins(query).await?;
    if let Some(notice) = &page.notice {
        output::note(&format!("note: {notice}"));
    }
    Ok(page.entries.into_iter().filter_map(|entry| match entry {
        LogEntry::SignIn(event) => Some(*event),
        LogEntry::TurnedAway(_) | LogEntry::Missing(_) => None,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_meant_is_seen_from_its_form() {
        let id: Uuid = "01987654-3210-7000-8000-000000000001".parse().unwrap();
        let uti = base64url::encode(id.as_bytes());
        let token = format!("e30.{}.x", base64url::encode(format!("{{\"uti\":\"{uti}\"}}")));
        for (text, subject) in [
            ("65001", Subject::Code(65_001)),
            ("AADSTS7000215", Subject::Code(7_000_215)),
            ("aadsts50011", Subject::Code(50_011)),
            ("01987654-3210-7000-8000-000000000001", Subject::Id(id)),
            ("01987654-3210-7000-8000-000000000001".to_uppercase().as_str(), Subject::Id(id)),
            (&uti, Subject::Id(id)),
            (&token, Subject::Id(id)),
        ] {
            assert_eq!(parse(text).unwrap(), subject, "{text}");
        }
    }

    #[test]
    fn what_is_nothing_of_ours_is_said_to_be() {
        let without = format!("e30.{}.x", base64url::encode("{\"sub\":\"s3cret\"}"));
        for (text, told) in [
            ("", "is no AADSTS number"),
            ("AADSTS", "is no AADSTS number"),
            ("AADSTSx", "is no AADSTS number"),
            ("é65001", "is no AADSTS number"),
            ("99999999999", "behalf has no code"),
            ("a.b.c", "no JWT that can be read"),
            (&without, "no uti of behalf"),
        ] {
            let refused = parse(text).unwrap_err().to_string();
            assert!(refused.contains(told), "{text}: {refused}");
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
