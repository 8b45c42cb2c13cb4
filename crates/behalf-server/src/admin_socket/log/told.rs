//! One row of the sign-in log as it is told over the socket.

use behalf_core::{
    application::TokenVersion,
    event::{self, ClientRef, Endpoint, Mark, SignInEvent},
};

use behalf_store::shared_log::NodeId;

use crate::{
    admin_socket::wire::{Check, LogEntry, Missing, Outcome, SignIn, TurnedAway},
    journal::{Gap, Record, Shed, Tally},
};

pub(super) fn entry(record: Record, node: Option<NodeId>) -> LogEntry {
    match record {
        Record::SignIn(event) => LogEntry::SignIn(Box::new(sign_in(*event, node))),
        Record::Tally(tally) => LogEntry::TurnedAway(turned_away(&tally, node)),
        Record::Gap(gap) => LogEntry::Missing(missing(gap, node)),
    }
}

pub(super) fn sign_in(event: SignInEvent, node: Option<NodeId>) -> SignIn {
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
        node: node.map(|node| node.0),
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

fn turned_away(tally: &Tally, node: Option<NodeId>) -> TurnedAway {
    let why = match tally.kind {
        Shed::Verb => "verb",
        Shed::BodySize => "body size",
        Shed::ContentType => "content type",
        Shed::Limited => "limited",
        Shed::Overload => "overload",
        Shed::Unparsable => "unparsable",
    };
    TurnedAway {
        time: tally.time,
        why: why.to_owned(),
        address: tally.address,
        count: tally.count,
        node: node.map(|node| node.0),
    }
}

fn missing(gap: Gap, node: Option<NodeId>) -> Missing {
    let count = u64::try_from(gap.last - gap.first + 1).unwrap_or(0);
    Missing { time: gap.time, count, node: node.map(|node| node.0) }
}
