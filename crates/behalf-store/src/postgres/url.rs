//! Where the database is: a connection URL as PostgreSQL's own clients read it, kept to what is
//! safe here.

use std::{fmt, path::PathBuf, str::FromStr as _};

use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

/// The database of one deployment, and how it is reached.
///
/// `postgres://user:password@host[:port][,host[:port]…]/database[?parameter=value&…]`. With several
/// hosts the first that accepts writes is used, always: a standby is never asked. Parameters:
///
/// - `sslmode`: `disable`; `prefer` (TLS where the server offers it); `require` or `verify-full`
///   (nothing without TLS). Where there is TLS the server's certificate and name are always
///   checked, also under `prefer` and `require`, which libpq leaves unchecked. Without it:
///   `disable` if every host is a Unix socket or the loopback interface, otherwise `verify-full`.
/// - `sslrootcert`: a PEM file of the authorities to trust; `system` or none: the system's.
/// - `schema`: the schema of the deployment, `behalf` if not given.
/// - `host`, `hostaddr`, `port`, `user`, `password`, `dbname`, `sslnegotiation`, `channel_binding`:
///   as libpq has them.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    pub(super) config: Box<Config>,
    pub(super) roots: Roots,
    pub(super) schema: String,
}

/// Whom to trust with a server's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    System,
    File(PathBuf),
}

/// Why a URL does not name a database. Never contains the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme.
    #[error("the database URL does not begin with postgres://")]
    Scheme,
    /// Something is not there.
    #[error(
        "the database URL names no {0}, expected postgres://user:password@host/database[?sslmode=…]"
    )]
    Missing(&'static str),
    /// A parameter that has no meaning here.
    #[error(
        "the database URL has the parameter {0:?}, expected sslmode, sslrootcert, sslnegotiation, channel_binding, schema, host, hostaddr, port, user, password or dbname"
    )]
    Parameter(String),
    /// A parameter's value.
    #[error("the database URL has another {parameter} than {expected}")]
    Value {
        /// The parameter.
        parameter: &'static str,
        /// What may stand there.
        expected: &'static str,
    },
    /// It cannot be read.
    #[error("the database URL cannot be read: {0}")]
    Syntax(String),
}

const FORWARDED: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "dbname",
    "sslnegotiation",
    "channel_binding",
];

/// What is kept from the driver.
#[derive(Default)]
struct Ours {
    mode: Option<SslMode>,
    roots: Option<Roots>,
    schema: Option<String>,
}

impl Ours {
    /// Takes a parameter; `false`: it is the driver's.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, UrlError> {
        match name {
            "sslmode" => self.mode = Some(mode(value)?),
            "sslrootcert" => {
                let file = decode(value)?;
                let roots = if file == "system" { Roots::System } else { Roots::File(file.into()) };
                self.roots = Some(roots);
            }
            "schema" => self.schema = Some(schema(value)?),
            "target_session_attrs" => {
                if value != "read-write" {
                    let parameter = "target_session_attrs";
                    return Err(UrlError::Value { parameter, expected: "read-write" });
                }
            }
            forwarded if FORWARDED.contains(&forwarded) => return Ok(false),
            unknown => return Err(UrlError::Parameter(unknown.to_owned())),
        }
        Ok(true)
    }
}

