//! The dev world: the same on every machine, so that what docs and samples print works as it is.
//!
//! Plain data. What it becomes in the directory is decided where it is seeded; names, ids and
//! secrets are promised to stay.

use behalf_core::application::{AppKind, Consent, SignInAudience};
use uuid::{Uuid, uuid};

/// A tenant.
pub(crate) struct Tenant {
    /// What the ready file calls it.
    pub(crate) key: &'static str,
    /// `tid`.
    pub(crate) id: Uuid,
    /// Its verified domain.
    pub(crate) domain: &'static str,
    /// What people call it.
    pub(crate) display: &'static str,
}

/// An application of the world, with all that it offers and needs.
pub(crate) struct App {
    /// Its name in its tenant.
    pub(crate) name: &'static str,
    /// `appId`.
    pub(crate) id: Uuid,
    /// Its home.
    pub(crate) tenant: &'static Tenant,
    /// What kind of program it is.
    pub(crate) kind: AppKind,
    /// Whose directory may use it.
    pub(crate) audience: SignInAudience,
    /// Its App ID URI.
    pub(crate) uri: Option<&'static str>,
    /// Delegated permissions: value, who may consent, text.
    pub(crate) scopes: &'static [(&'static str, Consent, &'static str)],
    /// Application permissions: value, text.
    pub(crate) roles: &'static [(&'static str, &'static str)],
    /// What it needs: API, scopes, roles. Roles are granted.
    pub(crate) calls: &'static [Call],
    /// Clients whose consent page covers this API as well.
    pub(crate) known_clients: &'static [Uuid],
    /// Where browsers may be sent back to.
    pub(crate) redirects: &'static [&'static str],
    /// Whether it has the secret `behalf-dev-NAME`.
    pub(crate) secret: bool,
    /// Whether it has the certificate that is built in.
    pub(crate) certificate: bool,
}

/// What an application needs of an API.
pub(crate) struct Call {
    /// The API's name.
    pub(crate) api: &'static str,
    /// Scopes, on behalf of users.
    pub(crate) as_user: &'static [&'static str],
    /// Roles, as itself.
    pub(crate) as_app: &'static [&'static str],
}

/// A user of the world. His password is `behalf-dev`.
pub(crate) struct User {
    /// What the ready file calls him.
    pub(crate) key: &'static str,
    /// His tenant.
    pub(crate) tenant: &'static Tenant,
    /// What he signs in with.
    pub(crate) name: &'static str,
    /// What people call him.
    pub(crate) display: &'static str,
    /// Whether he may administer everything.
    pub(crate) administrator: bool,
    /// The hash of the documented password: making it would keep the banner waiting.
    pub(crate) hash: &'static str,
}

/// Everybody.
pub(crate) static USERS: [User; 3] = [
    User {
        key: "ada",
        tenant: &ACME,
        name: "ada@acme.test",
        display: "Ada",
        administrator: true,
        hash: "$argon2id$v=19$m=19456,t=2,p=1$O6Ff/pL2IbsmyBI3TjtPsA$69AT1aDODn0qkmvdy9OdEGR5riv1JSfloaPzuwq16js",
    },
    User {
        key: "bob",
        tenant: &ACME,
        name: "bob@acme.test",
        display: "Bob",
        administrator: false,
        hash: "$argon2id$v=19$m=19456,t=2,p=1$K76z3meu5nSwE6DkI9iVzg$JALKxGnTUJLsseZoqO75uWdBskuU9pg7BUjbcAvYWDs",
    },
    User {
        key: "gus",
        tenant: &GLOBEX,
        name: "gus@globex.test",
        display: "Gus",
        administrator: true,
        hash: "$argon2id$v=19$m=19456,t=2,p=1$5zPmOF0GI64APLjQW/Ygnw$bTuIGkr/3NjKR7+VW2qkiFTmGYqVpKjXQHe2HXcKaFs",
    },
];

/// The tenant of most examples, and the deployment's default.
pub(crate) static ACME: Tenant = Tenant {
    key: "acme",
    id: uuid!("ac3e0000-0000-4000-8000-000000000001"),
    domain: "acme.test",
    display: "Acme",
};

/// The other one, for what takes two.
pub(crate) static GLOBEX: Tenant = Tenant {
    key: "globex",
    id: uuid!("610be000-0000-4000-8000-000000000002"),
    domain: "globex.test",
    display: "Globex",
};

/// Both.
pub(crate) static TENANTS: [&Tenant; 2] = [&ACME, &GLOBEX];

/// Every application, APIs before those who call them.
pub(crate) static APPS: [App; 7] =
    [LEDGER_API, ORDERS_API, TREND_API, INVOICE_DAEMON, DESK_APP, TREND_REPORT, ADMIN];

/// What an application has unless it says otherwise.
const PLAIN: App = App {
    name: "",
    id: Uuid::nil(),
    tenant: &ACME,
    kind: AppKind::Api,
    audience: SignInAudience::Single,
    uri: None,
    scopes: &[],
    roles: &[],
    calls: &[],
    known_clients: &[],
    redirects: &[],
    secret: false,
    certificate: false,
};

