//! An application of a running dev instance, found by whatever a person calls it.

use behalf_core::application::SignInAudience;
use behalf_server::admin_socket::wire::{ApplicationInfo, TenantInfo};

use crate::{
    admin::{Admin, AdminError},
    dev::{
        instances,
        ready::{AppEntry, Ready},
        world,
    },
    door::failure,
    environment::Environment,
    failure::{Exit, Failure},
    http_client::block_on,
    target::Target,
};

/// How many names are offered to somebody who misspelt one.
const OFFERED: usize = 5;

/// An application, its home tenant, and what is known of its credentials.
#[derive(Debug, Clone)]
pub(crate) struct KnownApp {
    /// What the directory says of it.
    pub(crate) info: ApplicationInfo,
    /// Its home tenant.
    pub(crate) tenant: TenantInfo,
    /// What the instance was seeded with: secret and certificate of the dev world's applications.
    pub(crate) seeded: Option<AppEntry>,
}

/// Every application of an instance's directory.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    apps: Vec<KnownApp>,
    tenants: Vec<TenantInfo>,
}

impl KnownApp {
    /// Its client id, in lower case.
    pub(crate) fn app_id(&self) -> String {
        self.info.app_id.to_string()
    }

    /// The domain that names its tenant.
    pub(crate) fn domain(&self) -> String {
        self.tenant.domains.first().cloned().unwrap_or_else(|| self.tenant.id.to_string())
    }

    /// The path segment by which its clients name their tenant: `adfs` in the default tenant,
    /// because azure-identity then asks nobody else whether this server is genuine.
    pub(crate) fn tenant_segment(&self) -> String {
        if self.tenant.id.0 == world::ACME.id { "adfs".to_owned() } else { self.domain() }
    }

    /// Whether other tenants may use it.
    pub(crate) fn is_multi_tenant(&self) -> bool {
        self.info.audience == SignInAudience::Multi
    }

    fn is_called(&self, wanted: &str) -> bool {
        let wanted_uri = wanted.trim_end_matches('/');
        self.info.name == wanted
            || self.app_id().eq_ignore_ascii_case(wanted)
            || self.info.uris.iter().any(|uri| uri.eq_ignore_ascii_case(wanted_uri))
    }
}

impl Catalogue {
    /// Asks the instance's admin socket.
    pub(crate) fn of(target: &Target, environment: &Environment) -> anyhow::Result<Self> {
        let ready = target.instance()?;
        let folder = instances::folder_of(environment, ready)
            .ok_or_else(|| Failure::environment("the dev folder is gone"))?;
        block_on(async {
            Ok(Self::read(&Admin::of(&folder), ready).await.map_err(|error| failure(&error))?)
        })
    }

    async fn read(admin: &Admin, ready: &Ready) -> Result<Self, AdminError> {
        let tenants = admin.tenants().await?;
        let mut apps = Vec::new();
        for tenant in &tenants {
            for info in admin.applications(&tenant.id.to_string()).await? {
                let id = info.app_id.to_string();
                let seeded = ready.apps.values().find(|entry| entry.app_id == id).cloned();
                apps.push(KnownApp { info, tenant: tenant.clone(), seeded });
            }
        }
        Ok(Self { apps, tenants })
    }

    /// The one application that `wanted` names: by its name, its client id or an App ID URI.
    pub(crate) fn find(&self, wanted: &str) -> Result<&KnownApp, Failure> {
        let found: Vec<&KnownApp> = self.apps.iter().filter(|app| app.is_called(wanted)).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(self.nobody(wanted)),
            several => Err(ambiguous(wanted, several)),
        }
    }

    /// What people call applications and tenants, by their ids in lower case.
    pub(crate) fn names(&self) -> impl Iterator<Item = (String, String)> {
        let apps = self.apps.iter().map(|app| (app.app_id(), app.info.name.clone()));
        let named = |tenant: &TenantInfo| {
            tenant.domains.first().map(|domain| (tenant.id.to_string(), domain.clone()))
        };
        apps.chain(self.tenants.iter().filter_map(named))
    }

    fn nobody(&self, wanted: &str) -> Failure {
        let shown: String = wanted.chars().take(80).collect();
        let what =
            format!("no application has the name, the client id or the App ID URI {shown:?}");
        let near = self.near(wanted);
        let failure = |what: String| Failure::new(Exit::NotFound, what);
        if near.is_empty() {
            return failure(what).fix("behalf app list --tenant DOMAIN, which lists them");
        }
        failure(format!("{what}; near it: {}", near.join(", ")))
    }

    /// Names and URIs that look like `wanted`, the nearest first.
    fn near(&self, wanted: &str) -> Vec<&str> {
        let names = self.apps.iter().flat_map(|app| {
            std::iter::once(app.info.name.as_str()).chain(app.info.uris.iter().map(String::as_str))
        });
        let mut near: Vec<(usize, &str)> =
            names.filter_map(|name| Some((distance(name, wanted)?, name))).collect();
        near.sort_unstable();
        near.dedup();
        near.into_iter().map(|(_, name)| name).take(OFFERED).collect()
    }
}