impl Options {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(UrlError::Scheme);
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut ours, mut forwarded) = (Ours::default(), Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !ours.take(name, value)? {
                forwarded.push(pair);
            }
        }
        let config = Config::from_str(&format!("{base}?{}", forwarded.join("&")))
            .map_err(|error| UrlError::Syntax(super::trouble::text(&error)))?;
        Self::checked(config, ours)
    }

    fn checked(mut config: Config, ours: Ours) -> Result<Self, UrlError> {
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(UrlError::Missing("host"));
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(UrlError::Missing("user"));
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(UrlError::Missing("database"));
        }
        let (hosts, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
        if hosts != 0 && addresses != 0 && hosts != addresses {
            return Err(UrlError::Value { parameter: "hostaddr", expected: "one for each host" });
        }
        if config.get_ports().len() > 1 && config.get_ports().len() != hosts.max(addresses) {
            let expected = "one for all hosts, or one for each";
            return Err(UrlError::Value { parameter: "port", expected });
        }
        let default =
            if reaches_this_machine(&config) { SslMode::Disable } else { SslMode::Require };
        config.ssl_mode(ours.mode.unwrap_or(default));
        Ok(Self {
            config: Box::new(config),
            roots: ours.roots.unwrap_or(Roots::System),
            schema: ours.schema.unwrap_or_else(|| "behalf".to_owned()),
        })
    }

    /// Where it is, for people: hosts with ports and the database. No password.
    pub fn place(&self) -> String {
        let ports = self.config.get_ports();
        let mut places = Vec::new();
        for (n, host) in self.config.get_hosts().iter().enumerate() {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
            places.push(match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(folder) => format!("{} (port {port})", folder.display()),
            });
        }
        places.extend(self.config.get_hostaddrs().iter().map(ToString::to_string));
        format!("{}/{}", places.join(","), self.config.get_dbname().unwrap_or_default())
    }

    /// Whether every host is this machine.
    pub(super) fn is_local(&self) -> bool {
        reaches_this_machine(&self.config)
    }

    pub(super) fn uses_tls(&self) -> bool {
        self.config.get_ssl_mode() != SslMode::Disable
    }

    /// One configuration for each host, in the order of the URL.
    pub(super) fn each_host(&self) -> Vec<Config> {
        let all = &self.config;
        let (hosts, addresses) = (all.get_hosts(), all.get_hostaddrs());
        let one = |n: usize| {
            let mut one = Config::new();
            one.ssl_mode(all.get_ssl_mode())
                .ssl_negotiation(all.get_ssl_negotiation())
                .channel_binding(all.get_channel_binding());
            match hosts.get(n) {
                Some(Host::Tcp(name)) => _ = one.host(name),
                Some(Host::Unix(folder)) => _ = one.host_path(folder),
                None => {}
            }
            addresses.get(n).map(|address| one.hostaddr(*address));
            all.get_ports().get(n).or(all.get_ports().first()).map(|port| one.port(*port));
            all.get_user().map(|user| one.user(user));
            all.get_password().map(|password| one.password(password));
            all.get_dbname().map(|database| one.dbname(database));
            one
        };
        (0..hosts.len().max(addresses.len())).map(one).collect()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("place", &self.place())
            .field("user", &self.config.get_user())
            .field("schema", &self.schema)
            .field("tls", &self.config.get_ssl_mode())
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}

fn reaches_this_machine(config: &Config) -> bool {
    config.get_hosts().iter().all(is_local)
        && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
    }
}

fn mode(value: &str) -> Result<SslMode, UrlError> {
    match value {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-full" => Ok(SslMode::Require),
        _ => {
            let expected = "disable, prefer, require or verify-full";
            Err(UrlError::Value { parameter: "sslmode", expected })
        }
    }
}

/// A name that needs no quotes.
fn schema(value: &str) -> Result<String, UrlError> {
    let first = value.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let all = value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if first && all && value.len() <= 63 && !value.starts_with("pg_") {
        return Ok(value.to_owned());
    }
    let expected = "a name of a-z, 0-9 and _, at most 63, that begins with no digit and not pg_";
    Err(UrlError::Value { parameter: "schema", expected })
}

