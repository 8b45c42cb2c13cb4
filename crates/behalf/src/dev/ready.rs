//! The ready file: what a program needs to use a dev instance, promised to stay as it is.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::files;

/// One dev instance. Every key is always present; paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// behalf's version.
    pub(crate) version: String,
    /// The process.
    pub(crate) pid: u32,
    /// `https://localhost:PORT`.
    pub(crate) base_url: String,
    /// Where `/metrics` is.
    pub(crate) management_url: String,
    /// The dev CA alone (PEM).
    pub(crate) ca_file: PathBuf,
    /// The system's roots and the dev CA (PEM).
    pub(crate) ca_bundle_file: PathBuf,
    /// By short name.
    pub(crate) tenants: BTreeMap<String, TenantEntry>,
    /// By short name.
    pub(crate) users: BTreeMap<String, UserEntry>,
    /// By name.
    pub(crate) apps: BTreeMap<String, AppEntry>,
    /// The client that administers by program.
    pub(crate) admin: AdminEntry,
}

/// A tenant of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TenantEntry {
    /// `tid`.
    pub(crate) id: String,
    /// Its domain.
    pub(crate) domain: String,
}

/// A user of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserEntry {
    /// What he signs in with.
    pub(crate) name: String,
    /// His password.
    pub(crate) password: String,
    /// `oid`.
    pub(crate) id: String,
}

/// An application of an instance; what it does not have is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppEntry {
    /// `appId`.
    pub(crate) app_id: String,
    /// Its home tenant's short name.
    pub(crate) tenant: String,
    /// Its App ID URI, if it is an API.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) app_id_uri: Option<String>,
    /// Its secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) secret: Option<String>,
    /// Its certificate and key (PEM).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) certificate_file: Option<PathBuf>,
}

/// How to administer an instance by program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdminEntry {
    /// `client_id`.
    pub(crate) client_id: String,
    /// `client_secret`.
    pub(crate) client_secret: String,
    /// What to ask a token for.
    pub(crate) resource: String,
    /// Where the administrative API will be.
    pub(crate) base_url: String,
}

impl Ready {
    /// One line of JSON, with its line end.
    pub(crate) fn line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|json| json + "\n")
    }

    /// Writes the line to `path` in one step, mode 0600.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        files::replace(path, self.line()?.as_bytes())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small instance.
    pub(crate) fn ready() -> Ready {
        let app = |id: &str| AppEntry {
            app_id: id.to_owned(),
            tenant: "acme".to_owned(),
            app_id_uri: None,
            secret: None,
            certificate_file: None,
        };
        let daemon = AppEntry {
            secret: Some("behalf-dev-invoice-daemon".to_owned()),
            certificate_file: Some("/d/invoice-daemon.pem".into()),
            ..app("dae00000-0000-4000-8000-000000000001")
        };
        let api = AppEntry {
            app_id_uri: Some("api://ledger".to_owned()),
            ..app("a9200000-0000-4000-8000-000000000004")
        };
        let tenant = |id: &str, domain: &str| TenantEntry { id: id.into(), domain: domain.into() };
        Ready {
            version: "0.1.0".into(),
            pid: 1,
            base_url: "https://localhost:8443".into(),
            management_url: "http://127.0.0.1:9443".into(),
            ca_file: "/d/ca.pem".into(),
            ca_bundle_file: "/d/ca-bundle.pem".into(),
            tenants: BTreeMap::from([
                ("acme".into(), tenant("ac3e0000-0000-4000-8000-000000000001", "acme.test")),
                ("globex".into(), tenant("610be000-0000-4000-8000-000000000002", "globex.test")),
            ]),
            users: BTreeMap::from([(
                "bob".into(),
                UserEntry {
                    name: "bob@acme.test".into(),
                    password: "behalf-dev".into(),
                    id: "b0b00000-0000-5000-8000-000000000001".into(),
                },
            )]),
            apps: BTreeMap::from([("invoice-daemon".into(), daemon), ("ledger-api".into(), api)]),
            admin: AdminEntry {
                client_id: "ad310000-0000-4000-8000-000000000007".into(),
                client_secret: "behalf-dev-admin".into(),
                resource: "https://localhost:8443".into(),
                base_url: "https://localhost:8443/v1.0".into(),
            },
        }
    }

    #[test]
    fn the_promised_shape_on_one_line() {
        let line = ready().line().unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let expected = serde_json::json!({
            "version": "0.1.0",
            "pid": 1,
            "base_url": "https://localhost:8443",
            "management_url": "http://127.0.0.1:9443",
            "ca_file": "/d/ca.pem",
            "ca_bundle_file": "/d/ca-bundle.pem",
            "tenants": {
                "acme": {"id": "ac3e0000-0000-4000-8000-000000000001", "domain": "acme.test"},
                "globex": {"id": "610be000-0000-4000-8000-000000000002", "domain": "globex.test"},
            },
            "users": {
                "bob": {
                    "name": "bob@acme.test",
                    "password": "behalf-dev",
                    "id": "b0b00000-0000-5000-8000-000000000001",
                },
            },
            "apps": {
                "invoice-daemon": {
                    "app_id": "dae00000-0000-4000-8000-000000000001",
                    "tenant": "acme",
                    "secret": "behalf-dev-invoice-daemon",
                    "certificate_file": "/d/invoice-daemon.pem",
                },
                "ledger-api": {
                    "app_id": "a9200000-0000-4000-8000-000000000004",
                    "tenant": "acme",
                    "app_id_uri": "api://ledger",
                },
            },
            "admin": {
                "client_id": "ad310000-0000-4000-8000-000000000007",
                "client_secret": "behalf-dev-admin",
                "resource": "https://localhost:8443",
                "base_url": "https://localhost:8443/v1.0",
            },
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Ready>(&line).unwrap(), ready());
    }
}
