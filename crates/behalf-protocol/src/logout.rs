//! The end-session endpoint (OIDC RP-Initiated Logout 1.0) and front-channel logout.

use uuid::Uuid;

use crate::authorize::ResponseParameters;
use crate::query::{Parameters, QueryError};

const NAMES: [&str; 6] = [
    "post_logout_redirect_uri",
    "logout_hint",
    "id_token_hint",
    "client_id",
    "state",
    "ui_locales",
];

/// A request to sign out. Nothing is verified: without a session there is nothing to end, and
/// nobody is sent to a URI that no application of the session has registered.
#[derive(Debug)]
pub struct LogoutRequest<'a>(Parameters<'a, 6>);

impl<'a> LogoutRequest<'a> {
    /// Decodes a query string or a form. A repeated parameter counts as absent, but for the ones
    /// that say where to go, which are refused.
    pub fn parse(encoded: &'a str) -> Result<Self, QueryError> {
        let parameters = Parameters::parse(&NAMES, encoded)?;
        parameters.trusted("post_logout_redirect_uri")?;
        parameters.trusted("client_id")?;
        Ok(Self(parameters))
    }

    /// Where to go afterwards; must be registered.
    pub fn post_logout_redirect_uri(&self) -> Option<&str> {
        self.0.get("post_logout_redirect_uri")
    }

    /// The claim `login_hint` of the account to sign out.
    pub fn logout_hint(&self) -> Option<&str> {
        self.0.get("logout_hint")
    }

    /// An ID token of the session to end; unverified, perhaps expired.
    pub fn id_token_hint(&self) -> Option<&str> {
        self.0.get("id_token_hint")
    }

    /// The application that asks.
    pub fn client_id(&self) -> Option<&str> {
        self.0.get("client_id")
    }

    /// The same as a query without the ID token, to be kept while the user is asked; `client_id` is
    /// the application that is known to ask.
    pub fn kept(&self, client_id: Option<Uuid>) -> String {
        let mut kept = self.0.kept(&["id_token_hint", "client_id", "ui_locales"]);
        if let Some(client_id) = client_id {
            if !kept.is_empty() {
                kept.push('&');
            }
            kept.push_str("client_id=");
            kept.push_str(client_id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        }
        kept
    }

    /// The confirmed URI with `state` echoed.
    pub fn location(&self, confirmed_uri: &str) -> String {
        let mut parameters = ResponseParameters::default();
        parameters.push("state", self.0.get("state"));
        parameters.query(confirmed_uri)
    }
}

/// An application's `logoutUrl` as the browser loads it to end its part of the session (OIDC
/// Front-Channel Logout 1.0 section 3).
pub fn front_channel_uri(logout_url: &str, iss: &str, sid: Uuid) -> String {
    let mut parameters = ResponseParameters::default();
    parameters.push("iss", Some(iss));
    parameters.push("sid", Some(sid.to_string()));
    parameters.query(logout_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_comes_back() {
        let query = "post_logout_redirect_uri=https%3A%2F%2Fapp.test%2Fbye%3Fx%3D1&state=a%26b\
                     &logout_hint=h&id_token_hint=eyJ&client_id=c&x=y";
        let request = LogoutRequest::parse(query).unwrap();
        let uri = request.post_logout_redirect_uri().unwrap();
        assert_eq!(request.location(uri), "https://app.test/bye?x=1&state=a%26b");
        assert_eq!(
            (request.logout_hint(), request.id_token_hint(), request.client_id()),
            (Some("h"), Some("eyJ"), Some("c"))
        );
        let kept = request.kept(Some(Uuid::nil()));
        let again = LogoutRequest::parse(&kept).unwrap();
        assert_eq!(again.location(uri), request.location(uri));
        assert_eq!((again.logout_hint(), again.id_token_hint()), (Some("h"), None));
        assert_eq!(again.client_id(), Some("00000000-0000-0000-0000-000000000000"));
        let bare = LogoutRequest::parse("").unwrap();
        assert_eq!(bare.kept(None), "");
        assert_eq!(bare.post_logout_redirect_uri(), None);
        assert_eq!(bare.location("https://app.test/bye"), "https://app.test/bye");
    }

    #[test]
    fn two_ways_to_go_are_none() {
        for (query, name) in [
            ("post_logout_redirect_uri=a&post_logout_redirect_uri=b", "post_logout_redirect_uri"),
            ("client_id=a&client_id=b", "client_id"),
        ] {
            let error = LogoutRequest::parse(query).unwrap_err();
            assert_eq!(error, QueryError::Repeated { name });
        }
        assert_eq!(LogoutRequest::parse("state=%zz").unwrap_err(), QueryError::BadEncoding);
        assert_eq!(
            LogoutRequest::parse("logout_hint=a&logout_hint=b").unwrap().logout_hint(),
            None
        );
    }

    #[test]
    fn an_application_is_told_whose_session_ends() {
        assert_eq!(
            front_channel_uri("https://app.test/out", "https://host/t/v2.0", Uuid::nil()),
            "https://app.test/out?iss=https%3A%2F%2Fhost%2Ft%2Fv2.0\
             &sid=00000000-0000-0000-0000-000000000000"
        );
    }
}