/// Undoes percent-encoding.
fn decode(value: &str) -> Result<String, UrlError> {
    let broken = || UrlError::Syntax("a % without two hexadecimal digits of UTF-8".into());
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = digit().zip(digit()).ok_or_else(broken)?;
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| broken())?);
    }
    String::from_utf8(bytes).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(url: &str) -> Options {
        Options::parse(url).unwrap()
    }

    #[test]
    fn hosts_beyond_this_machine_are_verified_unless_told_otherwise() {
        for (url, mode) in [
            ("postgres://b:p@db.example.com/b", SslMode::Require),
            ("postgres://b:p@db.example.com/b?sslmode=require", SslMode::Require),
            ("postgres://b:p@db.example.com/b?sslmode=verify-full", SslMode::Require),
            ("postgres://b:p@db.example.com/b?sslmode=prefer", SslMode::Prefer),
            ("postgres://b:p@db.example.com/b?sslmode=disable", SslMode::Disable),
            ("postgresql://b@localhost:5433/b", SslMode::Disable),
            ("postgres://b@127.0.0.1,[::1]/b", SslMode::Disable),
            ("postgres://b@%2Fvar%2Frun%2Fpostgresql/b", SslMode::Disable),
            ("postgres://b@127.0.0.1,db2/b", SslMode::Require),
        ] {
            assert_eq!(parse(url).config.get_ssl_mode(), mode, "{url}");
        }
    }

    #[test]
    fn several_hosts_a_schema_and_roots_are_read() {
        let options =
            parse("postgres://b:p@one:5433,two/dir?schema=east_1&sslrootcert=%2Fetc%2Fca");
        assert_eq!(options.place(), "one:5433,two:5432/dir");
        assert_eq!(options.schema, "east_1");
        let each: Vec<_> = options.each_host();
        let of = |n: usize| (each[n].get_hosts(), each[n].get_ports(), each[n].get_user());
        assert_eq!(of(0), (&[Host::Tcp("one".into())][..], &[5433][..], Some("b")));
        assert_eq!(of(1), (&[Host::Tcp("two".into())][..], &[5432][..], Some("b")));
        assert_eq!((each.len(), each[1].get_password()), (2, Some(&b"p"[..])));
        let addressed = "postgres://b@one:6000,two:6000/b?hostaddr=192.0.2.1,192.0.2.2";
        let last = parse(addressed).each_host().pop().unwrap();
        assert_eq!((last.get_hostaddrs().len(), last.get_ports()), (1, &[6000][..]));
        assert_eq!(options.roots, Roots::File("/etc/ca".into()));
        assert_eq!(parse("postgres://b@one/b?sslrootcert=system").roots, Roots::System);
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        let refused = |url: &str| Options::parse(url).unwrap_err();
        assert_eq!(refused("mysql://b@db/b"), UrlError::Scheme);
        assert_eq!(refused("postgres://b@/b"), UrlError::Missing("host"));
        assert_eq!(refused("postgres://db/b"), UrlError::Missing("user"));
        assert_eq!(refused("postgres://b@db"), UrlError::Missing("database"));
        let options = refused("postgres://b@db/b?options=-c%20fsync%3Doff");
        assert_eq!(options, UrlError::Parameter("options".into()));
        for url in [
            "postgres://b@db/b?sslmode=verify-ca",
            "postgres://b@db/b?sslmode=",
            "postgres://b@db/b?target_session_attrs=any",
            "postgres://b@db/b?schema=A",
            "postgres://b@db/b?schema=x;drop",
            "postgres://b@db/b?schema=pg_catalog",
            "postgres://b@one,two/b?hostaddr=192.0.2.1",
            "postgres://b@one,two,three/b?port=1,2",
        ] {
            assert!(matches!(refused(url), UrlError::Value { .. }), "{url}");
        }
        assert!(matches!(refused("postgres://b@db:port/b"), UrlError::Syntax(_)));
        assert!(matches!(refused("postgres://b@db/b?sslrootcert=%g0"), UrlError::Syntax(_)));
    }

    #[test]
    fn a_password_is_never_shown() {
        let options = parse("postgres://b:correct-horse@db/b");
        assert!(!format!("{options:?} {}", options.place()).contains("horse"));
        for url in ["mysql://b:correct-horse@db/b", "postgres://b:correct-horse@db:x/b?y=z"] {
            let error = Options::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("horse"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_url_is_a_panic(rest in "[ -~]{0,60}") {
            drop(Options::parse(&format!("postgres://{rest}")));
        }
    }
}
