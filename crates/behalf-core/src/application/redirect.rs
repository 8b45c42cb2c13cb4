//! Redirect URIs: where a user's browser may be sent back to (protocol 8.1, RFC 8252, RFC 9700 4.1).
//!
//! What is registered is checked once; what a request asks for must then be the same text. The one
//! thing that may differ is the port of a loopback address, because a program on somebody's device
//! takes the port that is free (RFC 8252 7.3).

use serde::{Deserialize, Serialize};

/// Longest redirect URI, in bytes (protocol 6.1).
pub const MAX: usize = 256;

/// What kind of program waits behind a redirect URI; it decides how a code may be redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Platform {
    /// `Web`: a server; a confidential client.
    Web,
    /// `Spa`: a page of script, a public client that redeems across origins.
    Spa,
    /// `InstalledClient`: a program on a device, a public client.
    InstalledClient,
}

/// A registered redirect URI.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "Stored")]
pub struct Redirect {
    /// As registered, letter for letter.
    pub uri: String,
    /// What is there.
    pub platform: Platform,
}

/// A redirect URI as it lies in the store.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    /// As written today.
    Typed { uri: String, platform: Platform },
    /// As it was first written, when there were no platforms.
    Text(String),
}

impl From<Stored> for Redirect {
    /// A text of before is a server's if it is on `https`, which needs a credential, and else a
    /// program's on a device: nothing else was ever taken for it.
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Typed { uri, platform } => Self { uri, platform },
            Stored::Text(uri) => {
                let web = uri.starts_with("https://");
                let platform = if web { Platform::Web } else { Platform::InstalledClient };
                Self { uri, platform }
            }
        }
    }
}

/// Why a text cannot be registered as a redirect URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectRefusal {
    /// Empty, too long, not absolute, or with characters Entra refuses.
    #[error(
        "{0:?} is no redirect URI: expected an absolute URI of at most {MAX} printable characters without any of ! $ ' ( ) , ; * # and without user or password"
    )]
    Form(String),
    /// `http` beyond this device could be read and changed on the way.
    #[error(
        "{0:?}: expected https; http is for http://localhost, http://127.0.0.1 and http://[::1] only"
    )]
    PlainHttp(String),
    /// A scheme of its own leads to a program on a device only.
    #[error("{uri:?}: a {platform} redirect URI begins with https:// or http://localhost")]
    Scheme {
        /// The URI.
        uri: String,
        /// The platform it was for, as people call it.
        platform: &'static str,
    },
    /// A scheme that browsers themselves act on.
    #[error("{0:?}: expected https, http on this device, or a scheme of the program's own")]
    Reserved(String),
}

/// Characters that are no part of any redirect URI: what RFC 3986 leaves out, what Entra refuses,
/// and the fragment (RFC 6749 3.1.2).
const FORBIDDEN: &[u8] = b"!$'(),;*#\"<>\\^`{|}";

/// Schemes that mean something to every browser, and so are nobody's own.
const RESERVED: [&str; 14] = [
    "about",
    "blob",
    "chrome",
    "data",
    "file",
    "ftp",
    "filesystem",
    "intent",
    "javascript",
    "mailto",
    "urn",
    "vbscript",
    "ws",
    "wss",
];

impl Redirect {
    /// Checks `uri` for registration on `platform`.
    pub fn register(uri: &str, platform: Platform) -> Result<Self, RedirectRefusal> {
        let shown = || uri.chars().take(80).collect::<String>();
        let fits = uri.len() <= MAX
            && uri.bytes().all(|b| b.is_ascii_graphic() && !FORBIDDEN.contains(&b));
        let (scheme, rest) =
            uri.split_once(':').filter(|_| fits).ok_or_else(|| RedirectRefusal::Form(shown()))?;
        match scheme {
            "https" => {
                let authority = rest.strip_prefix("//").map(authority);
                if !authority.is_some_and(is_host) {
                    return Err(RedirectRefusal::Form(shown()));
                }
            }
            "http" if Loopback::parse(uri).is_some() => {}
            "http" => return Err(RedirectRefusal::PlainHttp(shown())),
            own => is_own_scheme(own, rest, platform, shown)?,
        }
        Ok(Self { uri: uri.to_owned(), platform })
    }

