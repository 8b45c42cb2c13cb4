//! The cookies of a browser: who is signed in, which browser it is, and whose own it is.
//!
//! All of them are `__Host-` cookies (RFC 6265bis 4.1.3.2): of this host alone, sent over TLS only,
//! invisible to script, and not sent along when another site posts here.

use behalf_core::id::AppId;
use behalf_jose::base64url;
use http::{HeaderMap, HeaderValue, header};
use uuid::Uuid;

use super::device::FAMILIAR_FOR;

/// Sealed session tickets, newest first, with `~` between.
const SESSION: &str = "__Host-behalf-session";
/// What forms are bound to: random, for as long as the browser runs.
const BROWSER: &str = "__Host-behalf-browser";
/// Proof that a user has signed in here before.
const DEVICE: &str = "__Host-behalf-device";
/// Applications that got a code, newest first, with `~` between: whom to tell of a sign-out. Not
/// sealed, for it says nothing but whom to tell.
const CLIENTS: &str = "__Host-behalf-clients";
/// Most applications that are told.
const CLIENTS_MAX: usize = 20;
/// Most accounts that are signed in at once.
const ACCOUNTS_MAX: usize = 5;
/// Longest value of a cookie; browsers keep 4096 bytes with name and attributes.
const VALUE_MAX: usize = 3800;

/// What a request brought.
#[derive(Debug, Default)]
pub(crate) struct Cookies {
    /// Session tickets, unopened.
    pub(crate) sessions: Vec<String>,
    /// The browser's own value.
    pub(crate) browser: Option<String>,
    /// The familiar device's.
    pub(crate) device: Option<String>,
    /// Applications that got a code.
    pub(crate) clients: Vec<AppId>,
}

impl Cookies {
    /// Reads the header `Cookie`; what is too long or too many is passed over.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        for (name, value) in lines.flat_map(|line| line.split(';')).filter_map(pair) {
            let fits = value.len() <= VALUE_MAX && !value.is_empty();
            match name {
                SESSION if fits && found.sessions.is_empty() => {
                    let tickets = value.split('~').take(ACCOUNTS_MAX);
                    found.sessions = tickets.map(str::to_owned).collect();
                }
                BROWSER if value.len() == 22 => found.browser = Some(value.to_owned()),
                CLIENTS if fits => {
                    found.clients = value.split('~').filter_map(app).take(CLIENTS_MAX).collect();
                }
                DEVICE if fits => found.device = Some(value.to_owned()),
                _ => {}
            }
        }
        found
    }
}

fn pair(text: &str) -> Option<(&str, &str)> {
    text.trim().split_once('=')
}

/// Sets the session tickets, newest first; those that do not fit are forgotten, all of them when
/// there is none.
pub(crate) fn sessions<'a>(tickets: impl IntoIterator<Item = &'a str>) -> Option<HeaderValue> {
    let mut value = String::new();
    for ticket in tickets.into_iter().take(ACCOUNTS_MAX) {
        if value.len() + 1 + ticket.len() > VALUE_MAX {
            break;
        }
        if !value.is_empty() {
            value.push('~');
        }
        value.push_str(ticket);
    }
    let life = if value.is_empty() { "; Max-Age=0" } else { "" };
    set(SESSION, &value, life)
}

fn app(text: &str) -> Option<AppId> {
    let bytes = base64url::decode(text).ok()?.try_into().ok()?;
    Some(AppId(Uuid::from_bytes(bytes)))
}

/// Adds an application to those that got a code; `None` when it is the newest already.
pub(crate) fn with_client(known: &[AppId], newest: AppId) -> Option<HeaderValue> {
    if known.first() == Some(&newest) {
        return None;
    }
    let others = known.iter().filter(|app| **app != newest);
    let all = std::iter::once(&newest).chain(others).take(CLIENTS_MAX);
    let all: Vec<_> = all.map(|app| base64url::encode(app.bytes())).collect();
    set(CLIENTS, &all.join("~"), "")
}

/// Forgets them.
pub(crate) fn without_clients() -> Option<HeaderValue> {
    set(CLIENTS, "", "; Max-Age=0")
}

/// Sets what this browser's forms are bound to.
pub(crate) fn browser(value: &str) -> Option<HeaderValue> {
    set(BROWSER, value, "")
}

/// Sets the familiar device.
pub(crate) fn device(value: &str) -> Option<HeaderValue> {
    set(DEVICE, value, &format!("; Max-Age={}", FAMILIAR_FOR.as_secs()))
}

fn set(name: &str, value: &str, life: &str) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{life}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_read_again() {
        let line = sessions(["a.b", "c.d"]).unwrap();
        let text = line.to_str().unwrap();
        assert_eq!(text, "__Host-behalf-session=a.b~c.d; Path=/; Secure; HttpOnly; SameSite=Lax");
        let mut headers = HeaderMap::new();
        let sent =
            "x=1; __Host-behalf-session=a.b~c.d; __Host-behalf-browser=0123456789012345678901";
        headers.insert(header::COOKIE, sent.parse().unwrap());
        let cookies = Cookies::of(&headers);
        assert_eq!(cookies.sessions, ["a.b", "c.d"]);
        assert_eq!(cookies.browser.as_deref(), Some("0123456789012345678901"));
        assert_eq!(cookies.device, None);
    }

    #[test]
    fn there_is_an_end_to_accounts_and_bytes() {
        let long = "x".repeat(1500);
        let line = sessions([long.as_str(), &long, &long]).unwrap();
        assert_eq!(line.to_str().unwrap().matches('~').count(), 1);
        assert!(sessions([]).unwrap().to_str().unwrap().ends_with("; Max-Age=0"));
        let mut headers = HeaderMap::new();
        let many = format!("__Host-behalf-session={}", ["a"; 50].join("~"));
        headers.insert(header::COOKIE, many.parse().unwrap());
        assert_eq!(Cookies::of(&headers).sessions.len(), ACCOUNTS_MAX);
    }
}
