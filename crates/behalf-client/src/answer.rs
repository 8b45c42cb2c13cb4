//! What the token endpoint answers (RFC 6749 section 5), read without trust.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::transport::HttpAnswer;

/// The longest text that is kept of an error, in characters.
const MAX_TEXT: usize = 4096;
/// The longest token that is taken, in bytes.
const MAX_TOKEN: usize = 64 * 1024;

/// What the token endpoint answered, whole: for programs that keep tokens themselves. Nothing of it
/// is in the client's memory. `Debug` tells what there is and shows nothing of it.
pub struct TokenAnswer {
    pub(crate) granted: Granted,
    body: Zeroizing<Vec<u8>>,
}

impl TokenAnswer {
    /// The access token. Never for a log.
    pub fn access_token(&self) -> &str {
        self.granted.access_token.expose()
    }

    /// How long it lives, in seconds.
    pub const fn expires_in(&self) -> u64 {
        self.granted.expires_in
    }

    /// What it is good for, as the service says, separated by spaces.
    pub fn scope(&self) -> Option<&str> {
        self.granted.scope.as_deref()
    }

    /// The refresh token: a long-lived secret.
    pub fn refresh_token(&self) -> Option<&str> {
        self.granted.refresh_token.as_ref().map(Secret::expose)
    }

    /// The ID token. Of a sign-in it was checked; elsewhere nobody has.
    pub fn id_token(&self) -> Option<&str> {
        self.granted.id_token.as_ref().map(Secret::expose)
    }

    /// The JSON as it came (RFC 6749 section 5.1), tokens included.
    pub fn json(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer")
            .field("scope", &self.scope())
            .field("expires_in", &self.expires_in())
            .field("refresh_token", &self.refresh_token().is_some())
            .field("id_token", &self.id_token().is_some())
            .finish_non_exhaustive()
    }
}

/// A success.
#[derive(Debug, Deserialize)]
pub(crate) struct Granted {
    token_type: String,
    pub(crate) access_token: Secret,
    #[serde(deserialize_with = "seconds")]
    pub(crate) expires_in: u64,
    #[serde(default, deserialize_with = "optional_seconds")]
    pub(crate) refresh_in: Option<u64>,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) client_info: Option<String>,
    scope: Option<String>,
}

/// The error envelope. Unknown members are ignored.
#[derive(Deserialize)]
struct Envelope {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default, deserialize_with = "lenient")]
    error_codes: Vec<u32>,
    suberror: Option<String>,
    claims: Option<String>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
}

/// Reads an answer to a request that carried `secrets` and was named `correlation_id`.
pub(crate) fn read(
    url: &str,
    answer: HttpAnswer,
    secrets: &[&str],
    correlation_id: &str,
) -> Result<TokenAnswer, Error> {
    if answer.status != 200 {
        return Err(refused(url, &answer, secrets, Some(correlation_id)));
    }
    let odd = |reason: String| Error::Answer { url: url.to_owned(), status: 200, reason };
    // serde's message may quote a value, and values are secrets here: only the place is told.
    let granted: Granted = serde_json::from_slice(&answer.body).map_err(|error| {
        let expected = "a JSON object with token_type, access_token and expires_in";
        odd(format!("expected {expected} (line {}, column {})", error.line(), error.column()))
    })?;
    let granted = granted.check().map_err(|reason| odd(reason.to_owned()))?;
    Ok(TokenAnswer { granted, body: answer.body })
}

