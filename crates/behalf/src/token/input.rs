//! The token that a command works on: from a file or standard input, never an argument.

use std::{
    io::{self, IsTerminal as _, Read},
    path::Path,
};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    failure::{Exit, Failure},
    files,
    target::Stdin,
};

/// Longest token or answer that is read, in bytes.
const MAX: u64 = 256 * 1024;

/// Standard input is taken unless the token comes from a file.
pub(super) fn stdin_beside(file: Option<&Path>) -> Stdin {
    if file.is_some() { Stdin::Free } else { Stdin::Taken }
}

/// Which token of a whole answer is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    /// `access_token`.
    AccessToken,
    /// `refresh_token`.
    RefreshToken,
}

/// What `behalf token … -o json` prints, of which one token is meant.
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    refresh_token: Option<String>,
}

/// The token in `file`, or on standard input.
pub(super) fn token(file: Option<&Path>, member: Member) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    match file {
        Some(path) => match files::read_text(path, MAX) {
            Ok(read) => *text = read,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                let what = format!("there is no file {}", path.display());
                return Err(Failure::new(Exit::NotFound, what));
            }
            Err(cause) => return Err(Failure::path(path, "read the token from", &cause)),
        },
        None if io::stdin().is_terminal() => return Err(missing(member)),
        None => {
            let read = io::stdin().take(MAX).read_to_string(&mut text);
            read.map_err(|_| Failure::usage("standard input is not UTF-8 text"))?;
        }
    }
    parse(&text, member)
}

/// One word, or a token answer as JSON.
fn parse(text: &str, member: Member) -> Result<Zeroizing<String>, Failure> {
    let text = text.trim();
    if text.starts_with('{') {
        // serde's message may quote what it found, and that may be a secret.
        let answer: Answer = serde_json::from_str(text)
            .map_err(|_| Failure::usage("what was given is neither a token nor a token answer"))?;
        let found = match member {
            Member::AccessToken => answer.access_token,
            Member::RefreshToken => answer.refresh_token,
        };
        let found = found.filter(|token| !token.is_empty()).map(Zeroizing::new);
        return found.ok_or_else(|| match member {
            Member::AccessToken => Failure::usage("the answer holds no access token"),
            Member::RefreshToken => Failure::usage("the answer holds no refresh token")
                .fix("ask for it: --scope with offline_access"),
        });
    }
    if text.is_empty() {
        return Err(missing(member));
    }
    if text.split_whitespace().nth(1).is_some() {
        return Err(Failure::usage("what was given is more than one word, so it is no token"));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

fn missing(member: Member) -> Failure {
    let name = match member {
        Member::AccessToken => "token",
        Member::RefreshToken => "refresh token",
    };
    Failure::usage(format!("no {name} was given"))
        .fix("pipe it to standard input, or name its file with --token-file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, member: Member) -> Result<String, String> {
        parse(text, member).map(|token| token.as_str().to_owned()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_token_is_one_word_or_the_member_of_an_answer() {
        use Member::{AccessToken, RefreshToken};
        let answer = r#"{"access_token":"a.b.c","refresh_token":"r","expires_in":1}"#;
        assert_eq!(read(" a.b.c\n", AccessToken).unwrap(), "a.b.c");
        assert_eq!(read(answer, AccessToken).unwrap(), "a.b.c");
        assert_eq!(read(answer, RefreshToken).unwrap(), "r");
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_repeated() {
        use Member::{AccessToken, RefreshToken};
        for (text, member, told) in [
            ("", AccessToken, "no token was given"),
            (" \n", RefreshToken, "no refresh token was given"),
            ("s3cret s3cret", AccessToken, "more than one word"),
            ("{\"access_token\":\"s3cret", AccessToken, "neither a token nor a token answer"),
            (r#"{"access_token":["s3cret"]}"#, AccessToken, "neither a token nor"),
            (
                r#"{"access_token":"s3cret"}"#,
                RefreshToken,
                "holds no refresh token. Try: ask for it",
            ),
            (r#"{"access_token":"","x":"s3cret"}"#, AccessToken, "holds no access token"),
        ] {
            let refused = read(text, member).unwrap_err();
            assert!(refused.contains(told), "{text}: {refused}");
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }
}
