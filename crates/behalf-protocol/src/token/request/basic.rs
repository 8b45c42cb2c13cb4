use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::AadSts;
use crate::token::SecretText;

use crate::form::decode;

/// The longest accepted value of the header, in bytes.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Client id and secret of an `Authorization: Basic` header.
#[derive(Debug)]
pub struct BasicCredentials {
    /// The client's id, as sent.
    pub client_id: String,
    /// The secret; absent when empty.
    pub client_secret: Option<SecretText<'static>>,
}

/// Why an `Authorization` header names no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BasicError {
    /// Another scheme: the token endpoint takes `Basic` only.
    #[error(
        "The Authorization header is not of the scheme Basic. Send Basic, or leave the header out."
    )]
    OtherScheme,
    /// Not `base64(urlencoded id ":" urlencoded secret)`.
    #[error(
        "The Authorization header cannot be decoded: it must be Basic and the base64 of the \
         form-encoded client id, a colon and the form-encoded secret."
    )]
    Malformed,
}

impl BasicError {
    /// The catalogue's row.
    pub const fn aadsts(self) -> AadSts {
        match self {
            Self::OtherScheme | Self::Malformed => AadSts::MalformedRequest,
        }
    }
}

impl BasicCredentials {
    /// Reads the value of an `Authorization` header (RFC 6749 2.3.1).
    ///
    /// Id and secret are always form-decoded after the base64, as the RFC says: a client whose
    /// secret has a `+` or `%` must encode it. Secrets made by behalf have neither.
    pub fn parse(header: &str) -> Result<Self, BasicError> {
        let (scheme, encoded) = header.trim_ascii().split_once(' ').unwrap_or((header, ""));
        if !scheme.eq_ignore_ascii_case("Basic") {
            return Err(BasicError::OtherScheme);
        }
        if encoded.len() > MAX_HEADER_BYTES {
            return Err(BasicError::Malformed);
        }
        let bytes = Zeroizing::new(
            STANDARD.decode(encoded.trim_ascii()).map_err(|_| BasicError::Malformed)?,
        );
        let text = std::str::from_utf8(&bytes).map_err(|_| BasicError::Malformed)?;
        let (id, secret) = text.split_once(':').ok_or(BasicError::Malformed)?;
        let id = decode(id).map_err(|_| BasicError::Malformed)?;
        let secret = decode(secret).map_err(|_| BasicError::Malformed)?.into_owned();
        if id.is_empty() {
            return Err(BasicError::Malformed);
        }
        Ok(Self {
            client_id: id.into_owned(),
            client_secret: (!secret.is_empty()).then(|| SecretText::new(Cow::Owned(secret))),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn decodes_base64_then_the_form() {
        let basic = BasicCredentials::parse(&header("1c%2Da:a%2Bb+c%3Ad")).unwrap();
        assert_eq!(basic.client_id, "1c-a");
        assert_eq!(basic.client_secret.unwrap().expose(), "a+b c:d");
    }

    #[test]
    fn the_scheme_has_no_case_and_the_first_colon_divides() {
        let value = header("id:se:cret").replace("Basic", "bAsIc");
        assert_eq!(
            BasicCredentials::parse(&value).unwrap().client_secret.unwrap().expose(),
            "se:cret"
        );
    }

    #[test]
    fn an_empty_secret_is_none() {
        assert!(BasicCredentials::parse(&header("id:")).unwrap().client_secret.is_none());
    }

    #[test]
    fn refuses_everything_else() {
        let long = header(&"a".repeat(10_000));
        for (value, expected) in [
            ("", BasicError::OtherScheme),
            ("Bearer eyJ", BasicError::OtherScheme),
            ("Basic", BasicError::Malformed),
            ("Basic !!!", BasicError::Malformed),
            (header("no colon").as_str(), BasicError::Malformed),
            (header(":secret").as_str(), BasicError::Malformed),
            (header("id:%zz").as_str(), BasicError::Malformed),
            (header("id:%00").as_str(), BasicError::Malformed),
            (long.as_str(), BasicError::Malformed),
        ] {
            assert_eq!(BasicCredentials::parse(value).unwrap_err(), expected, "{value}");
        }
        let not_text = format!("Basic {}", STANDARD.encode(b"id:\xff"));
        assert_eq!(BasicCredentials::parse(&not_text).unwrap_err(), BasicError::Malformed);
    }

    #[test]
    fn nothing_secret_is_shown() {
        let basic = BasicCredentials::parse(&header("id:canary")).unwrap();
        assert!(!format!("{basic:?}").contains("canary"));
    }

    proptest! {
        #[test]
        fn never_panics(value in ".{0,64}", payload in ".{0,64}") {
            let _ = BasicCredentials::parse(&value);
            let _ = BasicCredentials::parse(&header(&payload));
        }
    }
}
