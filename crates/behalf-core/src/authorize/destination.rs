//! Who asks, and where the answer may go.

use behalf_protocol::{authorize::Destination, error::AadSts};

use crate::{
    application::{Application, Platform, SignInAudience, redirect},
    id::{AppId, TenantId, parse_guid},
};

/// A redirect URI that is its client's own. Made by [`destination`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    client: AppId,
    uri: String,
    platform: Platform,
}

impl Trusted {
    /// Whose it is.
    pub fn client(&self) -> AppId {
        self.client
    }

    /// The URI as it was asked for; as it is registered where v1 left it out.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What waits behind it.
    pub fn platform(&self) -> Platform {
        self.platform
    }
}

/// Why a request is answered with a page and never with a redirect. `Display` is for whoever builds
/// the client; it repeats what was sent, so pages escape it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// The client id is no GUID. It is not repeated: people paste secrets there.
    #[error(
        "The client_id is not a GUID. Send the application (client) id of a registered application."
    )]
    ClientMalformed,
    /// There is no such application, or it is another directory's own (700016).
    #[error(
        "Application {client} was not found in this directory. Check the client_id and the directory in the address."
    )]
    ClientUnknown {
        /// The client id.
        client: AppId,
    },
    /// `common` for an application of one directory (50194).
    #[error(
        "Application {client} is for the users of one directory only. Put that directory's id or domain in place of common, or make the application multi-tenant."
    )]
    SingleTenant {
        /// The client id.
        client: AppId,
    },
    /// Not one of the client's (50011).
    #[error(
        "The redirect_uri {asked:?} is not one that this application has registered. It must be the same, letter for letter."
    )]
    RedirectUnknown {
        /// What was asked for, at most 256 characters of it.
        asked: String,
    },
    /// v1 without one, and the client has none or several.
    #[error(
        "The request names no redirect_uri, and the application has not exactly one that could be meant. Send the one you mean."
    )]
    RedirectMissing,
}

impl Untrusted {
    /// The catalogue's row.
    pub fn aadsts(&self) -> AadSts {
        match self {
            Self::ClientMalformed | Self::ClientUnknown { .. } => AadSts::ApplicationNotFound,
            Self::SingleTenant { .. } => AadSts::SingleTenantApplication,
            Self::RedirectUnknown { .. } | Self::RedirectMissing => AadSts::RedirectUriMismatch,
        }
    }

    /// The client id that a request names.
    pub fn client(asked: &Destination<'_>) -> Result<AppId, Self> {
        parse_guid(asked.client_id).map(AppId).map_err(|_| Self::ClientMalformed)
    }
}

/// Whether `application`, found under the client id that was asked for, may be answered at the
/// redirect URI that was. `tenant` is the one the path names; `None` for `common`.
pub fn destination(
    asked: &Destination<'_>,
    application: Option<&Application>,
    tenant: Option<TenantId>,
) -> Result<Trusted, Untrusted> {
    let client = Untrusted::client(asked)?;
    let found = application.filter(|app| app.app_id == client);
    let app = found.ok_or(Untrusted::ClientUnknown { client })?;
    usable(app, tenant)?;
    let (uri, platform) = match (asked.redirect_uri, app.redirects.as_slice()) {
        (Some(asked), registered) => {
            let found = redirect::find(registered, asked);
            let shown = || asked.chars().take(redirect::MAX).collect();
            let found = found.ok_or_else(|| Untrusted::RedirectUnknown { asked: shown() })?;
            (asked, found.platform)
        }
        (None, [only]) => (only.uri.as_str(), only.platform),
        (None, _) => return Err(Untrusted::RedirectMissing),
    };
    Ok(Trusted { client, uri: uri.to_owned(), platform })
}

