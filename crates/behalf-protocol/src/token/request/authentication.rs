use crate::error::AadSts;
use crate::token::SecretText;

use super::{BasicCredentials, TokenForm};

/// The only `client_assertion_type` (RFC 7523 2.2).
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where a secret was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretTransport {
    /// `client_secret` in the body: `client_secret_post`.
    Post,
    /// The `Authorization` header: `client_secret_basic`. A refusal then carries
    /// `WWW-Authenticate: Basic` (RFC 6749 5.2).
    Basic,
}

/// The one method by which the client wants to be authenticated. Nothing is verified yet.
#[derive(Debug, Clone, Copy)]
pub enum ClientAuthentication<'a> {
    /// No credential.
    None,
    /// A shared secret.
    Secret {
        /// The secret as sent.
        secret: &'a SecretText<'a>,
        /// Body or header.
        transport: SecretTransport,
    },
    /// A JWT, of the client's own key or of a federated issuer.
    Assertion(&'a SecretText<'a>),
}

/// Who asks, as presented.
#[derive(Debug, Clone, Copy)]
pub struct PresentedClient<'a> {
    /// The id from body or header, as sent. Absent only beside an assertion, whose `sub` then names
    /// the client (RFC 7521 4.2).
    pub client_id: Option<&'a str>,
    /// The method.
    pub authentication: ClientAuthentication<'a>,
}

/// Why a request does not say clearly who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientAuthenticationError {
    /// Two of: header, `client_secret`, `client_assertion` (RFC 6749 2.3).
    #[error(
        "The request authenticates its client in more than one way. Send one of: the \
         Authorization header, client_secret, client_assertion."
    )]
    TwoMethods,
    /// `client_id` differs from the header's.
    #[error(
        "The client_id in the body is not the one in the Authorization header. Leave it out of the \
         body, or send the same."
    )]
    ClientIdsDiffer,
    /// A parameter that the others need is missing.
    #[error("The parameter {name} is missing or empty. Add it to the body of the request.")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// A `client_assertion_type` other than [`CLIENT_ASSERTION_TYPE`].
    #[error(
        "The client_assertion_type is not supported. Its only value is \
         urn:ietf:params:oauth:client-assertion-type:jwt-bearer."
    )]
    UnknownAssertionType,
}

impl ClientAuthenticationError {
    /// The catalogue's row.
    pub const fn aadsts(self) -> AadSts {
        match self {
            Self::TwoMethods | Self::ClientIdsDiffer => AadSts::ConflictingClientAuthentication,
            Self::Missing { .. } => AadSts::MissingParameter,
            Self::UnknownAssertionType => AadSts::InvalidAssertion,
        }
    }
}

impl<'a> PresentedClient<'a> {
    /// Chooses the one method of a request. `basic` is the parsed `Authorization` header, if there
    /// was one; it counts as a method even when its secret is empty.
    pub fn of(
        form: &'a TokenForm<'a>,
        basic: Option<&'a BasicCredentials>,
    ) -> Result<Self, ClientAuthenticationError> {
        let authentication = match (basic, &form.client_secret, assertion(form)?) {
            (None, None, None) => ClientAuthentication::None,
            (None, Some(secret), None) => {
                ClientAuthentication::Secret { secret, transport: SecretTransport::Post }
            }
            (None, None, Some(assertion)) => ClientAuthentication::Assertion(assertion),
            (Some(basic), None, None) => match &basic.client_secret {
                Some(secret) => {
                    ClientAuthentication::Secret { secret, transport: SecretTransport::Basic }
                }
                None => ClientAuthentication::None,
            },
            _ => return Err(ClientAuthenticationError::TwoMethods),
        };
        let client_id = match (form.client_id.as_deref(), basic) {
            (Some(body), Some(basic)) if !body.eq_ignore_ascii_case(&basic.client_id) => {
                return Err(ClientAuthenticationError::ClientIdsDiffer);
            }
            (_, Some(basic)) => Some(basic.client_id.as_str()),
            (body, None) => body,
        };
        if client_id.is_none() && !matches!(authentication, ClientAuthentication::Assertion(_)) {
            return Err(ClientAuthenticationError::Missing { name: "client_id" });
        }
        Ok(Self { client_id, authentication })
    }
}

