//! Token revocation (RFC 7009). A granted request is answered with 200 and no body, whether or not
//! there was such a token.

use crate::token::SecretText;
use crate::token::request::{GrantParameterError, TokenForm};

/// What a client takes its token for; a hint, so anything else is no error (RFC 7009 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenTypeHint {
    /// `access_token`.
    AccessToken,
    /// `refresh_token`.
    RefreshToken,
}

/// A token named to the server: of revocation, and of introspection (RFC 7662 2.1), which has the
/// same parameters.
#[derive(Debug, Clone, Copy)]
pub struct NamedToken<'a> {
    /// The token, unverified.
    pub token: &'a SecretText<'a>,
    /// What the client takes it for.
    pub hint: Option<TokenTypeHint>,
}

impl<'a> NamedToken<'a> {
    /// Reads it from a form, in which the client is authenticated as at the token endpoint.
    pub fn of(form: &'a TokenForm<'a>) -> Result<Self, GrantParameterError> {
        let token = form.token.as_ref().ok_or(GrantParameterError::Missing { name: "token" })?;
        let hint = match form.token_type_hint.as_deref() {
            Some("access_token") => Some(TokenTypeHint::AccessToken),
            Some("refresh_token") => Some(TokenTypeHint::RefreshToken),
            _ => None,
        };
        Ok(Self { token, hint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> TokenForm<'_> {
        TokenForm::parse(Some("application/x-www-form-urlencoded"), body.as_bytes()).unwrap()
    }

    #[test]
    fn the_hint_is_only_a_hint() {
        for (hint, expected) in [
            ("", None),
            ("&token_type_hint=refresh_token", Some(TokenTypeHint::RefreshToken)),
            ("&token_type_hint=access_token", Some(TokenTypeHint::AccessToken)),
            ("&token_type_hint=saml", None),
        ] {
            let body = format!("token=t&client_id=c{hint}");
            let form = form(&body);
            let named = NamedToken::of(&form).unwrap();
            assert_eq!((named.token.expose(), named.hint), ("t", expected));
        }
    }

    #[test]
    fn without_a_token_there_is_nothing_to_do() {
        for body in ["client_id=c", "token=", "refresh_token=t"] {
            let error = NamedToken::of(&form(body)).unwrap_err();
            assert_eq!(error, GrantParameterError::Missing { name: "token" }, "{body}");
        }
    }
}
