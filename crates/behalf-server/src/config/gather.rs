//! Collects each setting's text from default, file, environment and flags, and remembers whence.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    File,
    problem::{Problem, did_you_mean},
    table::{SETTINGS, Setting, setting},
};

const PREFIX: &str = "BEHALF_";
/// Longest value of a setting in bytes.
const VALUE_MAX: usize = 4_096;

/// Variables that begin with our prefix and are no settings: those of the command line and of
/// applications.
const OTHERS: [&str; 9] = [
    "AUDIENCE",
    "AUTHORITY",
    "CLIENT_SECRET",
    "CLIENT_SECRET_FILE",
    "CONFIG",
    "DEV_DIR",
    "SERVER",
    "TENANTS",
    "URL",
];

/// The variables of the environment whose names begin with `BEHALF_`. A value that is no UTF-8 is
/// `None`.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Option<String>>);

impl Environment {
    /// These variables, whatever the process has.
    pub fn of<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let owned = variables.into_iter().map(|(name, value)| (name.into(), Some(value.into())));
        Self(owned.filter(|(name, _)| name.starts_with(PREFIX)).collect())
    }
}

impl fmt::Debug for Environment {
    /// Names alone: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The process's environment: the one place where it is read.
pub fn environment() -> Environment {
    let ours = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        name.starts_with(PREFIX).then(|| (name, value.into_string().ok()))
    });
    Environment(ours.collect())
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The table.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// The command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A setting with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The setting.
    pub key: &'static str,
    /// Its value as written, or `(set)` if it may hold a secret; `None` when it is not set.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

/// The text of each setting that has one.
pub(super) struct Gathered {
    values: BTreeMap<&'static str, (String, Origin)>,
}

impl Gathered {
    pub(super) fn new(
        file: Option<File<'_>>,
        environment: &Environment,
        flags: &[(&str, String)],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut gathered = Self { values: BTreeMap::new() };
        for setting in &SETTINGS {
            if let Some(default) = setting.default {
                gathered.values.insert(setting.key, (default.to_owned(), Origin::Default));
            }
        }
        if let Some(file) = file {
            gathered.file(file, problems);
        }
        gathered.environment(environment, problems);
        for (key, value) in flags {
            match setting(key) {
                Some(setting) => {
                    let origin = Origin::Flag(setting.flag());
                    gathered.put(setting, (value.clone(), origin), problems);
                }
                None => problems.push(unknown(key, "the command line", did_you_mean(key))),
            }
        }
        gathered
    }

    pub(super) fn get(&self, key: &str) -> Option<&(String, Origin)> {
        self.values.get(key)
    }

    pub(super) fn shown(&self) -> Vec<Shown> {
        let show = |setting: &Setting| {
            let found = self.values.get(setting.key);
            let written = |value: &str| if setting.secret { "(set)" } else { value }.to_owned();
            Shown {
                key: setting.key,
                value: found.map(|(value, _)| written(value)),
                origin: found.map_or(Origin::Default, |(_, origin)| origin.clone()),
            }
        };
        SETTINGS.iter().map(show).collect()
    }

    fn put(&mut self, of: &'static Setting, value: (String, Origin), problems: &mut Vec<Problem>) {
        if value.0.len() > VALUE_MAX || value.0.contains('\0') {
            problems.push(Problem {
                key: of.key.to_owned(),
                what: format!(
                    "the value from {} is longer than 4096 bytes or holds a NUL",
                    value.1
                ),
                why: String::new(),
                fix: format!("expected {}", of.takes_plainly()),
                missing: false,
            });
            return;
        }
        self.values.insert(of.key, value);
    }

    fn file(&mut self, file: File<'_>, problems: &mut Vec<Problem>) {
        let table = match file.text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                // Its message alone: the whole error quotes the line, which may hold a secret.
                let before = error.span().and_then(|span| file.text.get(..span.start));
                let line = before.map_or(1, |before| before.matches('\n').count() + 1);
                problems.push(Problem {
                    key: file.path.display().to_string(),
                    what: format!("line {line} is not TOML: {}", error.message().trim()),
                    why: String::new(),
                    fix: "correct the line".to_owned(),
                    missing: false,
                });
                return;
            }
        };
        self.table(file.path, "", &table, problems);
    }

    fn table(
        &mut self,
        path: &Path,
        prefix: &str,
        table: &toml::Table,
        problems: &mut Vec<Problem>,
    ) {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            if let toml::Value::Table(inner) = value
                && SETTINGS.iter().any(|s| s.key.starts_with(&format!("{key}.")))
            {
                self.table(path, &format!("{key}."), inner, problems);
                continue;
            }
            let Some(setting) = setting(&key) else {
                let place = path.display().to_string();
                problems.push(unknown(&key, &place, did_you_mean(&key)));
                continue;
            };
            let text = match value {
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Array(values)
                    if setting.list && values.iter().all(toml::Value::is_str) =>
                {
                    values.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(", ")
                }
                other => {
                    problems.push(Problem {
                        key,
                        what: format!("its type in {} is {}", path.display(), other.type_str()),
                        why: String::new(),
                        fix: format!("expected {}", setting.takes_plainly()),
                        missing: false,
                    });
                    continue;
                }
            };
            self.put(setting, (text, Origin::File(path.to_owned())), problems);
        }
    }

    fn environment(&mut self, environment: &Environment, problems: &mut Vec<Problem>) {
        for (name, value) in &environment.0 {
            let rest = name.strip_prefix(PREFIX).unwrap_or(name);
            if OTHERS.contains(&rest) || names_a_service(rest) {
                continue;
            }
            let of = |suffix: &str| {
                let name = name.strip_suffix(suffix)?;
                SETTINGS.iter().find(|setting| setting.variable() == name)
            };
            let Some(value) = value else {
                problems.push(unreadable(name, "its value is not UTF-8"));
                continue;
            };
            if let Some(setting) = of("") {
                let origin = Origin::Variable(name.clone());
                self.put(setting, (value.clone(), origin), problems);
            } else if let Some(setting) = of("_FILE").filter(|setting| setting.secret) {
                match std::fs::read_to_string(value) {
                    Ok(text) => {
                        let origin = Origin::Variable(name.clone());
                        self.put(setting, (text.trim_end().to_owned(), origin), problems);
                    }
                    Err(error) => {
                        let what = format!("the file it names cannot be read: {error}");
                        problems.push(unreadable(name, &what));
                    }
                }
            } else {
                let meant = did_you_mean(&rest.to_ascii_lowercase());
                let meant = meant.and_then(setting).map(Setting::variable);
                problems.push(unknown(name, "the environment", meant.as_deref()));
            }
        }
    }
}

/// Kubernetes describes a service called `behalf` to every pod beside it in variables like
/// `BEHALF_SERVICE_HOST` and `BEHALF_PORT_8443_TCP`.
fn names_a_service(rest: &str) -> bool {
    rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_")
}

fn unreadable(key: &str, what: &str) -> Problem {
    Problem {
        key: key.to_owned(),
        what: what.to_owned(),
        why: String::new(),
        fix: "correct or unset it".to_owned(),
        missing: false,
    }
}

fn unknown(key: &str, place: &str, meant: Option<&str>) -> Problem {
    let key: String = key.chars().take(64).collect();
    Problem {
        key,
        what: format!("no such setting, found in {place}"),
        why: String::new(),
        fix: match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => "remove it; docs/reference/configuration.md lists all settings".to_owned(),
        },
        missing: false,
    }
}