fn assertion<'a>(
    form: &'a TokenForm<'a>,
) -> Result<Option<&'a SecretText<'a>>, ClientAuthenticationError> {
    match (&form.client_assertion, form.client_assertion_type.as_deref()) {
        (None, None) => Ok(None),
        (Some(assertion), Some(CLIENT_ASSERTION_TYPE)) => Ok(Some(assertion)),
        (_, Some(other)) if other != CLIENT_ASSERTION_TYPE => {
            Err(ClientAuthenticationError::UnknownAssertionType)
        }
        (None, Some(_)) => Err(ClientAuthenticationError::Missing { name: "client_assertion" }),
        (Some(_), _) => Err(ClientAuthenticationError::Missing { name: "client_assertion_type" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str =
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

    fn form(body: &str) -> TokenForm<'_> {
        TokenForm::parse(Some("application/x-www-form-urlencoded"), body.as_bytes()).unwrap()
    }

    fn basic(id: &str, secret: &str) -> BasicCredentials {
        let client_secret = (!secret.is_empty()).then(|| SecretText::new(secret.to_owned().into()));
        BasicCredentials { client_id: id.to_owned(), client_secret }
    }

    #[test]
    fn each_method_alone_is_chosen() {
        let post = form("client_id=a&client_secret=s");
        let client = PresentedClient::of(&post, None).unwrap();
        assert_eq!(client.client_id, Some("a"));
        assert!(matches!(
            client.authentication,
            ClientAuthentication::Secret { secret, transport: SecretTransport::Post }
                if secret.expose() == "s"
        ));

        let (bare, header) = (form("client_id=A"), basic("a", "s"));
        let client = PresentedClient::of(&bare, Some(&header)).unwrap();
        assert!(matches!(
            client.authentication,
            ClientAuthentication::Secret { transport: SecretTransport::Basic, .. }
        ));

        let body = format!("client_assertion=j&{TYPE}");
        let assertion = form(&body);
        let client = PresentedClient::of(&assertion, None).unwrap();
        assert_eq!(client.client_id, None);
        assert!(matches!(client.authentication, ClientAuthentication::Assertion(_)));

        let client = PresentedClient::of(&bare, None).unwrap();
        assert!(matches!(client.authentication, ClientAuthentication::None));
        let (empty, header) = (form(""), basic("a", ""));
        let client = PresentedClient::of(&empty, Some(&header)).unwrap();
        assert!(matches!(client.authentication, ClientAuthentication::None));
    }

    #[test]
    fn two_methods_are_refused() {
        let both = format!("client_id=a&client_secret=s&client_assertion=j&{TYPE}");
        let post = "client_id=a&client_secret=s";
        let assertion = format!("client_id=a&client_assertion=j&{TYPE}");
        let header = basic("a", "s");
        for (body, basic) in
            [(both.as_str(), None), (post, Some(&header)), (assertion.as_str(), Some(&header))]
        {
            let form = form(body);
            let error = PresentedClient::of(&form, basic).unwrap_err();
            assert_eq!(error, ClientAuthenticationError::TwoMethods, "{body}");
            assert_eq!(error.aadsts().code(), 90_023);
        }
        let (form, empty) = (form(post), basic("a", ""));
        assert!(PresentedClient::of(&form, Some(&empty)).is_err(), "an empty header secret too");
    }

    #[test]
    fn an_unclear_client_is_refused() {
        for (body, expected, code) in [
            ("", ClientAuthenticationError::Missing { name: "client_id" }, 900_144),
            ("client_secret=s", ClientAuthenticationError::Missing { name: "client_id" }, 900_144),
            (
                "client_assertion=j",
                ClientAuthenticationError::Missing { name: "client_assertion_type" },
                900_144,
            ),
            (TYPE, ClientAuthenticationError::Missing { name: "client_assertion" }, 900_144),
            (
                "client_assertion=j&client_assertion_type=jwt",
                ClientAuthenticationError::UnknownAssertionType,
                700_027,
            ),
        ] {
            let form = form(body);
            let error = PresentedClient::of(&form, None).unwrap_err();
            assert_eq!((error, error.aadsts().code()), (expected, code), "{body}");
        }
        let (form, header) = (form("client_id=b"), basic("a", "s"));
        assert_eq!(
            PresentedClient::of(&form, Some(&header)).unwrap_err(),
            ClientAuthenticationError::ClientIdsDiffer
        );
    }
}