/// The daemon of scenario 1.
pub(crate) const INVOICE_DAEMON: App = App {
    name: "invoice-daemon",
    id: uuid!("dae00000-0000-4000-8000-000000000001"),
    kind: AppKind::Daemon,
    calls: &[Call { api: "ledger-api", as_user: &[], as_app: &["Entries.Read.All"] }],
    secret: true,
    certificate: true,
    ..PLAIN
};

/// The native application of scenario 2.
pub(crate) const DESK_APP: App = App {
    name: "desk-app",
    id: uuid!("face0000-0000-4000-8000-000000000002"),
    kind: AppKind::Native,
    calls: &[Call { api: "orders-api", as_user: &["Orders.Read"], as_app: &[] }],
    redirects: &["http://localhost"],
    ..PLAIN
};

/// An API that calls another one.
pub(crate) const ORDERS_API: App = App {
    name: "orders-api",
    id: uuid!("a9100000-0000-4000-8000-000000000003"),
    uri: Some("api://orders"),
    scopes: &[("Orders.Read", Consent::User, "Read your orders")],
    roles: &[("Orders.Read.All", "Read all orders")],
    calls: &[Call { api: "ledger-api", as_user: &["Entries.Read"], as_app: &[] }],
    known_clients: &[DESK_APP.id],
    secret: true,
    ..PLAIN
};

/// The API of scenario 1.
pub(crate) const LEDGER_API: App = App {
    name: "ledger-api",
    id: uuid!("a9200000-0000-4000-8000-000000000004"),
    uri: Some("api://ledger"),
    scopes: &[
        ("Entries.Read", Consent::User, "Read your ledger entries"),
        ("Entries.Post", Consent::Admin, "Post ledger entries"),
    ],
    roles: &[("Entries.Read.All", "Read all ledger entries")],
    ..PLAIN
};

/// A web application of Globex that other tenants may use.
pub(crate) const TREND_REPORT: App = App {
    name: "trend-report",
    id: uuid!("7e4d0000-0000-4000-8000-000000000005"),
    tenant: &GLOBEX,
    kind: AppKind::Web,
    audience: SignInAudience::Multi,
    calls: &[Call { api: "trend-api", as_user: &["Trends.Read"], as_app: &[] }],
    redirects: &["http://localhost"],
    secret: true,
    ..PLAIN
};

/// The API it needs.
pub(crate) const TREND_API: App = App {
    name: "trend-api",
    id: uuid!("7e4d0000-0000-4000-8000-000000000006"),
    tenant: &GLOBEX,
    audience: SignInAudience::Multi,
    uri: Some("api://7e4d0000-0000-4000-8000-000000000006"),
    scopes: &[("Trends.Read", Consent::User, "Read trends")],
    known_clients: &[TREND_REPORT.id],
    ..PLAIN
};

/// The client that administers the world by program.
pub(crate) const ADMIN: App = App {
    name: "admin",
    id: uuid!("ad310000-0000-4000-8000-000000000007"),
    kind: AppKind::Daemon,
    secret: true,
    ..PLAIN
};

/// The certificate and key of `invoice-daemon`: public, and refused by `behalf serve`.
pub(crate) const INVOICE_DAEMON_PEM: &str = include_str!("../../assets/invoice-daemon.pem");

/// The id of an object of the dev world: UUIDv5 (RFC 9562 5.5) of its kind and name in the
/// namespace of its tenant.
pub(crate) fn object_id(tenant: &Tenant, kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&tenant.id, format!("{kind}{name}").as_bytes())
}

/// The application called `name`.
pub(crate) fn app(name: &str) -> Option<&'static App> {
    APPS.iter().find(|app| app.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_exists() {
        for app in &APPS {
            for call in app.calls {
                let api = super::app(call.api).unwrap();
                assert_eq!(api.tenant.id, app.tenant.id);
                for value in call.as_user {
                    assert!(api.scopes.iter().any(|scope| scope.0 == *value), "{value}");
                }
                for value in call.as_app {
                    assert!(api.roles.iter().any(|role| role.0 == *value), "{value}");
                }
            }
        }
    }

    #[test]
    fn the_built_in_certificate_is_valid_for_decades_and_comes_with_its_key() {
        let certificate = behalf_jose::Certificate::from_pem(INVOICE_DAEMON_PEM).unwrap();
        assert_eq!(certificate.common_name(), Some("behalf-dev-invoice-daemon"));
        assert!(certificate.not_after() > 2_500_000_000);
        let key =
            behalf_jose::SigningKey::from_pem(behalf_jose::Algorithm::Rs256, INVOICE_DAEMON_PEM);
        assert!(key.is_ok());
    }

    #[test]
    fn ids_are_the_promised_ones() {
        assert_eq!(app("invoice-daemon").unwrap().id, INVOICE_DAEMON.id);
        assert_eq!(
            object_id(&ACME, "application", "ledger-api"),
            Uuid::new_v5(&ACME.id, b"applicationledger-api")
        );
    }
}
