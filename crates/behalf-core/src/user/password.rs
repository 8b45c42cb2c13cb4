//! Passwords in the clear: one somebody presents, and one somebody may choose.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::UserPrincipalName;

/// Fewest characters of a password that is chosen (NIST SP 800-63B 3.1.1.2).
pub const PASSWORD_MIN: usize = 8;
/// Longest password, in bytes. A longer one is wrong without being hashed.
pub const PASSWORD_MAX: usize = 256;
/// What every user of the development world signs in with.
const DEVELOPMENT: &str = "behalf-dev";
/// Characters of a generated password: 20 of 32 symbols are 100 bits.
const GENERATED: usize = 20;
/// No letter or digit that people mistake for another.
const SYMBOLS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password as it was presented at sign-in. Says nothing about whose it is or whether it is
/// right. Prints nothing, is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PresentedPassword(String);

impl PresentedPassword {
    /// Takes what was presented. `None`: nothing, or more than any password has; such is wrong
    /// (50126) without being hashed.
    pub fn new(text: String) -> Option<Self> {
        let text = Zeroizing::new(text);
        let fits = (1..=PASSWORD_MAX).contains(&text.len());
        fits.then(|| Self(text.as_str().to_owned()))
    }

    /// The text itself: for the one moment it is hashed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PresentedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedPassword(…)")
    }
}

/// A password that may become somebody's. Made by this module's functions only, so that none gets
/// past the rules. Prints nothing, is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct NewPassword(String);

impl NewPassword {
    /// Takes a password that somebody chose for `name`: long enough, not among the first that
    /// anybody tries, and no rule about what it is made of (NIST SP 800-63B 3.1.1.2). No blanks at
    /// the ends: clients of the password grant lose them (protocol 8.6).
    pub fn chosen(text: String, name: &UserPrincipalName) -> Result<Self, WeakPassword> {
        let password = Self(text);
        let text = password.0.as_str();
        let characters = text.chars().count();
        let lower = Zeroizing::new(text.to_lowercase());
        let bare = lower.trim_end_matches(|c: char| !c.is_alphabetic());
        let is_name =
            [&*lower, bare].iter().any(|part| *part == name.local() || *part == name.as_str());
        match characters {
            _ if text.len() > PASSWORD_MAX => Err(WeakPassword::Long { bytes: text.len() }),
            _ if text.chars().any(char::is_control) => Err(WeakPassword::Control),
            _ if text.trim() != text => Err(WeakPassword::Blanks),
            _ if characters < PASSWORD_MIN => Err(WeakPassword::Short { characters }),
            _ if lower.starts_with(DEVELOPMENT) => Err(WeakPassword::Development),
            _ if is_name => Err(WeakPassword::Name),
            _ if is_common(&lower, bare) => Err(WeakPassword::Common),
            _ => Ok(password),
        }
    }

    /// Makes a password from 20 random bytes: four groups of five symbols, 100 bits.
    pub fn generate(entropy: &[u8; GENERATED]) -> Self {
        let mut text = String::with_capacity(GENERATED + 3);
        for (n, byte) in entropy.iter().enumerate() {
            if n > 0 && n % 5 == 0 {
                text.push('-');
            }
            text.push(char::from(SYMBOLS[usize::from(byte % 32)]));
        }
        Self(text)
    }

    /// The password of the development world: public, and marked as such.
    pub fn development() -> Self {
        Self(DEVELOPMENT.to_owned())
    }

    /// The text itself: for the one moment it is shown or hashed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

/// Why a password may not be chosen. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too few characters.
    #[error("the password has {characters} characters, expected at least {PASSWORD_MIN}")]
    Short {
        /// Characters found.
        characters: usize,
    },
    /// Too many bytes.
    #[error("the password has {bytes} bytes, expected at most {PASSWORD_MAX}")]
    Long {
        /// Bytes found.
        bytes: usize,
    },
    /// A blank that some client would cut off.
    #[error("the password begins or ends with a blank, expected none: some clients cut it off")]
    Blanks,
    /// A character nobody types.
    #[error("the password holds a control character, such as a line end: expected one line")]
    Control,
    /// The user's own name.
    #[error("the password is the user's name: expected something others cannot guess")]
    Name,
    /// One of those that are tried first.
    #[error("the password is among the first that anybody tries: expected another")]
    Common,
    /// Marked as the development world's, which everybody knows.
    #[error("the password begins with {DEVELOPMENT}, which everybody knows: expected another")]
    Development,
}

