use std::fmt;

use serde::{Deserialize, Serialize};

/// Consonants without a lookalike among them, so that nothing is mistyped and no word appears
/// (RFC 8628 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Nine of twenty are 2^38.9 codes (RT-19); Entra's have nine characters too.
const LENGTH: usize = 9;
/// More than this is not looked at: nine letters, with whatever people put between them.
const TYPED_MAX: usize = 32;

/// What a user types to find the device that he holds. Prints nothing: whoever reads it in a log
/// could answer in the user's place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserCode([u8; LENGTH]);

/// A text that is no user code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a user code: expected nine letters of BCDFGHJKLMNPQRSTVWXZ")]
pub struct NotAUserCode;

impl UserCode {
    /// Makes one of random bytes.
    pub fn draw(entropy: [u8; 16]) -> Self {
        let mut rest = u128::from_be_bytes(entropy);
        let mut code = [0; LENGTH];
        for letter in &mut code {
            // 20^9 is so far below 2^128 that no code is likelier than another to speak of.
            let place = usize::try_from(rest % 20).unwrap_or(0);
            *letter = LETTERS[place];
            rest /= 20;
        }
        Self(code)
    }

    /// Reads what a user typed: in any letter case, with blanks and hyphens wherever.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > TYPED_MAX {
            return None;
        }
        let kept = typed.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
        let mut kept = kept.map(|byte| byte.to_ascii_uppercase());
        let mut code = [0; LENGTH];
        for letter in &mut code {
            *letter = kept.next().filter(|byte| LETTERS.contains(byte))?;
        }
        kept.next().is_none().then_some(Self(code))
    }

    /// The nine letters.
    pub fn as_str(&self) -> &str {
        // Letters of ASCII, each of them.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(…)")
    }
}

impl TryFrom<String> for UserCode {
    type Error = NotAUserCode;

    fn try_from(text: String) -> Result<Self, NotAUserCode> {
        Self::parse(&text).ok_or(NotAUserCode)
    }
}

impl From<UserCode> for String {
    fn from(code: UserCode) -> Self {
        code.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_type_as_they_like() {
        let code = UserCode::parse("BCDFGHJKL").unwrap();
        assert_eq!(code.as_str(), "BCDFGHJKL");
        for typed in ["bcdfghjkl", "BCD-FGH-JKL", " bcd fgh jkl ", "b-c-d-f-g-h-j-k-l"] {
            assert_eq!(UserCode::parse(typed), Some(code), "{typed}");
        }
    }

    #[test]
    fn nothing_else_is_a_code() {
        let long = format!("BCDFGHJKL{}", " ".repeat(40));
        for typed in [
            "",
            "BCDFGHJK",
            "BCDFGHJKLM",
            "BCDFGHJKA",
            "BCDFGHJK0",
            "BCDFGHJK\u{212a}",
            "BCDFGHJK_",
            "BCDFGHJKL\0",
            &long,
        ] {
            assert_eq!(UserCode::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn it_is_not_shown() {
        let code = UserCode::draw([7; 16]);
        assert!(!format!("{code:?}").contains(code.as_str()));
    }

    proptest! {
        #[test]
        fn what_is_drawn_is_read_again(entropy: [u8; 16]) {
            let code = UserCode::draw(entropy);
            prop_assert_eq!(UserCode::parse(code.as_str()), Some(code));
            let json = serde_json::to_string(&code).unwrap();
            prop_assert_eq!(serde_json::from_str::<UserCode>(&json).unwrap(), code);
        }

        #[test]
        fn reading_never_panics(typed in ".{0,40}") {
            let _ = UserCode::parse(&typed);
        }
    }
}
