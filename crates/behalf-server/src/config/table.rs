//! The settings: their names, defaults and reasons.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its path in the file.
    pub key: &'static str,
    /// What it is when nobody says; `None`: it must be said, or is off.
    pub default: Option<&'static str>,
    /// Whether the server does not start without it.
    pub required: bool,
    /// Whether its value may hold a secret: then it is not repeated in messages, and may be given
    /// as the name of a file, in the variable with `_FILE` added.
    pub secret: bool,
    /// Whether it takes several values: an array in the file, elsewhere with commas between.
    pub list: bool,
    /// What it accepts, with an example.
    pub takes: &'static str,
    /// What it does.
    pub about: &'static str,
}

impl Setting {
    /// Its name in the environment.
    pub fn variable(&self) -> String {
        format!("BEHALF_{}", self.key.to_ascii_uppercase().replace('.', "_"))
    }

    /// What it accepts, without the page's markup.
    pub(super) fn takes_plainly(&self) -> String {
        self.takes.replace('`', "")
    }

    /// Its name on the command line.
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace(['.', '_'], "-"))
    }
}

const fn required(key: &'static str, takes: &'static str, about: &'static str) -> Setting {
    Setting { key, default: None, required: true, secret: false, list: false, takes, about }
}

const fn optional(
    key: &'static str,
    default: Option<&'static str>,
    takes: &'static str,
    about: &'static str,
) -> Setting {
    Setting { key, default, required: false, secret: false, list: false, takes, about }
}

