use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroize;

/// A secret, an assertion or another value that must reach no log: `Debug` shows nothing, and a
/// decoded copy is overwritten when dropped. A borrowed value belongs to the request's body.
pub struct SecretText<'a>(Cow<'a, str>);

impl<'a> SecretText<'a> {
    pub(crate) fn new(text: Cow<'a, str>) -> Self {
        Self(text)
    }

    /// The text itself. For comparing and verifying, never for showing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl Drop for SecretText<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}