fn ambiguous(wanted: &str, several: &[&KnownApp]) -> Failure {
    let each: Vec<String> =
        several.iter().map(|app| format!("{} in {}", app.app_id(), app.domain())).collect();
    Failure::usage(format!("{wanted:?} names {} applications: {}", several.len(), each.join(", ")))
        .fix("its client id")
}

/// How far a name is from what was typed, if it may be meant: a part of it, or up to a third of
/// its letters wrong.
fn distance(name: &str, wanted: &str) -> Option<usize> {
    let (name, wanted) = (name.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    if wanted.is_empty() || wanted.len() > 100 {
        return None;
    }
    if name.contains(&wanted) || wanted.contains(&name) {
        return Some(0);
    }
    let edits = edits(name.as_bytes(), wanted.as_bytes());
    (edits <= name.len().max(3) / 3).then_some(edits)
}

/// Insertions, deletions and replacements that make `b` of `a` (Levenshtein).
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
pub(crate) mod tests {
    use behalf_core::application::AppKind;
    use serde_json::json;

    use super::*;
    use crate::dev::ready::tests::ready;

    fn app(name: &str, id: &str, uris: &[&str], tenant: &TenantInfo) -> KnownApp {
        let info = ApplicationInfo {
            id: serde_json::from_value(json!("00000000-0000-4000-8000-000000000001")).unwrap(),
            app_id: id.parse().unwrap(),
            name: name.to_owned(),
            kind: AppKind::Api,
            audience: SignInAudience::Single,
            uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
            scopes: Vec::new(),
            roles: Vec::new(),
            strict_assertions: false,
            allowed_methods: std::collections::BTreeSet::new(),
            disabled: false,
        };
        let seeded = ready().apps.get(name).cloned();
        KnownApp { info, tenant: tenant.clone(), seeded }
    }

    fn tenant(id: &str, domain: &str) -> TenantInfo {
        TenantInfo {
            id: id.parse().unwrap(),
            name: domain.to_owned(),
            domains: vec![domain.to_owned()],
            disabled: false,
        }
    }

    /// The dev world's daemon and API, and two applications of one name.
    pub(crate) fn catalogue() -> Catalogue {
        let acme = tenant("ac3e0000-0000-4000-8000-000000000001", "acme.test");
        let globex = tenant("610be000-0000-4000-8000-000000000002", "globex.test");
        let apps = vec![
            app("invoice-daemon", "dae00000-0000-4000-8000-000000000001", &[], &acme),
            app("ledger-api", "a9200000-0000-4000-8000-000000000004", &["api://ledger"], &acme),
            app("stock", "570c0000-0000-4000-8000-000000000001", &["api://stock"], &acme),
            app("stock", "570c0000-0000-4000-8000-000000000002", &["api://stock-2"], &globex),
        ];
        Catalogue { apps, tenants: vec![acme, globex] }
    }

    fn refused(wanted: &str) -> String {
        catalogue().find(wanted).unwrap_err().to_string()
    }

    #[test]
    fn an_application_is_found_by_name_client_id_and_app_id_uri() {
        let all = catalogue();
        for wanted in
            ["ledger-api", "A9200000-0000-4000-8000-000000000004", "api://ledger", "api://Ledger/"]
        {
            assert_eq!(all.find(wanted).unwrap().info.name, "ledger-api", "{wanted}");
        }
        let daemon = all.find("invoice-daemon").unwrap();
        assert_eq!(daemon.tenant_segment(), "adfs", "the default tenant");
        assert!(daemon.seeded.is_some());
        let other = all.find("570c0000-0000-4000-8000-000000000002").unwrap();
        assert_eq!(other.tenant_segment(), "globex.test");
        assert!(other.seeded.is_none());
    }

    #[test]
    fn a_name_that_two_tenants_use_is_refused_with_both() {
        assert_eq!(
            refused("stock"),
            "\"stock\" names 2 applications: 570c0000-0000-4000-8000-000000000001 in acme.test, \
             570c0000-0000-4000-8000-000000000002 in globex.test. Try: its client id"
        );
    }

    #[test]
    fn who_misspells_a_name_is_shown_those_near_it() {
        let near = |wanted: &str| refused(wanted).split("near it: ").nth(1).map(str::to_owned);
        assert_eq!(near("invoice").unwrap(), "invoice-daemon");
        assert_eq!(near("invioce-deamon").unwrap(), "invoice-daemon");
        assert_eq!(near("Ledger-API").unwrap(), "ledger-api");
        assert_eq!(near("api://ledgr").unwrap(), "api://ledger");
        for far in ["nothing-of-the-kind", "", &"x".repeat(5_000)] {
            assert!(refused(far).contains("behalf app list"), "{far}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (a, b, expected) in [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3)] {
            assert_eq!(edits(a.as_bytes(), b.as_bytes()), expected);
        }
    }
}
