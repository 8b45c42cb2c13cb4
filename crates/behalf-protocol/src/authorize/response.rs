use std::borrow::Cow;
use std::fmt;

use uuid::Uuid;

use crate::error::ErrorBody;
use crate::query::push_encoded;

use super::ResponseMode;

/// A granted authorization request.
#[derive(Clone, Copy)]
pub struct SuccessResponse<'a> {
    /// The authorization code.
    pub code: Option<&'a str>,
    /// The ID token, of a type that has one.
    pub id_token: Option<&'a str>,
    /// [`crate::ClientInfo`], when `client_info=1` was sent.
    pub client_info: Option<&'a str>,
    /// `state` of the request, byte for byte.
    pub state: Option<&'a str>,
    /// Changes with the session (OIDC Session Management).
    pub session_state: Option<Uuid>,
    /// Whether an administrator consented for the tenant, with v1's `prompt=admin_consent`.
    pub admin_consent: bool,
    /// The tenant's issuer, as its metadata says (RFC 9207).
    pub iss: &'a str,
}

impl<'a> SuccessResponse<'a> {
    /// The parameters of the answer.
    pub fn parameters(&self) -> ResponseParameters<'a> {
        let mut all = ResponseParameters::default();
        all.push("code", self.code);
        all.push("id_token", self.id_token);
        all.push("client_info", self.client_info);
        all.push("admin_consent", self.admin_consent.then_some("True"));
        all.push("state", self.state);
        all.push("session_state", self.session_state.map(|id| id.to_string()));
        all.push("iss", Some(self.iss));
        all
    }
}

impl fmt::Debug for SuccessResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SuccessResponse").field("iss", &self.iss).finish_non_exhaustive()
    }
}

/// A refused authorization request whose redirect URI is trusted.
#[derive(Debug, Clone, Copy)]
pub struct ErrorResponse<'a> {
    /// Row, text and ids; `error_uri` is left out.
    pub error: &'a ErrorBody<'a>,
    /// Whether it was the user who cancelled: adds `error_subcode=cancel`, which MSAL.NET knows.
    pub cancelled: bool,
    /// `state` of the request, byte for byte.
    pub state: Option<&'a str>,
    /// The tenant's issuer (RFC 9207).
    pub iss: &'a str,
}

impl<'a> ErrorResponse<'a> {
    /// The parameters of the answer.
    pub fn parameters(&self) -> ResponseParameters<'a> {
        let mut all = ResponseParameters::default();
        all.push("error", Some(self.error.kind.oauth().as_str()));
        all.push("error_subcode", self.cancelled.then_some("cancel"));
        all.push("error_description", Some(self.error.description()));
        all.push("state", self.state);
        all.push("iss", Some(self.iss));
        all
    }
}

/// The parameters of an answer that goes through the browser, in order.
#[derive(Clone, Default)]
pub struct ResponseParameters<'a>(Vec<(&'static str, Cow<'a, str>)>);

/// An answer on its way through the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The value of `Location`, visible ASCII only, of a 302 or 303 (never 307, RFC 9700 4.12).
    Location(String),
    /// A form that the browser posts; the page around it is the server's.
    FormPost {
        /// The redirect URI, escaped for the attribute `action`.
        action: String,
        /// One `<input type="hidden">` a parameter, escaped.
        inputs: String,
    },
}

impl<'a> ResponseParameters<'a> {
    /// Adds a parameter, if there is a value.
    pub(crate) fn push<T: Into<Cow<'a, str>>>(&mut self, name: &'static str, value: Option<T>) {
        self.0.extend(value.map(|value| (name, value.into())));
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_ref()))
    }

    /// Puts the parameters on their way to a redirect URI that the directory has confirmed.
    ///
    /// With `query` an empty fragment is added, so that a fragment of the page before does not
    /// stick to the address. A web address without a path gets `/`, as Entra gives it.
    pub fn deliver(&self, redirect_uri: &str, mode: ResponseMode) -> Delivery {
        match mode {
            ResponseMode::Query => {
                let mut location = self.query(redirect_uri);
                location.push('#');
                Delivery::Location(location)
            }
            ResponseMode::Fragment => {
                let mut location = with_path(redirect_uri);
                location.push('#');
                self.push_pairs(&mut location);
                Delivery::Location(location)
            }
            ResponseMode::FormPost => {
                let mut inputs = String::new();
                for (name, value) in &self.0 {
                    inputs.push_str(r#"<input type="hidden" name=""#);
                    inputs.push_str(name);
                    inputs.push_str(r#"" value=""#);
                    push_escaped(&mut inputs, value);
                    inputs.push_str("\">");
                }
                let mut action = String::new();
                push_escaped(&mut action, redirect_uri);
                Delivery::FormPost { action, inputs }
            }
        }
    }

    /// The URI with the parameters added to its query.
    pub(crate) fn query(&self, uri: &str) -> String {
        let mut out = with_path(uri);
        if !self.0.is_empty() {
            match out.find('?') {
                None => out.push('?'),
                Some(_) if out.ends_with(['?', '&']) => {}
                Some(_) => out.push('&'),
            }
            self.push_pairs(&mut out);
        }
        out
    }

    fn push_pairs(&self, out: &mut String) {
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                out.push('&');
            }
            out.push_str(name);
            out.push('=');
            push_encoded(out, value);
        }
    }
}

impl fmt::Debug for ResponseParameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The URI in visible ASCII, with `/` before the query of a web address that has no path.
fn with_path(uri: &str) -> String {
    let mut out = String::with_capacity(uri.len() + 1024);
    let authority = ["https://", "http://"].into_iter().find(|scheme| uri.starts_with(scheme));
    let start = authority.map_or(uri.len(), str::len);
    let end = uri[start..].find(['/', '?', '#']).map_or(uri.len(), |at| start + at);
    let (base, rest) = uri.split_at(end);
    push_visible(&mut out, base);
    if authority.is_some() && !rest.starts_with('/') {
        out.push('/');
    }
    push_visible(&mut out, rest);
    out
}

fn push_visible(out: &mut String, text: &str) {
    for char in text.chars() {
        if char.is_ascii_graphic() {
            out.push(char);
        } else {
            push_encoded(out, char.encode_utf8(&mut [0; 4]));
        }
    }
}

fn push_escaped(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // A form would turn a bare line feed into CR LF on the way; this keeps state as it was.
            '\r' => out.push_str("&#13;"),
            '\n' => out.push_str("&#10;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests;