    /// Whether a request that asks for `asked` means this one: the same text, or the same loopback
    /// address on another port, where an absent path is `/`.
    pub fn matches(&self, asked: &str) -> bool {
        self.uri == asked
            || match (Loopback::parse(&self.uri), Loopback::parse(asked)) {
                (Some(own), Some(asked)) => own == asked,
                _ => false,
            }
    }

    /// Whether script served from `origin` may redeem what is sent here: only a SPA's, on the same
    /// scheme, host and port; a loopback address's port may differ (decisions.md 25).
    pub fn allows_origin(&self, origin: &str) -> bool {
        if self.platform != Platform::Spa {
            return false;
        }
        if let (Some(own), Some(asked)) = (Loopback::parse(&self.uri), Loopback::parse(origin)) {
            return own.host == asked.host && !origin.ends_with('/') && asked.rest == "/";
        }
        let Some(rest) = self.uri.strip_prefix("https://") else { return false };
        origin.strip_prefix("https://") == Some(authority(rest))
    }
}

/// The registered redirect URI that a request means; the first where several do.
pub fn find<'a>(registered: &'a [Redirect], asked: &str) -> Option<&'a Redirect> {
    let exact = registered.iter().find(|redirect| redirect.uri == asked);
    exact.or_else(|| registered.iter().find(|redirect| redirect.matches(asked)))
}

/// An address of this device, its port left out.
#[derive(PartialEq, Eq)]
struct Loopback<'a> {
    host: &'a str,
    rest: &'a str,
}

impl<'a> Loopback<'a> {
    fn parse(uri: &'a str) -> Option<Self> {
        let whole = uri.strip_prefix("http://")?;
        let host =
            ["localhost", "127.0.0.1", "[::1]"].into_iter().find(|host| whole.starts_with(host))?;
        let rest = whole.get(host.len()..)?;
        let rest = match rest.strip_prefix(':') {
            Some(port) => {
                let end = port.find(['/', '?']).unwrap_or(port.len());
                let (port, rest) = port.split_at(end);
                is_port(port).then_some(rest)?
            }
            None => rest,
        };
        match rest {
            "" => Some(Self { host, rest: "/" }),
            _ if rest.starts_with(['/', '?']) => Some(Self { host, rest }),
            _ => None,
        }
    }
}

/// What stands between `//` and the path.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?']).next().unwrap_or(rest)
}

fn is_host(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let name = |host: &str| {
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            && !host.starts_with('.')
    };
    let host = v6.map_or_else(|| name(host), |v6| v6.parse::<std::net::Ipv6Addr>().is_ok());
    host && port.is_none_or(is_port)
}

