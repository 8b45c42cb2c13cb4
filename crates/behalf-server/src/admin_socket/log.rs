//! The sign-in log as it is told over the socket.

use behalf_core::{
    application::TokenVersion,
    event::{self, ClientRef, Endpoint, Mark, SignInEvent},
};

use super::wire::{Check, LogEntry, LogPage, Outcome, SignIn, TurnedAway};
use crate::journal::{Page, Record, Shed, Tally};

pub(super) fn page(page: Page) -> LogPage {
    let entries = page.entries.into_iter().map(|entry| self::entry(entry.record)).collect();
    LogPage { entries, next: page.next }
}

fn entry(record: Record) -> LogEntry {
    match record {
        Record::SignIn(event) => LogEntry::SignIn(Box::new(sign_in(*event))),
        Record::Tally(tally) => LogEntry::TurnedAway(turned_away(&tally)),
    }
}

pub(super) fn sign_in(event: SignInEvent) -> SignIn {
    let (method, credential) = event.credential.unzip();
    SignIn {
        request_id: event.id,
        time: event.time,
        tenant: event.tenant,
        grant: event.grant.as_str().to_owned(),
        endpoint: match event.endpoint {
            Endpoint::V1 => "v1".to_owned(),
            Endpoint::V2 => "v2".to_owned(),
        },
        client: match event.client {
            ClientRef::Absent => "absent".to_owned(),
            ClientRef::Malformed(length) => format!("malformed ({length} bytes)"),
            ClientRef::Id(id) => id.to_string(),
        },
        user: event.user,
        chain: event.chain,
        resource: event.resource,
        resource_app: event.resource_app,
        method: method.map(|method| format!("{method:?}").to_lowercase()),
        credential,
        address: event.address,
        correlation: event.correlation,
        steps: event.trail.steps().map(|(step, mark)| check(step, mark)).collect(),
        outcome: outcome(event.outcome),
    }
}

fn check(step: event::Step, mark: Mark) -> Check {
    let result = match mark {
        Mark::Ok => "ok",
        Mark::Failed => "failed",
        Mark::Skipped => "skipped",
    };
    Check { step: step.as_str().to_owned(), result: result.to_owned() }
}

fn outcome(outcome: event::Outcome) -> Outcome {
    match outcome {
        event::Outcome::Issued { kid, version, expires, roles } => {
            let version = match version {
                TokenVersion::V1 => "1.0".to_owned(),
                TokenVersion::V2 => "2.0".to_owned(),
            };
            Outcome::Issued { kid, version, expires, roles }
        }
        event::Outcome::SignedIn { methods } => {
            let methods = methods.iter().map(|method| method.as_str().to_owned()).collect();
            Outcome::SignedIn { methods }
        }
        event::Outcome::Revoked => Outcome::Revoked,
        event::Outcome::Refused { code, found, expected } => {
            Outcome::Refused { code, found, expected }
        }
    }
}

fn turned_away(tally: &Tally) -> TurnedAway {
    let why = match tally.kind {
        Shed::Verb => "verb",
        Shed::BodySize => "body size",
        Shed::ContentType => "content type",
        Shed::Limited => "limited",
        Shed::Overload => "overload",
        Shed::Unparsable => "unparsable",
    };
    TurnedAway { time: tally.time, why: why.to_owned(), address: tally.address, count: tally.count }
}
