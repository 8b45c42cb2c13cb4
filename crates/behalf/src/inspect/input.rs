//! From what somebody piped or pasted to the token in it.

use std::{
    fmt,
    io::{self, Read},
};

use behalf_core::secret;

/// The longest input, in bytes. Access tokens have at most 7 KiB.
const MAX: u64 = 64 * 1024;

/// Why there is no token. Nothing of the input is repeated: it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoToken {
    /// Nothing but white space.
    Empty,
    /// A client secret.
    Secret,
    /// Five parts.
    Encrypted,
    /// JSON that is no answer of the token endpoint.
    Json,
    /// Something else.
    NotAJwt,
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => {
                "there is nothing to inspect: give a token on standard input or in a file"
            }
            Self::Secret => {
                "this is a client secret, not a token, and whoever saw it can act as the \
                 application. Get a token with it: behalf token get"
            }
            Self::Encrypted => {
                "this is an encrypted token (JWE), which only its addressee can read. Inspect the \
                 access token instead"
            }
            Self::Json => {
                "this JSON has no member access_token: give a token, or the token endpoint's answer"
            }
            Self::NotAJwt => {
                "this is no JWT: expected three parts of base64url between dots, beginning with \
                 eyJ. Was it cut when it was copied?"
            }
        })
    }
}

impl std::error::Error for NoToken {}

/// Reads all of `source`, at most [`MAX`] bytes of UTF-8.
pub(super) fn read(source: &mut dyn Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX {
        let message = "over 64 KiB: no token is that long";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// Finds the token: bare, after `Bearer`, or in the token endpoint's answer.
pub(super) fn token_in(text: &str) -> Result<String, NoToken> {
    let text = text.trim();
    if text.starts_with('{') {
        let answer: serde_json::Value = serde_json::from_str(text).map_err(|_| NoToken::Json)?;
        return answer["access_token"].as_str().map_or(Err(NoToken::Json), token_in);
    }
    let text = match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => text,
    };
    if text.is_empty() {
        return Err(NoToken::Empty);
    }
    if text.starts_with(secret::PREFIX) || text.starts_with(secret::DEV_PREFIX) {
        return Err(NoToken::Secret);
    }
    match text.split('.').count() {
        3 if !text.contains(char::is_whitespace) => Ok(text.to_owned()),
        5 => Err(NoToken::Encrypted),
        _ => Err(NoToken::NotAJwt),
    }
}
