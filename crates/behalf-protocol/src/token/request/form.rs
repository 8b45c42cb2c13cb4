use std::borrow::Cow;

use uuid::Uuid;

use crate::error::AadSts;
use crate::token::SecretText;

use crate::form::{BadEncoding, decode};

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
    /// `code`, of the authorization endpoint; MSAL Python and ADAL repeat the device code here.
    pub code: Option<SecretText<'a>>,
    /// `redirect_uri`, which must be the one the code was sent to.
    pub redirect_uri: Option<Cow<'a, str>>,
    /// `code_verifier` (RFC 7636 4.5).
    pub code_verifier: Option<SecretText<'a>>,
    /// `refresh_token`.
    pub refresh_token: Option<SecretText<'a>>,
    /// `assertion`: of on-behalf-of, the access token that the caller received.
    pub assertion: Option<SecretText<'a>>,
    /// `requested_token_use`; `on_behalf_of` is its only value.
    pub requested_token_use: Option<Cow<'a, str>>,
    /// `requested_token_type` (RFC 8693 2.1).
    pub requested_token_type: Option<Cow<'a, str>>,
    /// `username`, of the password grant.
    pub username: Option<Cow<'a, str>>,
    /// `password`.
    pub password: Option<SecretText<'a>>,
    /// `device_code` (RFC 8628 3.4).
    pub device_code: Option<SecretText<'a>>,
    /// `subject_token` (RFC 8693 2.1).
    pub subject_token: Option<SecretText<'a>>,
    /// `subject_token_type`.
    pub subject_token_type: Option<Cow<'a, str>>,
    /// `actor_token`.
    pub actor_token: Option<SecretText<'a>>,
    /// `actor_token_type`.
    pub actor_token_type: Option<Cow<'a, str>>,
    /// `audience` (RFC 8693 2.1).
    pub audience: Option<Cow<'a, str>>,
    /// `token`, of revocation and introspection.
    pub token: Option<SecretText<'a>>,
    /// `token_type_hint`.
    pub token_type_hint: Option<Cow<'a, str>>,
    /// Whether a field is one of MSAL's telemetry (`x-client-…`): MSALs give up a device code on
    /// `slow_down`, which therefore goes to others only. They may be headers instead.
    pub msal_telemetry: bool,
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
            self.msal_telemetry |= is_telemetry(name);
            return Ok(());
        };
        if *seen & (1 << bit) != 0 {
            return Err(FormError::Repeated { name });
        }
        *seen |= 1 << bit;
        if value.is_empty() {
            return Ok(());
        }
        self.set(name, value);
        Ok(())
    }

    fn set(&mut self, name: &str, value: Cow<'a, str>) {
        let place = match name {
            "grant_type" => &mut self.grant_type,
            "client_id" => &mut self.client_id,
            "client_assertion_type" => &mut self.client_assertion_type,
            "scope" => &mut self.scope,
            "resource" => &mut self.resource,
            "claims" => &mut self.claims,
            "client_info" => &mut self.client_info,
            "requested_token_use" => &mut self.requested_token_use,
            "redirect_uri" => &mut self.redirect_uri,
            "username" => &mut self.username,
            "subject_token_type" => &mut self.subject_token_type,
            "actor_token_type" => &mut self.actor_token_type,
            "requested_token_type" => &mut self.requested_token_type,
            "audience" => &mut self.audience,
            "token_type_hint" => &mut self.token_type_hint,
            _ => return self.set_secret(name, value),
        };
        *place = Some(value);
    }

    fn set_secret(&mut self, name: &str, value: Cow<'a, str>) {
        let place = match name {
            "client_secret" => &mut self.client_secret,
            "client_assertion" => &mut self.client_assertion,
            "assertion" => &mut self.assertion,
            "code" => &mut self.code,
            "code_verifier" => &mut self.code_verifier,
            "refresh_token" => &mut self.refresh_token,
            "device_code" => &mut self.device_code,
            "password" => &mut self.password,
            "subject_token" => &mut self.subject_token,
            "actor_token" => &mut self.actor_token,
            "token" => &mut self.token,
            // Parameters that are not served are known only to refuse repeats.
            _ => return,
        };
        *place = Some(SecretText::new(value));
    }
}

fn is_telemetry(name: &str) -> bool {
    name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("x-client-"))
}

fn is_form(content_type: &str) -> bool {
    let essence = content_type.split_once(';').map_or(content_type, |(essence, _)| essence);
    essence.trim_ascii().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests;
