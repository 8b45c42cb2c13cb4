use std::borrow::Cow;

use uuid::Uuid;

use crate::error::AadSts;
use crate::token::SecretText;

use super::decode::{BadEncoding, decode};

/// The largest body of a token request, in bytes. The server refuses longer ones before reading
/// them (413); [`TokenForm::parse`] checks again.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The most fields a form may have. MSAL Node sends about 15.
pub const MAX_FIELDS: usize = 256;

/// The body of a token request, each value decoded, borrowed from the body where nothing had to be.
///
/// An empty value is absent (RFC 6749 3.1). Fields that are not of OAuth are ignored, repeated or
/// not: MSAL Node sends its telemetry here.
#[derive(Debug, Default)]
pub struct TokenForm<'a> {
    /// `grant_type`.
    pub grant_type: Option<Cow<'a, str>>,
    /// `client_id`, as sent.
    pub client_id: Option<Cow<'a, str>>,
    /// `client_secret`.
    pub client_secret: Option<SecretText<'a>>,
    /// `client_assertion_type`.
    pub client_assertion_type: Option<Cow<'a, str>>,
    /// `client_assertion`, a JWT.
    pub client_assertion: Option<SecretText<'a>>,
    /// `scope`, the whole list.
    pub scope: Option<Cow<'a, str>>,
    /// `resource`, of the v1 endpoint.
    pub resource: Option<Cow<'a, str>>,
    /// `claims`, JSON.
    pub claims: Option<Cow<'a, str>>,
    /// `client_info`; `1` asks for `client_info` in the answer of user flows.
    pub client_info: Option<Cow<'a, str>>,
    /// `client-request-id`, when it is a GUID (MSAL Node sends it here instead of as a header).
    pub client_request_id: Option<Uuid>,
}

/// Why a body is no token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not `application/x-www-form-urlencoded`, or no `Content-Type` at all.
    #[error(
        "The body is not a form. Send Content-Type application/x-www-form-urlencoded with the \
         parameters percent-encoded."
    )]
    WrongContentType,
    /// Longer than [`MAX_BODY_BYTES`].
    #[error("The body is larger than 65536 bytes.")]
    TooLarge,
    /// Broken percent-encoding, or text that is not UTF-8 or holds a NUL.
    #[error(
        "The form cannot be decoded: each name and value must be percent-encoded UTF-8 without NUL."
    )]
    BadEncoding,
    /// More than [`MAX_FIELDS`].
    #[error("The form has more than 256 fields. A token request has fewer than twenty.")]
    TooManyFields,
    /// An OAuth parameter appears twice (RFC 6749 3.2), even with equal or empty values.
    #[error("The parameter {name} appears more than once. Send it once.")]
    Repeated {
        /// The parameter's name: one of the fixed list, never text of the request.
        name: &'static str,
    },
}

impl FormError {
    /// The catalogue's row.
    pub const fn aadsts(self) -> AadSts {
        match self {
            Self::TooLarge => AadSts::BodyTooLarge,
            Self::WrongContentType | Self::BadEncoding | Self::TooManyFields => {
                AadSts::MalformedRequest
            }
            Self::Repeated { .. } => AadSts::RepeatedParameter,
        }
    }
}

impl From<BadEncoding> for FormError {
    fn from(_: BadEncoding) -> Self {
        Self::BadEncoding
    }
}

/// The parameters of OAuth and of its extensions: each may appear once. Its place in the list is
/// its bit in the set of those seen.
const PARAMETERS: [&str; 29] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion_type",
    "client_assertion",
    "scope",
    "resource",
    "claims",
    "client_info",
    "requested_token_use",
    "assertion",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "device_code",
    "username",
    "password",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "audience",
    "token",
    "token_type_hint",
    "token_type",
    "req_cnf",
    "nonce",
];

impl<'a> TokenForm<'a> {
    /// Reads a body in one pass. `content_type` is the header's value; parameters after `;`
    /// (`charset=utf-8`) are allowed and ignored.
    pub fn parse(content_type: Option<&str>, body: &'a [u8]) -> Result<Self, FormError> {
        if !content_type.is_some_and(is_form) {
            return Err(FormError::WrongContentType);
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(FormError::TooLarge);
        }
        let text = std::str::from_utf8(body).map_err(|_| FormError::BadEncoding)?;
        let mut form = Self::default();
        let mut seen = 0_u32;
        for (count, field) in text.split('&').enumerate() {
            if count >= MAX_FIELDS {
                return Err(FormError::TooManyFields);
            }
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            form.take(&decode(name)?, decode(value)?, &mut seen)?;
        }
        Ok(form)
    }

    fn take(&mut self, name: &str, value: Cow<'a, str>, seen: &mut u32) -> Result<(), FormError> {
        let Some((bit, name)) = PARAMETERS.iter().enumerate().find(|(_, known)| **known == name)
        else {
            if name == "client-request-id" && self.client_request_id.is_none() {
                self.client_request_id = Uuid::try_parse(&value).ok();
            }
            return Ok(());
        };
        if *seen & (1 << bit) != 0 {
            return Err(FormError::Repeated { name });
        }
        *seen |= 1 << bit;
        if value.is_empty() {
            return Ok(());
        }
        match *name {
            "grant_type" => self.grant_type = Some(value),
            "client_id" => self.client_id = Some(value),
            "client_secret" => self.client_secret = Some(SecretText::new(value)),
            "client_assertion_type" => self.client_assertion_type = Some(value),
            "client_assertion" => self.client_assertion = Some(SecretText::new(value)),
            "scope" => self.scope = Some(value),
            "resource" => self.resource = Some(value),
            "claims" => self.claims = Some(value),
            "client_info" => self.client_info = Some(value),
            // Parameters of grants that are not served are known only to refuse repeats.
            _ => {}
        }
        Ok(())
    }
}

fn is_form(content_type: &str) -> bool {
    let essence = content_type.split_once(';').map_or(content_type, |(essence, _)| essence);
    essence.trim_ascii().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests;
