//! Challenges of `WWW-Authenticate` (RFC 9110 section 11.6.1), as far as a client needs them.

use behalf_jose::base64url;
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// The longest header that is looked at.
const MAX_HEADER: usize = 16 * 1024;

/// The claims (JSON) that a resource demands: those of the first `Bearer` challenge with
/// `error="insufficient_claims"`, which carries them in base64.
pub(crate) fn insufficient_claims(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .filter(|text| text.len() <= MAX_HEADER)
        .flat_map(challenges)
        .filter(|challenge| challenge.scheme.eq_ignore_ascii_case("Bearer"))
        .find(|challenge| challenge.parameter("error") == Some("insufficient_claims"))
        .and_then(|challenge| decode(challenge.parameter("claims")?))
}

/// Standard base64 is what the platform documents, base64url what some write; padding says nothing.
fn decode(text: &str) -> Option<String> {
    let text = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let json = String::from_utf8(base64url::decode(&text).ok()?).ok()?;
    serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(&json).ok()?;
    Some(json)
}

#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Splits a header into its challenges; stops at what is none.
fn challenges(text: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (name, after) = word(rest);
        if name.is_empty() {
            return found;
        }
        let value = after.trim_start().strip_prefix('=');
        match (value, found.last_mut()) {
            (Some(value), Some(challenge)) => {
                let Some((value, after)) = value_of(value.trim_start()) else { return found };
                challenge.parameters.push((name.to_owned(), value));
                rest = after;
            }
            (Some(_), None) => return found,
            (None, _) => {
                found.push(Challenge { scheme: name.to_owned(), parameters: Vec::new() });
                rest = after;
            }
        }
    }
}

/// A token of RFC 9110 section 5.6.2 and what follows.
fn word(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

/// A token or a quoted string, and what follows.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = word(text);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const CLAIMS: &str = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    const ENCODED: &str =
        "eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiYzEifX19";

    fn claims_of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        insufficient_claims(&headers)
    }

    #[test]
    fn the_documented_challenge_gives_its_claims() {
        for header in [
            format!(
                r#"Bearer realm="", authorization_uri="https://x/a?b=c,d", error="insufficient_claims", claims="{ENCODED}""#
            ),
            format!(r#"Bearer error="insufficient_claims",claims="{ENCODED}==""#),
            format!(r#"bearer CLAIMS="{ENCODED}", Error=insufficient_claims"#),
            format!(
                r#"Basic realm="a \"b\", c", Bearer error="insufficient_claims", claims="{ENCODED}""#
            ),
        ] {
            assert_eq!(claims_of(&[&header]).as_deref(), Some(CLAIMS), "{header}");
        }
        let second = format!(r#"Bearer error="insufficient_claims", claims="{ENCODED}""#);
        assert_eq!(claims_of(&["Negotiate", &second]).as_deref(), Some(CLAIMS));
    }

    #[test]
    fn anything_else_gives_none() {
        for header in [
            String::new(),
            "Bearer".to_owned(),
            r#"Bearer error="invalid_token""#.to_owned(),
            r#"Bearer error="insufficient_claims""#.to_owned(),
            r#"Bearer error="insufficient_claims", claims="bm90IGpzb24""#.to_owned(),
            r#"Bearer error="insufficient_claims", claims="%%%""#.to_owned(),
            format!(r#"Bearer error="invalid_token", claims="{ENCODED}""#),
            format!(r#"PoP error="insufficient_claims", claims="{ENCODED}""#),
            format!(r#"Bearer error="insufficient_claims", claims="{ENCODED}"#),
            format!(r#"error="insufficient_claims", claims="{ENCODED}""#),
        ] {
            assert_eq!(claims_of(&[&header]), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[ -~é]{0,80}") {
            let _ = challenges(&text);
        }
    }
}
