//! Would the API accept it? The checks of `behalf-resource`, in its order, all of them made.

use behalf_core::id::parse_guid;
use behalf_jose::{VerifyingKey, jws::Unverified};
use behalf_protocol::claims::AccessToken;
use serde_json::{Map, Value};

use super::{
    claims::{relative, shown},
    facts::ApiFacts,
    report::Kind,
};

/// How far clocks may be apart, in seconds.
const SKEW: u64 = 300;

/// The answer with its reasons.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What people call the API.
    pub(super) api: String,
    /// Every check in order.
    pub(super) checks: Vec<Check>,
    /// What to do, in order; empty when the token is accepted.
    pub(super) fixes: Vec<String>,
}

/// One check.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// What is checked.
    pub(super) name: &'static str,
    /// Whether it passed.
    pub(super) passed: bool,
    /// What was found and, if it failed, expected.
    pub(super) text: String,
}

/// A finding, with the fix when it is a failure.
type Finding = Result<String, (String, Option<String>)>;

impl Verdict {
    /// Makes every check, so that one run shows everything that is wrong.
    pub(super) fn of(
        token: &Unverified<'_>,
        kind: Kind,
        claims: &Map<String, Value>,
        facts: &ApiFacts,
        now: u64,
    ) -> Self {
        let case = Case { token, kind, claims, facts, now };
        let findings = [
            ("signature", case.signature()),
            ("issuer", case.issuer()),
            ("tenant", case.tenant()),
            ("audience", case.audience()),
            ("time", case.time()),
            ("kind", case.kind()),
            ("permission", case.permission()),
        ];
        let mut verdict = Self { api: facts.name.clone(), checks: Vec::new(), fixes: Vec::new() };
        for (name, finding) in findings {
            let (passed, text) = match finding {
                Ok(text) => (true, text),
                Err((text, fix)) => {
                    verdict.fixes.extend(fix);
                    (false, text)
                }
            };
            verdict.checks.push(Check { name, passed, text });
        }
        verdict.fixes.dedup();
        verdict
    }

    /// Whether every check passed.
    pub(super) fn accepted(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

struct Case<'a> {
    token: &'a Unverified<'a>,
    kind: Kind,
    claims: &'a Map<String, Value>,
    facts: &'a ApiFacts,
    now: u64,
}

fn failed(text: impl Into<String>, fix: impl Into<String>) -> Finding {
    Err((text.into(), Some(fix.into())))
}

impl Case<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    fn named(&self, id: &str) -> String {
        let name = self.facts.name_of(id);
        name.map_or_else(|| shown(id), |name| format!("{} ({})", shown(name), shown(id)))
    }

    fn signature(&self) -> Finding {
        let header = self.token.unverified_header();
        let Some(kid) = &header.kid else {
            return failed("the header names no key (kid)", "get a token from this server");
        };
        let key = self.facts.keys.keys.iter().find(|key| key.kid.as_ref() == Some(kid));
        let Some(key) = key else {
            return failed(
                format!("kid {} is not in this server's key set", shown(kid)),
                "get a new token: this one is of another server, or its key was retired",
            );
        };
        let holds = VerifyingKey::from_jwk(key).is_ok_and(|key| self.token.verify(&key).is_ok());
        if holds {
            return Ok(format!("{}, kid {} is in this server's key set", header.alg, shown(kid)));
        }
        failed(
            format!("does not hold under kid {}", shown(kid)),
            "copy the whole token again: it was changed after it was signed",
        )
    }

    fn issuer(&self) -> Finding {
        let (base, tid) = (&self.facts.issuer_base, self.text("tid").unwrap_or("{tid}"));
        let (v1, v2) = (format!("{base}/{tid}/"), format!("{base}/{tid}/v2.0"));
        let iss = self.text("iss").unwrap_or_default();
        let expected_version = match iss {
            _ if self.text("tid").is_none() => None,
            iss if iss == v1 => Some("1.0"),
            iss if iss == v2 => Some("2.0"),
            _ => None,
        };
        match expected_version {
            Some(version) if self.text("ver") == Some(version) => {
                Ok(format!("matches {base}/{{tid}}/{}", &iss[v1.len()..]))
            }
            Some(version) => failed(
                format!("ver does not go with the issuer, which issues {version}"),
                "get a token from this server",
            ),
            None => failed(
                format!("{} is not {base}/{{tid}}/ or {base}/{{tid}}/v2.0", shown(iss)),
                format!("let client and API use the same server; the API trusts {base}"),
            ),
        }
    }

    fn tenant(&self) -> Finding {
        let (api, accepted) = (&self.facts.name, &self.facts.tenants);
        match self.text("tid") {
            None => failed("tid is missing", "get a token from this server"),
            Some(tid) if accepted.is_empty() || accepted.iter().any(|own| own == tid) => {
                Ok(format!("{} is accepted", self.named(tid)))
            }
            Some(tid) => failed(
                format!("{} is not accepted by {api}", self.named(tid)),
                format!("ask in the tenant of {api}, or let {api} accept this one"),
            ),
        }
    }

