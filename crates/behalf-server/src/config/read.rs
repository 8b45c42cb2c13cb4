//! From the texts of all settings to the configuration, without stopping at the first problem.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Config,
    gather::{Gathered, Origin},
    problem::Problem,
    table::{Setting, setting},
    value::{self, Wrong},
};
use crate::{database::Database, journal::Durability, limits::LimitSettings};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Longest time a key may sign: a forgotten rotation should not look like a setting.
const ROTATION_MAX: Duration = Duration::from_hours(24 * 3_650);

pub(super) struct Reader<'a> {
    gathered: &'a Gathered,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(gathered: &'a Gathered, problems: &'a mut Vec<Problem>) -> Self {
        Self { gathered, problems }
    }

    /// The configuration, if every setting could be read. Problems are noted either way.
    pub(super) fn config(mut self) -> Option<Config> {
        let public_url = self.read("public_url", value::public_url);
        let previous = self.optional("previous_public_urls", value::public_urls);
        let listen = self.read("listen", value::address);
        let proxies = self.optional("trusted_proxies", value::proxies);
        let management_listen = self.read("management.listen", value::address_or_off);
        let (tls_cert, tls_key) = (self.path("tls.cert"), self.path("tls.key"));
        let storage = self.read("storage.url", value::database);
        let data_dir = self.data_dir(storage.as_ref());
        let degraded_window = self.read("storage.degraded_window", value::duration_or_off(DAY));
        let master_key_file = self.path("master_key_file");
        let default_tenant = self.optional("default_tenant", value::tenant);
        let durability = self.read("sign_in_log.durability", value::durability);
        let retention = self.read("sign_in_log.retention", value::retention);
        let lifetime = self.within("tokens.lifetime", MINUTE * 5, DAY);
        let jitter = self.within("tokens.jitter", Duration::ZERO, DAY);
        let rotation = self.within("keys.rotation", DAY, ROTATION_MAX);
        let announce = self.within("keys.announce", MINUTE * 10, ROTATION_MAX);
        let limits = self.limits();
        let connections = self.read("limits.connections", value::number(16, 1_000_000));
        let sign_queue =
            self.within("limits.sign_queue", Duration::from_millis(1), Duration::from_secs(5));
        let shutdown_grace = self.within("shutdown_grace", Duration::ZERO, MINUTE * 10);
        let log_level = self.read("log.level", value::word);
        let log_format = self.read("log.format", value::word);
        let cores = self.read("cores", value::cores);
        self.listeners_differ(listen, management_listen.flatten());
        self.announced_in_time(rotation, announce);
        self.durable_where_shared(durability, storage.as_ref());
        Some(Config {
            public_url: public_url?,
            previous_public_urls: previous.unwrap_or_default(),
            listen: listen?,
            trusted_proxies: proxies.unwrap_or_default(),
            management_listen: management_listen?,
            tls_cert: tls_cert?,
            tls_key: tls_key?,
            storage: storage?,
            data_dir: data_dir?,
            degraded_window: degraded_window?,
            master_key_file: master_key_file?,
            default_tenant,
            sign_in_log_durability: durability?,
            sign_in_log_retention: retention?,
            token_lifetime: lifetime?,
            token_jitter: jitter?,
            key_rotation: rotation?,
            key_announce: announce?,
            limits: limits?,
            connections: connections?,
            sign_queue: sign_queue?,
            shutdown_grace: shutdown_grace?,
            log_level: log_level?,
            log_format: log_format?,
            cores: cores?,
            shown: self.gathered.shown(),
        })
    }

    fn limits(&mut self) -> Option<LimitSettings> {
        let client = self.read("limits.client", value::rate);
        let address = self.read("limits.address", value::rate);
        let tenant = self.read("limits.tenant", value::rate);
        Some(LimitSettings { client: client?, address: address?, tenant: tenant? })
    }

    /// The value of a setting that has one by default or must have one.
    fn read<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        if self.gathered.get(key).is_none_or(|(text, _)| text.is_empty()) {
            self.problems.extend(setting(key).map(missing));
            return None;
        }
        self.optional(key, parse)
    }

    /// The value of a setting that may be absent.
    fn optional<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        let (text, origin) = self.gathered.get(key)?;
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(wrong) => {
                let wrong = setting(key).map(|setting| refused(setting, (text, origin), &wrong));
                self.problems.extend(wrong);
                None
            }
        }
    }

    fn within(&mut self, key: &str, least: Duration, most: Duration) -> Option<Duration> {
        self.read(key, value::duration_within(least, most))
    }

    /// A path that must be given.
    fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.read(key, |text| Ok(PathBuf::from(text))).map(|path| self.placed(key, path))
    }

    /// A path relative to the file that names it, else to where the server is started.
    fn placed(&self, key: &str, path: PathBuf) -> PathBuf {
        match self.gathered.get(key) {
            // An absolute path replaces the folder.
            Some((_, Origin::File(file))) => {
                file.parent().map_or_else(|| path.clone(), |folder| folder.join(&path))
            }
            _ => path,
        }
    }

    /// The node's own folder: beside the directory's file, if it is one and nothing else is said.
    fn data_dir(&mut self, storage: Option<&Database>) -> Option<PathBuf> {
        const KEY: &str = "data_dir";
        if self.gathered.get(KEY).is_some_and(|(text, _)| !text.is_empty()) {
            return self.path(KEY);
        }
        let beside = storage?.file().and_then(Path::parent).map(Path::to_owned);
        if beside.is_none() {
            self.problems.extend(setting(KEY).map(missing));
        }
        beside
    }

    fn listeners_differ(
        &mut self,
        listen: Option<std::net::SocketAddr>,
        management: Option<std::net::SocketAddr>,
    ) {
        if listen.is_some() && listen == management {
            self.problems.push(Problem {
                key: "management.listen".to_owned(),
                what: "the same as listen".to_owned(),
                why: "Metrics are not for everybody".to_owned(),
                fix: "use another port, or off".to_owned(),
                missing: false,
            });
        }
    }

    /// Answers cannot wait for a database that no other node has.
    fn durable_where_shared(&mut self, durability: Option<Durability>, storage: Option<&Database>) {
        let alone = storage.is_some_and(|storage| storage.file().is_some());
        if alone && durability == Some(Durability::BeforeAnswerShared) {
            self.problems.push(Problem {
                key: "sign_in_log.durability".to_owned(),
                what: "before-answer-shared, but storage.url names a file of this node alone"
                    .to_owned(),
                why: "There is no database that nodes share, so nothing to wait for".to_owned(),
                fix: "use before-answer, which waits for this node's disk".to_owned(),
                missing: false,
            });
        }
    }

    fn announced_in_time(&mut self, rotation: Option<Duration>, announce: Option<Duration>) {
        let (Some(rotation), Some(announce)) = (rotation, announce) else { return };
        if announce + HOUR > rotation {
            self.problems.push(Problem {
                key: "keys.announce".to_owned(),
                what: "not at least an hour shorter than keys.rotation".to_owned(),
                why: "The next key would have to sign before it was announced long enough"
                    .to_owned(),
                fix: "shorten it, or lengthen keys.rotation".to_owned(),
                missing: false,
            });
        }
    }
}

fn missing(setting: &Setting) -> Problem {
    let first = setting.about.split_inclusive(". ").next().unwrap_or(setting.about);
    Problem {
        key: setting.key.to_owned(),
        what: "missing".to_owned(),
        why: first.trim_end().trim_end_matches('.').to_owned(),
        fix: format!(
            "set it in behalf.toml or {}: {}",
            setting.variable(),
            setting.takes_plainly()
        ),
        missing: true,
    }
}

fn refused(setting: &Setting, (text, origin): (&str, &Origin), wrong: &Wrong) -> Problem {
    let found: String = text.chars().take(60).collect();
    let found = if setting.secret { String::new() } else { format!(" {found:?}") };
    Problem {
        key: setting.key.to_owned(),
        what: format!("{}; found{found} in {origin}", wrong.what),
        why: wrong.why.to_owned(),
        fix: format!("expected {}", setting.takes_plainly()),
        missing: false,
    }
}