/// All settings, in the order in which they are shown.
pub const SETTINGS: [Setting; 27] = [
    required(
        "public_url",
        "an https origin without a path: `https://login.example.com`",
        "Clients connect to it, and tokens and metadata carry it. Changing it later makes clients \
         and APIs distrust the tokens until they are configured anew. It is the same on all nodes of \
         a deployment: a node with another does not start, unless it names the one before in \
         `previous_public_urls`.",
    ),
    Setting {
        key: "previous_public_urls",
        default: None,
        required: false,
        secret: false,
        list: true,
        takes: "origins like `public_url`, 8 at most: `[\"https://old.example.com\"]`; in the \
                environment and as a flag with commas between",
        about: "What `public_url` was before, so that it is meant to change. Client assertions \
                that are addressed to one of them still count; tokens and metadata carry \
                `public_url` alone. Clients that find the server by its metadata need none of it. \
                Remove one when its last client has moved.",
    },
    optional(
        "listen",
        Some("0.0.0.0:8443"),
        "an address and port: `0.0.0.0:8443`, `[::]:443`",
        "Where the server accepts connections.",
    ),
    Setting {
        key: "trusted_proxies",
        default: None,
        required: false,
        secret: false,
        list: true,
        takes: "addresses and networks, 32 at most: `[\"10.0.0.0/8\", \"192.0.2.1\"]`; in the \
                environment and as a flag with commas between",
        about: "Proxies and load balancers that stand before the server. What they say in \
                `X-Forwarded-For` is where a request comes from, for limits, lockout and the \
                sign-in log. Nothing else that they say is believed.",
    },
    optional(
        "management.listen",
        Some("127.0.0.1:9464"),
        "an address and port, or `off`",
        "Where `/metrics`, `/livez` and `/readyz` are served in plain HTTP. Keep it off the public \
         network.",
    ),
    required(
        "tls.cert",
        "a PEM file: `/etc/behalf/fullchain.pem`",
        "The certificate chain, the server's own first. Looked at again every 5 seconds and on \
         SIGHUP; a pair that does not fit keeps the old one in use.",
    ),
    required("tls.key", "a PEM file: `/etc/behalf/key.pem`", "The certificate's private key."),
    Setting {
        key: "storage.url",
        default: None,
        required: true,
        secret: true,
        list: false,
        takes: "`sqlite:///` and an absolute path: `sqlite:///var/lib/behalf/behalf.db`; or \
                `postgres://user:password@host/database`, several hosts with commas between",
        about: "Where the directory is kept. In a file of this server alone, or in PostgreSQL for \
                as many servers as have the same URL and master key.",
    },
    optional(
        "storage.degraded_window",
        Some("15m"),
        "a duration up to 24h, or `off`",
        "How long clients go on getting tokens for themselves, of 15 minutes at most, while the \
         database is away: from what was known when it went. What is taken away meanwhile bites \
         when it is back. Everything else is answered 503 with `Retry-After` meanwhile. For \
         databases that several servers share.",
    ),
    optional(
        "data_dir",
        None,
        "a folder: `/var/lib/behalf`",
        "Where this server keeps what is its own: its sign-in log and its admin socket. Needed \
         with PostgreSQL; else it is the folder of the directory's file.",
    ),
    required(
        "master_key_file",
        "a file: `/etc/behalf/master.key`",
        "The key that encrypts signing keys and protects client secrets at rest. Back it up apart \
         from the data: without it the data cannot be used.",
    ),
    optional(
        "default_tenant",
        None,
        "a tenant's id or domain: `acme.example`",
        "The tenant that the path segment `adfs` names. Not needed with one tenant.",
    ),
    optional(
        "sign_in_log.durability",
        Some("before-answer"),
        "`before-answer`, `before-answer-shared` or `within-1s`",
        "When an event must be safe: on this node's disk before its answer leaves; in the database \
         that nodes share too, so that nothing is answered while that is away; or on disk at most a \
         second later. Where nodes share a database each event gets there in any case, within a \
         second while the database is there.",
    ),
    optional(
        "sign_in_log.retention",
        Some("30d"),
        "a duration of at least a day, or `forever`",
        "How long the sign-in log is kept. Where nodes share a database, a node keeps what it could \
         not send there yet for up to twice as long. Set it alike on all nodes: the shortest counts \
         in the database.",
    ),
    optional(
        "tokens.lifetime",
        Some("1h"),
        "a duration from 5m to 24h",
        "How long a token lives at least. An application can have its own.",
    ),
    optional(
        "tokens.jitter",
        Some("30m"),
        "a duration up to 24h",
        "What is added to a lifetime at random, so that clients that started together do not renew \
         together.",
    ),
    optional(
        "keys.rotation",
        Some("90d"),
        "a duration of at least a day",
        "How often the signing key changes.",
    ),
    optional(
        "keys.announce",
        Some("24h"),
        "a duration of at least 10m, shorter than `keys.rotation`",
        "How long a signing key is published before it signs. APIs keep key sets for up to a day.",
    ),
    optional(
        "limits.client",
        Some("100"),
        "requests a second, or `off`",
        "Token requests of one authenticated client in one tenant; ten times as many at once.",
    ),
    optional(
        "limits.address",
        Some("20"),
        "failures a second, or `off`",
        "Failed authentications from one address (IPv6: one /64); ten times as many at once. One \
         client id there may use a tenth of it, and so may all requests that name none, and all \
         that name nonsense.",
    ),
    optional(
        "limits.tenant",
        Some("2000"),
        "requests a second, or `off`",
        "Token requests of all authenticated clients of one tenant; ten times as many at once.",
    ),
    optional(
        "limits.connections",
        Some("10000"),
        "a number from 16 to 1000000",
        "Open connections. When there are more, those that have been silent longest are closed.",
    ),
    optional(
        "limits.sign_queue",
        Some("50ms"),
        "a duration from 1ms to 5s",
        "Signing time that may wait on each core. When there is more, requests are answered 503 \
         with `Retry-After`.",
    ),
    optional(
        "shutdown_grace",
        Some("20s"),
        "a duration up to 10m",
        "How long requests under way may take to finish when the server is told to stop.",
    ),
    optional(
        "log.level",
        Some("info"),
        "`error`, `warn`, `info` or `debug`",
        "How much is logged. No level logs what a caller sent; requests are in the sign-in log.",
    ),
    optional(
        "log.format",
        Some("auto"),
        "`auto`, `human` or `json`",
        "How log lines look; `auto` is human on a terminal, else JSON.",
    ),
    optional(
        "cores",
        Some("auto"),
        "a number from 1 to 1024, or `auto`",
        "Threads that serve requests; `auto` is one for each core the process may use.",
    ),
];

/// The setting of that name.
pub fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}