/// The error in an answer whose status is not 200.
pub(crate) fn refused(
    url: &str,
    answer: &HttpAnswer,
    secrets: &[&str],
    correlation_id: Option<&str>,
) -> Error {
    let status = answer.status;
    let text = |text: String| clean(&text, secrets);
    let refusal = match serde_json::from_slice::<Envelope>(&answer.body) {
        Ok(envelope) => Refusal {
            error: text(envelope.error),
            description: text(envelope.error_description),
            codes: envelope.error_codes,
            suberror: envelope.suberror.filter(|value| !value.is_empty()).map(text),
            claims: envelope.claims.filter(|value| !value.is_empty()),
            trace_id: envelope.trace_id.map(text),
            correlation_id: envelope.correlation_id.map(text),
            status,
            retry_after: answer.retry_after,
        },
        // A proxy's 503 is a page of HTML; its wait counts all the same.
        Err(_) if answer.retry_after.is_some() && matches!(status, 429 | 503) => Refusal {
            error: "temporarily_unavailable".to_owned(),
            description: format!("{url} answered {status} without a reason."),
            codes: Vec::new(),
            suberror: None,
            claims: None,
            trace_id: None,
            correlation_id: None,
            status,
            retry_after: answer.retry_after,
        },
        Err(_) => {
            let reason = if (300..400).contains(&status) {
                "a redirect is not followed, for the credential would go with it"
            } else {
                "no JSON object with the member error"
            };
            return Error::Answer { url: url.to_owned(), status, reason: reason.to_owned() };
        }
    };
    let correlation_id = refusal.correlation_id.or_else(|| correlation_id.map(str::to_owned));
    Error::Refused(Arc::new(Refusal { correlation_id, ..refusal }))
}

impl Granted {
    fn check(self) -> Result<Self, &'static str> {
        let token = self.access_token.expose();
        if !self.token_type.eq_ignore_ascii_case("Bearer") {
            Err("the token_type is not Bearer")
        } else if token.is_empty() || token.len() > MAX_TOKEN {
            Err("the access token is empty or longer than 64 KiB")
        } else if !token.bytes().all(|b| b.is_ascii_graphic()) {
            Err("the access token is not one visible ASCII word")
        } else {
            Ok(self)
        }
    }
}

/// A text of the server as it may stand in a log: bounded, on one line, without the secrets that
/// were sent.
pub(crate) fn clean(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        if text.contains(secret) {
            text = text.replace(secret, "(secret)");
        }
    }
    text.chars().take(MAX_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Seconds as a number or as digits (the v1 endpoint writes all values as strings).
struct Seconds;

impl Visitor<'_> for Seconds {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        text.parse().map_err(E::custom)
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Seconds)
}

fn optional_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    seconds(deserializer).map(Some)
}

/// The numbers of an array; what is no number, or no array, is left out: codes are diagnostics.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let numbers = value.as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64);
    Ok(numbers.filter_map(|number| u32::try_from(number).ok()).take(16).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(status: u16, body: &[u8], secrets: &[&str]) -> Result<TokenAnswer, Error> {
        let body = Zeroizing::new(body.to_vec());
        read("https://x/token", HttpAnswer { status, retry_after: None, body }, secrets, "id")
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic_and_no_error_repeats_a_secret(
            status in prop_oneof![Just(200_u16), 400_u16..600],
            text in "[ -~]{0,40}",
        ) {
            let secret = "s3cret-of-the-request";
            for body in [
                text.clone(),
                serde_json::json!({ "error": text, "error_description": secret }).to_string(),
                format!(r#"{{"access_token":"{secret}","expires_in":"{secret}"}}"#),
                format!(r#"{{"error":{secret},"error_codes":"{text}"}}"#),
            ] {
                if let Err(error) = read_all(status, body.as_bytes(), &[secret]) {
                    let shown = format!("{error} {error:?}");
                    prop_assert!(!shown.contains(secret), "{}", shown);
                }
            }
        }
    }

    #[test]
    fn a_text_is_cut_after_its_secrets_are_gone() {
        let text = format!("{}s3cret", "x".repeat(MAX_TEXT - 3));
        assert!(!clean(&text, &["s3cret"]).contains("s3c"));
        assert_eq!(clean("a\r\nb\u{1b}[2J", &[""]), "a  b [2J");
    }
}