/// Whether users of `tenant` may sign in to `application` at all; `None` for `common`. All that is
/// to be known where nobody is redirected: of a device.
pub fn usable(application: &Application, tenant: Option<TenantId>) -> Result<(), Untrusted> {
    let client = application.app_id;
    match (application.audience, tenant) {
        (SignInAudience::Multi, _) => Ok(()),
        (SignInAudience::Single, None) => Err(Untrusted::SingleTenant { client }),
        (SignInAudience::Single, Some(tenant)) if tenant == application.tenant => Ok(()),
        (SignInAudience::Single, Some(_)) => Err(Untrusted::ClientUnknown { client }),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        application::{AppKind, Redirect},
        id::ObjectId,
        time::Timestamp,
    };

    const HOME: TenantId = TenantId(Uuid::from_u128(1));
    const CLIENT: AppId = AppId(Uuid::from_u128(7));

    fn app(uris: &[(&str, Platform)]) -> Application {
        let mut app = Application::new(
            ObjectId(Uuid::from_u128(2)),
            CLIENT,
            (HOME, "desk-app"),
            AppKind::Native,
            Timestamp(0),
        );
        let registered = uris.iter().map(|(uri, platform)| Redirect::register(uri, *platform));
        app.redirects = registered.collect::<Result<_, _>>().unwrap();
        app
    }

    fn trust(
        uri: Option<&str>,
        app: &Application,
        tenant: Option<TenantId>,
    ) -> Result<Trusted, u32> {
        let client = CLIENT.to_string();
        let asked = Destination { client_id: &client, redirect_uri: uri };
        destination(&asked, Some(app), tenant).map_err(|refusal| refusal.aadsts().code())
    }

    #[test]
    fn az_01_06_09_11_only_the_registered_text_is_trusted() {
        let app = app(&[("https://app.test/cb?a=1&b=2", Platform::Web)]);
        let trusted = trust(Some("https://app.test/cb?a=1&b=2"), &app, Some(HOME)).unwrap();
        assert_eq!(trusted.platform(), Platform::Web);
        for uri in [
            "https://app.test/CB?a=1&b=2",
            "HTTPS://app.test/cb?a=1&b=2",
            "https://appxtest/cb?a=1&b=2",
            "https://app.test/cb?b=2&a=1",
            "https://app.test/cb?a=1&b=2&c=3",
            "https://app.test/cb?a=1&b=2#x",
            "https://app.test/cb",
            "https://app.test.evil.test/cb?a=1&b=2",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert_eq!(trust(Some(uri), &app, Some(HOME)), Err(50_011), "{uri}");
        }
    }

    #[test]
    fn az_07_any_port_of_the_loopback_host_and_no_host_like_it() {
        let app = app(&[("http://localhost", Platform::InstalledClient)]);
        assert!(trust(Some("http://localhost:49152"), &app, Some(HOME)).is_ok());
        for uri in [
            "http://localhost.evil.test",
            "http://localhost@evil.test",
            "http://127.0.0.1:4000",
            "https://localhost:4000",
            "http://localhost:4000/other",
        ] {
            assert_eq!(trust(Some(uri), &app, Some(HOME)), Err(50_011), "{uri}");
        }
    }

    #[test]
    fn v1_may_leave_out_the_only_one() {
        let one = app(&[("https://app.test/cb", Platform::Web)]);
        assert_eq!(trust(None, &one, Some(HOME)).unwrap().uri(), "https://app.test/cb");
        let two = app(&[("https://a.test/", Platform::Web), ("https://b.test/", Platform::Web)]);
        assert_eq!(trust(None, &two, Some(HOME)), Err(50_011));
        assert_eq!(trust(None, &app(&[]), Some(HOME)), Err(50_011));
    }

    #[test]
    fn a_single_tenants_application_is_unknown_elsewhere_and_not_for_common() {
        let uri = Some("https://app.test/cb");
        let mut app = app(&[("https://app.test/cb", Platform::Web)]);
        assert_eq!(trust(uri, &app, Some(TenantId(Uuid::from_u128(9)))), Err(700_016));
        assert_eq!(trust(uri, &app, None), Err(50_194));
        app.audience = SignInAudience::Multi;
        assert!(trust(uri, &app, None).is_ok());
        let asked = Destination { client_id: "not-a-guid", redirect_uri: uri };
        assert_eq!(destination(&asked, Some(&app), None), Err(Untrusted::ClientMalformed));
    }
}
