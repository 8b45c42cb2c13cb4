//! How exchanges are shown: no secret, tokens cut, ids short.

use behalf_core::event::{Mark, Outcome, SignInEvent, Step};
use behalf_jose::base64url;
use serde_json::Value;

use crate::dev::world;

/// The checks of an event, in their order.
pub(super) fn checks(event: &SignInEvent) -> String {
    let one = |(step, mark): (Step, Mark)| {
        let sign = match mark {
            Mark::Ok => "ok",
            Mark::Failed => "FAILED",
            Mark::Skipped => "-",
        };
        format!("{sign} {}", step.as_str())
    };
    event.trail.steps().map(one).collect::<Vec<_>>().join("   ")
}

/// What the failing check found and expected.
pub(super) fn reason(event: &SignInEvent) -> Option<String> {
    match &event.outcome {
        Outcome::Refused { found, expected, .. } => {
            Some(format!("found {found}; expected {expected}"))
        }
        Outcome::Issued { .. } | Outcome::SignedIn { .. } | Outcome::Revoked => None,
    }
}

/// A part of a JWT, decoded and not verified: for show.
pub(super) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap_or_default();
    let bytes = base64url::decode(part).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

/// The token in short, with the key that signed it.
pub(super) fn token(token: &str) -> String {
    let header = part(token, 0);
    format!(
        "{}… ({}, kid {}…)",
        clip(token, 10),
        text(&header["alg"]),
        clip(text(&header["kid"]), 6)
    )
}

/// The claims that say for whom, by whom and what.
pub(super) fn claims(token: &str) -> String {
    let claims = part(token, 1);
    let mut words = vec![
        format!("ver {}", text(&claims["ver"])),
        format!("aud {}", named(text(&claims["aud"]))),
        format!("azp {}", named(text(&claims["azp"]))),
    ];
    let roles: Vec<&str> = claims["roles"].as_array().into_iter().flatten().map(text).collect();
    if let Some(scopes) = claims["scp"].as_str() {
        words.push(format!("scp {scopes}"));
        words.push(format!("user {}", user(text(&claims["oid"]))));
    } else {
        words.push(format!("roles [{}]", roles.join(", ")));
        words.push("(no user)".to_owned());
    }
    words.join("   ")
}

/// The name of a user of the dev world, whose id is the same on every machine; other ids in short.
fn user(oid: &str) -> String {
    let is_meant =
        |user: &&world::User| world::object_id(user.tenant, "user", user.name).to_string() == oid;
    world::USERS.iter().find(is_meant).map_or_else(|| short(oid), |user| user.name.to_owned())
}

/// An id in short, with the name that the dev world has for it.
pub(super) fn named(id: &str) -> String {
    let app = world::APPS.iter().find(|app| app.id.to_string() == id);
    let tenant = world::TENANTS.iter().find(|tenant| tenant.id.to_string() == id);
    match (app, tenant) {
        (Some(app), _) => format!("{} ({})", short(id), app.name),
        (None, Some(tenant)) => format!("{} ({})", short(id), tenant.domain),
        (None, None) => short(id),
    }
}

/// `dae00000-…-000000000001` as `dae0…0001`; other texts as they are.
pub(super) fn short(id: &str) -> String {
    match (behalf_core::id::parse_guid(id), id.get(..4), id.get(32..)) {
        (Ok(_), Some(first), Some(last)) => format!("{first}…{last}"),
        _ => id.to_owned(),
    }
}

/// A text, or a question mark.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// The beginning of a text.
pub(super) fn clip(text: &str, most: usize) -> &str {
    text.get(..most).unwrap_or(text)
}

/// A parameter of a `WWW-Authenticate` challenge.
pub(super) fn parameter<'a>(challenge: &'a str, name: &str) -> &'a str {
    let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap_or_default();
    rest.split('"').next().unwrap_or_default()
}