    fn audience(&self) -> Finding {
        let api = &self.facts.name;
        let aud = match self.claims.get("aud") {
            Some(Value::Array(list)) if list.len() == 1 => list.first(),
            other => other,
        };
        match aud {
            Some(Value::String(aud)) if self.facts.answers_to(aud) => {
                Ok(format!("{} is {api}", shown(aud)))
            }
            Some(Value::String(aud)) => failed(
                format!(
                    "token is for {}, {api} accepts: {}",
                    self.named(aud),
                    self.facts.audiences.join(", ")
                ),
                format!(
                    "ask for the right API:  scope={0}/.default  (v1: resource={0})",
                    self.facts.resource()
                ),
            ),
            _ => failed("is not one value", "get a token from this server"),
        }
    }

    fn time(&self) -> Finding {
        let date = |name| self.claims.get(name).and_then(Value::as_u64);
        let Some(exp) = date("exp") else {
            return failed("exp is missing or no whole number", "get a token from this server");
        };
        if self.now >= exp.saturating_add(SKEW) {
            return failed(
                format!("expired {}", relative(exp, self.now)),
                "get a new token; clients keep one for expires_in seconds, not longer",
            );
        }
        match date("nbf") {
            Some(nbf) if nbf > self.now.saturating_add(SKEW) => failed(
                format!("counts only {}", relative(nbf, self.now)),
                "set the clocks: those of server and API are over 5 min apart",
            ),
            _ if exp <= self.now => Ok(format!(
                "expired {}, within the 5 min that clocks may differ",
                relative(exp, self.now)
            )),
            _ => Ok(format!("expires {}", relative(exp, self.now))),
        }
    }

    fn kind(&self) -> Finding {
        let new = "get a token from this server";
        let says = self.text("idtyp");
        match self.kind {
            Kind::AppOnly | Kind::Delegated if !self.is_readable() => {
                failed("a claim has a wrong type, or iat is missing", new)
            }
            Kind::AppOnly | Kind::Delegated if !self.names_its_parties() => {
                failed("client, object or tenant is named by no id", new)
            }
            Kind::AppOnly if says == Some("user") => failed("idtyp user, but no scp", new),
            Kind::Delegated if says == Some("app") => failed("idtyp app, but scp", new),
            Kind::AppOnly => Ok("an application's access token".to_owned()),
            Kind::Delegated => Ok("a user's access token".to_owned()),
            Kind::IdToken => failed(
                "an ID token: it has neither azp nor appid",
                "send the access_token of the answer, not its id_token",
            ),
            Kind::ClientAssertion => failed(
                "a client assertion",
                "send it to the token endpoint as client_assertion; the API gets the access token",
            ),
            Kind::Other => failed("neither clearly an application's nor a user's", new),
        }
    }

    /// Whether an API can read the claims at all.
    fn is_readable(&self) -> bool {
        let claims = serde_json::from_value::<AccessToken>(Value::Object(self.claims.clone()));
        claims.is_ok_and(|claims| claims.iat.is_some())
    }

    /// Client, object and tenant are ids in the one spelling of tokens: lower case.
    fn names_its_parties(&self) -> bool {
        let is_id = |text: &str| parse_guid(text).is_ok_and(|id| id.to_string() == text);
        let client = self.text("appid").or_else(|| self.text("azp"));
        [client, self.text("oid"), self.text("tid")].into_iter().all(|id| id.is_some_and(is_id))
    }

    /// Scopes count for users and roles for applications, never the other way round.
    fn permission(&self) -> Finding {
        let roles = self.claims.get("roles").and_then(Value::as_array);
        let roles = roles.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
        let (what, has, needed) = match self.kind {
            Kind::AppOnly => ("role", roles, &self.facts.roles),
            Kind::Delegated => {
                let scopes = self.text("scp").unwrap_or_default().split(' ');
                ("scope", scopes.filter(|scope| !scope.is_empty()).collect(), &self.facts.scopes)
            }
            _ => return Err(("only access tokens carry permissions".to_owned(), None)),
        };
        if let Some(found) = needed.iter().find(|value| has.contains(&value.as_str())) {
            return Ok(format!("has {what} {found}"));
        }
        if needed.is_empty() {
            return Ok(format!("{} asks for no particular {what}", self.facts.name));
        }
        let needs = needed.join(" or ");
        let has = if has.is_empty() { "none".to_owned() } else { shown(&has.join(", ")) };
        Err((format!("needs {what} {needs}; token has {has}"), self.permission_fix(&needs)))
    }

    /// A token for another API has that API's permissions; what the right one will have is seen in
    /// the right token.
    fn permission_fix(&self, needs: &str) -> Option<String> {
        if self.audience().is_err() {
            return None;
        }
        let client = self.text("azp").or_else(|| self.text("appid")).unwrap_or_default();
        let (client, api) = (self.named(client), &self.facts.name);
        Some(match self.kind {
            Kind::Delegated => {
                format!("ask for scope={}/{needs}, and consent to it", self.facts.resource())
            }
            _ => format!("assign {needs} of {api} to {client}, then get a new token"),
        })
    }
}
