//! What a token is.

use anyhow::Context as _;
use behalf_jose::{
    jws::{Profile, Unverified},
    jwt::parse_claims,
};
use serde_json::{Map, Value};

use super::{
    claims::{self, ClaimLine, shown},
    facts::ApiFacts,
    verdict::Verdict,
};

/// Bound of the token and of its claims, in bytes.
const MAX: usize = 64 * 1024;

/// An explained token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// What the token is, whose and for whom.
    pub(super) summary: String,
    /// Its claims in the order in which people look at them.
    pub(super) claims: Vec<ClaimLine>,
    /// Whether the API would accept it.
    pub(super) verdict: Option<Verdict>,
}

impl Report {
    /// Whether the API would accept the token; `None` when no API was named.
    pub(crate) fn accepted(&self) -> Option<bool> {
        self.verdict.as_ref().map(Verdict::accepted)
    }
}

/// The kinds of JWT that people confuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An application acts as itself.
    AppOnly,
    /// An application acts for a user.
    Delegated,
    /// Says to a client who signed in.
    IdToken,
    /// Proves a client's key to the token endpoint (RFC 7523).
    ClientAssertion,
    /// Something else.
    Other,
}

impl Kind {
    /// Told from the claims alone, as validators do: access tokens name their client in `appid` or
    /// `azp` and ID tokens do not; `scp` makes one a user's.
    fn of(claims: &Map<String, Value>) -> Self {
        let has = |name| claims.get(name).is_some_and(|value| !value.is_null());
        let same = |a, b| has(a) && claims.get(a) == claims.get(b);
        if has("appid") || has("azp") {
            return match (has("scp"), same("oid", "sub")) {
                (true, _) => Self::Delegated,
                (false, true) => Self::AppOnly,
                (false, false) => Self::Other,
            };
        }
        match (has("tid"), same("iss", "sub")) {
            (_, true) => Self::ClientAssertion,
            (true, false) => Self::IdToken,
            (false, false) => Self::Other,
        }
    }
}

/// Explains `token` and, with the `facts` of an API, judges it. `now` is in seconds since 1970.
///
/// Fails when the text is no JWT.
pub(crate) fn report(token: &str, facts: Option<&ApiFacts>, now: u64) -> anyhow::Result<Report> {
    let unverified = Unverified::parse(token, Profile::Strict, MAX)
        .or_else(|_| Unverified::parse(token, Profile::ClientAssertion, MAX))
        .context("this is no JWT that can be read")?;
    let claims: Map<String, Value> = parse_claims(unverified.unverified_claims(), MAX)
        .context("the payload of this JWT cannot be read")?;
    let kind = Kind::of(&claims);
    Ok(Report {
        summary: summary(kind, &claims, facts),
        claims: claims::lines(&claims, kind, facts, now),
        verdict: facts.map(|facts| Verdict::of(&unverified, kind, &claims, facts, now)),
    })
}

fn summary(kind: Kind, claims: &Map<String, Value>, facts: Option<&ApiFacts>) -> String {
    let named = |name: &str| {
        let value = claims.get(name).and_then(Value::as_str)?;
        Some(facts.and_then(|f| f.name_of(value)).map_or_else(|| shown(value), shown))
    };
    let or_nobody = |value: Option<String>| value.unwrap_or_else(|| "nobody".to_owned());
    let version = claims
        .get("ver")
        .and_then(Value::as_str)
        .map_or_else(String::new, |ver| format!(" (v{})", shown(ver)));
    let audience = or_nobody(named("aud"));
    let client = or_nobody(named("azp").or_else(|| named("appid")));
    let tenant = or_nobody(named("tid"));
    match kind {
        Kind::AppOnly => format!(
            "An app-only access token{version} for {audience}, issued to {client}, tenant {tenant}. No user is involved."
        ),
        Kind::Delegated => {
            let user = ["preferred_username", "upn", "unique_name", "name", "oid"];
            let user = or_nobody(user.into_iter().find_map(named));
            format!(
                "A delegated access token{version} for {audience}: {client} acts for {user}, tenant {tenant}."
            )
        }
        Kind::IdToken => format!(
            "An ID token{version} for {audience}, tenant {tenant}. It tells that client who signed in; no API accepts it."
        ),
        Kind::ClientAssertion => format!(
            "A client assertion of {}, by which it proves its key to the token endpoint. No API accepts it.",
            or_nobody(named("sub"))
        ),
        Kind::Other => "A signed JWT, but no access token of this platform.".to_owned(),
    }
}