fn is_port(port: &str) -> bool {
    (1..=5).contains(&port.len())
        && port.bytes().all(|b| b.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A scheme of a program's own (RFC 8252 7.1), such as `msauth.com.example:/` or `myapp://auth`.
fn is_own_scheme(
    scheme: &str,
    rest: &str,
    platform: Platform,
    shown: impl Fn() -> String,
) -> Result<(), RedirectRefusal> {
    let form = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && rest.starts_with('/')
        && !rest.contains('@');
    let lower = scheme.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || ["http", "https"].contains(&lower.as_str()) {
        return Err(RedirectRefusal::Reserved(shown()));
    }
    if !form {
        return Err(RedirectRefusal::Form(shown()));
    }
    match platform {
        Platform::InstalledClient => Ok(()),
        Platform::Web => Err(RedirectRefusal::Scheme { uri: shown(), platform: "web" }),
        Platform::Spa => Err(RedirectRefusal::Scheme { uri: shown(), platform: "spa" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_before_there_were_platforms_is_read() {
        for (json, platform) in [
            (r#""https://app.test/cb""#, Platform::Web),
            (r#""http://localhost""#, Platform::InstalledClient),
            (r#""msal-app://auth""#, Platform::InstalledClient),
            (r#"{"uri":"https://app.test/","platform":"spa"}"#, Platform::Spa),
        ] {
            let read: Redirect = serde_json::from_str(json).unwrap();
            assert_eq!(read.platform, platform, "{json}");
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<Redirect>(&written).unwrap(), read);
        }
        for json in ["1", "{}", r#"{"uri":"https://app.test/"}"#, r#"{"uri":1,"platform":"spa"}"#] {
            assert!(serde_json::from_str::<Redirect>(json).is_err(), "{json}");
        }
    }

    fn register(uri: &str, platform: Platform) -> Result<(), &'static str> {
        Redirect::register(uri, platform).map(|_| ()).map_err(|refusal| match refusal {
            RedirectRefusal::Form(_) => "form",
            RedirectRefusal::PlainHttp(_) => "http",
            RedirectRefusal::Scheme { .. } => "scheme",
            RedirectRefusal::Reserved(_) => "reserved",
        })
    }

    #[test]
    fn what_may_be_registered() {
        for (uri, web, native) in [
            ("https://app.example/callback", Ok(()), Ok(())),
            ("https://app.example", Ok(()), Ok(())),
            ("https://app.example:8443/cb?tenant=1&x=%20", Ok(()), Ok(())),
            ("https://[2001:db8::1]:8443/cb", Ok(()), Ok(())),
            ("http://localhost", Ok(()), Ok(())),
            ("http://localhost:3000/cb", Ok(()), Ok(())),
            ("http://127.0.0.1/cb", Ok(()), Ok(())),
            ("http://[::1]:8080/", Ok(()), Ok(())),
            ("myapp://auth", Err("scheme"), Ok(())),
            ("msauth.com.example.app:/cb", Err("scheme"), Ok(())),
            ("http://app.example/cb", Err("http"), Err("http")),
            ("http://localhost.example/cb", Err("http"), Err("http")),
            ("http://localhost@evil.example/", Err("http"), Err("http")),
            ("http://localhost:/cb", Err("http"), Err("http")),
            ("http://localhost:0/cb", Err("http"), Err("http")),
            ("http://localhost:65536/cb", Err("http"), Err("http")),
            ("http://localhost:80@evil.example/", Err("http"), Err("http")),
            ("http://127.0.0.2/", Err("http"), Err("http")),
            ("https://", Err("form"), Err("form")),
            ("https:/app.example", Err("form"), Err("form")),
            ("https://user@app.example/", Err("form"), Err("form")),
            ("https://app.example:x/", Err("form"), Err("form")),
            ("https://*.app.example/", Err("form"), Err("form")),
            ("https://app.example/cb*", Err("form"), Err("form")),
            ("https://app.example/cb#x", Err("form"), Err("form")),
            ("https://app.example/a b", Err("form"), Err("form")),
            ("https://app.example\\@evil.example/", Err("form"), Err("form")),
            ("https://app.example/\u{e9}", Err("form"), Err("form")),
            ("https://app.example/\n", Err("form"), Err("form")),
            ("javascript://x/%0aalert", Err("reserved"), Err("reserved")),
            ("JavaScript:/x", Err("reserved"), Err("reserved")),
            ("data:/text/html", Err("reserved"), Err("reserved")),
            ("HTTPS://app.example/", Err("reserved"), Err("reserved")),
            ("urn:ietf:wg:oauth:2.0:oob", Err("reserved"), Err("reserved")),
            ("myapp:cb", Err("form"), Err("form")),
            ("1app://cb", Err("form"), Err("form")),
            ("/callback", Err("form"), Err("form")),
            ("", Err("form"), Err("form")),
        ] {
            assert_eq!(register(uri, Platform::Web), web, "{uri}");
            assert_eq!(register(uri, Platform::Spa), web, "{uri}");
            assert_eq!(register(uri, Platform::InstalledClient), native, "{uri}");
        }
        for character in FORBIDDEN {
            let uri = format!("https://app.example/{}", char::from(*character));
            assert_eq!(register(&uri, Platform::Web), Err("form"), "{uri}");
        }
        let long = format!("https://app.example/{}", "a".repeat(MAX - 20));
        assert_eq!(register(&long, Platform::Web), Ok(()));
        assert_eq!(register(&format!("{long}a"), Platform::Web), Err("form"));
    }

    #[test]
    fn what_a_request_may_ask_for() {
        for (registered, asked, expected) in [
            ("https://app.example/cb", "https://app.example/cb", true),
            ("https://app.example/cb", "https://app.example/CB", false),
            ("https://app.example/cb", "https://app.example/cb/", false),
            ("https://app.example/cb", "https://app.example/cb/more", false),
            ("https://app.example/cb", "https://app.example/cb?x=1", false),
            ("https://app.example/cb", "https://app.example:443/cb", false),
            ("https://app.example/cb", "https://APP.example/cb", false),
            ("https://app.example/cb", "https://app.example/x/../cb", false),
            ("https://app.example/cb", "https://app.example@evil.example/cb", false),
            ("https://app.example", "https://app.example/", false),
            ("https://localhost/cb", "https://localhost:8443/cb", false),
            ("http://localhost", "http://localhost", true),
            ("http://localhost", "http://localhost:53219", true),
            ("http://localhost", "http://localhost:53219/", true),
            ("http://localhost:3000/cb", "http://localhost/cb", true),
            ("http://localhost:3000/cb", "http://localhost:4000/cb", true),
            ("http://localhost:3000/cb", "http://localhost:4000/cb?x=1", false),
            ("http://localhost/cb", "http://localhost:1/CB", false),
            ("http://localhost/cb", "http://127.0.0.1/cb", false),
            ("http://localhost/cb", "http://LOCALHOST:1/cb", false),
            ("http://localhost/cb", "https://localhost/cb", false),
            ("http://localhost/cb", "http://localhost:99999/cb", false),
            ("http://localhost/cb", "http://localhost:1x/cb", false),
            ("http://localhost", "http://localhost:1@evil.example/", false),
            ("http://localhost", "http://localhost.evil.example/", false),
            ("http://localhost", "http://localhost:53219\r\nx: y", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8080/cb", true),
            ("http://[::1]/cb", "http://[::1]:8080/cb", true),
            ("myapp://auth", "myapp://auth", true),
            ("myapp://auth", "myapp://auth/", false),
            ("myapp://auth", "MYAPP://auth", false),
        ] {
            let registered = Redirect::register(registered, Platform::InstalledClient).unwrap();
            assert_eq!(registered.matches(asked), expected, "{} {asked}", registered.uri);
        }
    }

    #[test]
    fn the_same_text_counts_before_another_port() {
        let redirects = [
            Redirect::register("http://localhost:1/cb", Platform::Web).unwrap(),
            Redirect::register("http://localhost:2/cb", Platform::Spa).unwrap(),
        ];
        let platform = |asked| find(&redirects, asked).map(|found| found.platform);
        assert_eq!(platform("http://localhost:2/cb"), Some(Platform::Spa));
        assert_eq!(platform("http://localhost:3/cb"), Some(Platform::Web));
        assert_eq!(platform("http://localhost:3/x"), None);
    }

    #[test]
    fn only_a_spa_redeems_across_origins() {
        for (uri, origin, expected) in [
            ("https://app.example/cb", "https://app.example", true),
            ("https://app.example:8443/cb", "https://app.example:8443", true),
            ("https://app.example:8443/cb", "https://app.example", false),
            ("https://app.example/cb", "http://app.example", false),
            ("https://app.example/cb", "https://app.example/", false),
            ("https://app.example/cb", "https://app.example.evil.example", false),
            ("https://app.example/cb", "null", false),
            ("http://localhost:3000/cb", "http://localhost:4000", true),
            ("http://localhost:3000/cb", "http://localhost:4000/", false),
            ("http://localhost:3000/cb", "http://127.0.0.1:3000", false),
        ] {
            let spa = Redirect::register(uri, Platform::Spa).unwrap();
            assert_eq!(spa.allows_origin(origin), expected, "{uri} {origin}");
            let web = Redirect { platform: Platform::Web, ..spa };
            assert!(!web.allows_origin(origin), "{uri} {origin}");
        }
    }
}