/// The stems of the passwords that lists of leaked ones begin with: alone, doubled, or with digits
/// and signs after them. What is shorter than [`PASSWORD_MIN`] even so is refused for that.
const COMMON: &str = "password passwort passw0rd p@ssw0rd p@ssword pa55word password1 qwerty qwertyui \
    qwertyuiop qwertz qwertzui qwertzuiop qwerty123 azerty azertyui asdfgh asdfghjk asdfghjkl \
    asdfasdf zxcvbn zxcvbnm 1q2w3e 1q2w3e4r 1q2w3e4r5t 1qaz2wsx qazwsx qazwsxedc zaq12wsx abcdefgh \
    abcdefg abcd1234 abc123 a1b2c3d4 iloveyou letmein welcome welcome1 willkommen bienvenue admin \
    administrator changeme changeit default secret sunshine princess football baseball basketball \
    superman batman starwars pokemon trustno1 whatever computer internet samsung michelle jennifer \
    jordan23 liverpool chelsea arsenal dragon monkey shadow master mustang michael charlie computer1 \
    freedom hello hello123 hallo google facebook linkedin microsoft windows oracle spring summer \
    autumn winter sommer fruehling herbst january february march april monday friday test testtest \
    tester testing temp temporary guest user root server company nothing midnight blink182 metallica \
    passport corporate internet1 access qwert12345 11111111 00000000 12345678 123456789 1234567890 \
    87654321 12341234 11223344 123123123 12121212 66666666 88888888 99999999 147258369 987654321";

fn is_common(lower: &str, bare: &str) -> bool {
    let (half, rest) = match lower.char_indices().nth(lower.chars().count() / 2) {
        Some((middle, _)) => lower.split_at(middle),
        None => (lower, ""),
    };
    let mut characters = lower.chars();
    let first = characters.next();
    let one_character = characters.all(|other| Some(other) == first);
    let doubled = half == rest;
    let known = |text: &str| COMMON.split_ascii_whitespace().any(|common| common == text);
    one_character || known(lower) || known(bare) || (doubled && known(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<(), WeakPassword> {
        let name = UserPrincipalName::parse("bob.builder@acme.test").unwrap();
        NewPassword::chosen(text.to_owned(), &name).map(|_| ())
    }

    #[test]
    fn a_password_is_long_enough_and_not_the_first_that_is_tried() {
        for good in
            ["correct horse", "Tr0ub4dor", "zwölf Äpfel", "8 bytes!", "bobbuilder2", "пароль-да"]
        {
            assert_eq!(chosen(good), Ok(()), "{good}");
        }
        let long = "ab cd ".repeat(43);
        for (bad, why) in [
            ("", WeakPassword::Short { characters: 0 }),
            ("sévèn7!", WeakPassword::Short { characters: 7 }),
            (long.trim_end(), WeakPassword::Long { bytes: 257 }),
            (" leading8", WeakPassword::Blanks),
            ("trailing ", WeakPassword::Blanks),
            ("trailing\u{a0}", WeakPassword::Blanks),
            ("two\nlines!", WeakPassword::Control),
            ("Bob.Builder", WeakPassword::Name),
            ("bob.builder2026!", WeakPassword::Name),
            ("BOB.BUILDER@acme.test", WeakPassword::Name),
            ("Password1", WeakPassword::Common),
            ("PASSWORD!", WeakPassword::Common),
            ("Summer2026", WeakPassword::Common),
            ("qwertyqwerty", WeakPassword::Common),
            ("12345678", WeakPassword::Common),
            ("zzzzzzzzzzzz", WeakPassword::Common),
            ("behalf-dev", WeakPassword::Development),
            ("Behalf-Dev-2", WeakPassword::Development),
        ] {
            assert_eq!(chosen(bad), Err(why), "{bad:?}");
        }
        assert!(chosen(&"x1".repeat(128)).is_ok(), "256 bytes are allowed");
    }

    #[test]
    fn generated_ones_differ_and_obey_the_rules() {
        let one = NewPassword::generate(&[0; 20]);
        assert_eq!(one.expose(), "aaaaa-aaaaa-aaaaa-aaaaa");
        let bytes: [u8; 20] = std::array::from_fn(|n| u8::try_from(n * 13 % 256).unwrap());
        let two = NewPassword::generate(&bytes);
        assert_ne!(one, two);
        assert_eq!(chosen(two.expose()), Ok(()), "{}", two.expose());
    }

    #[test]
    fn what_is_presented_is_bounded_and_nothing_is_printed() {
        assert!(PresentedPassword::new(String::new()).is_none());
        assert!(PresentedPassword::new("x".repeat(257)).is_none());
        let presented = PresentedPassword::new("hunter2 ".into()).unwrap();
        assert_eq!(presented.expose(), "hunter2 ");
        let printed = format!("{presented:?} {:?}", NewPassword::development());
        assert_eq!(printed, "PresentedPassword(…) NewPassword(…)");
    }
}
