//! What the claims mean.

use behalf_protocol::{claims::TokenId, time::WireTime};
use serde_json::{Map, Value};

use super::{facts::ApiFacts, report::Kind};

/// The longest value that is shown, in characters.
const SHOWN: usize = 100;
/// The most claims without a known meaning that are shown.
const OTHERS: usize = 24;

/// One claim.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClaimLine {
    /// Its name.
    pub(super) name: String,
    /// Its value, fit for a terminal.
    pub(super) value: String,
    /// What it is for, and what it names here.
    pub(super) meaning: String,
}

/// Known claims in the order in which people look at them.
const KNOWN: [(&str, &str); 24] = [
    ("aud", "who may accept it"),
    ("iss", "who issued it"),
    ("azp", "which app asked"),
    ("appid", "which app asked"),
    ("azpacr", "how the app proved itself"),
    ("appidacr", "how the app proved itself"),
    ("roles", "what was granted by assignment"),
    ("scp", "what the app may do for the user"),
    ("oid", "the object's id in the tenant"),
    ("sub", "the subject"),
    ("tid", "the tenant"),
    ("preferred_username", "the user's sign-in name, for display only"),
    ("upn", "the user's sign-in name, for display only"),
    ("unique_name", "the user's sign-in name, for display only"),
    ("name", "the user's name, for display only"),
    ("idtyp", "app or user, when the API asked for it"),
    ("idp", "who authenticated the subject"),
    ("ver", "the token's format"),
    ("nonce", "what ties it to one sign-in"),
    ("jti", "the assertion's id"),
    ("iat", "when it was issued"),
    ("nbf", "from when it counts"),
    ("exp", "until when it counts"),
    ("uti", "the token's id"),
];

/// Explains each claim.
pub(super) fn lines(
    claims: &Map<String, Value>,
    kind: Kind,
    facts: Option<&ApiFacts>,
    now: u64,
) -> Vec<ClaimLine> {
    let mut lines = Vec::new();
    for (name, meaning) in KNOWN {
        let value = claims.get(name);
        if let Some(value) = value {
            lines.push(line(name, value, meaning, facts, now));
        } else if name == "roles" && kind == Kind::AppOnly {
            let meaning = "what the app may do: nothing was granted".to_owned();
            lines.push(ClaimLine { name: name.into(), value: "(none)".into(), meaning });
        }
    }
    let unknown = |name: &&String| !KNOWN.iter().any(|(known, _)| known == name);
    let others: Vec<_> = claims.keys().filter(unknown).collect();
    for name in others.iter().take(OTHERS) {
        let value = claims.get(*name).map_or_else(String::new, text);
        lines.push(ClaimLine { name: shown(name), value, meaning: String::new() });
    }
    if others.len() > OTHERS {
        let value = format!("and {} more", others.len() - OTHERS);
        lines.push(ClaimLine { name: "…".into(), value, meaning: String::new() });
    }
    lines
}

fn line(name: &str, value: &Value, meaning: &str, facts: Option<&ApiFacts>, now: u64) -> ClaimLine {
    let here = match (name, value) {
        ("exp" | "nbf" | "iat", _) => value.as_f64().map(|seconds| time(seconds, now)),
        ("azpacr" | "appidacr", Value::String(class)) => Some(
            match class.as_str() {
                "0" => "not at all, it is a public client",
                "1" => "with a secret",
                "2" => "with a certificate or a federated assertion",
                _ => "in an unknown way",
            }
            .to_owned(),
        ),
        ("uti", Value::String(text)) => TokenId::parse(text)
            .map(|id| format!("behalf log --request {} shows how it came about", id.0)),
        ("iss", Value::String(iss)) => facts.map(|f| {
            let ours = iss.strip_prefix(&f.issuer_base).is_some_and(|rest| rest.starts_with('/'));
            if ours { "this server".to_owned() } else { "another server".to_owned() }
        }),
        (_, Value::String(id)) => facts.and_then(|f| f.name_of(id)).map(shown),
        _ => None,
    };
    let meaning = match here {
        Some(here) => format!("{meaning}: {here}"),
        None => meaning.to_owned(),
    };
    ClaimLine { name: name.to_owned(), value: text(value), meaning }
}

/// `2026-11-22 13:42:20Z, in 59 min`.
fn time(seconds: f64, now: u64) -> String {
    if !(0.0..1e12).contains(&seconds) {
        return "no date".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked above")]
    #[expect(clippy::cast_sign_loss, reason = "the range is checked above")]
    let seconds = seconds as u64;
    format!("{}, {}", WireTime(seconds), relative(seconds, now))
}

/// `in 59 min`, `5 min ago`, `now`.
pub(super) fn relative(seconds: u64, now: u64) -> String {
    let span = match seconds.abs_diff(now) {
        0 => return "now".to_owned(),
        s @ 1..=119 => format!("{s} s"),
        s @ 120..=7199 => format!("{} min", s / 60),
        s @ 7200..=172_799 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    };
    if seconds > now { format!("in {span}") } else { format!("{span} ago") }
}

/// A value as people read it: texts without quotes, lists with commas.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            shown(&values.join(", "))
        }
        other => shown(&other.to_string()),
    }
}

/// A stranger's text on a terminal: at most [`SHOWN`] characters, and what could move the cursor or
/// turn the direction of writing is shown as its code.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (count, letter) in text.chars().enumerate() {
        if count == SHOWN {
            out.push('…');
            break;
        }
        if letter.is_ascii_graphic() || letter == ' ' || letter.is_alphanumeric() {
            out.push(letter);
        } else {
            out.extend(letter.escape_unicode());
        }
    }
    out
}
