//! Where the demo plays: a dev instance and an API in this process, and the extra actors that the
//! failures need.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use behalf_core::{
    application::{AppKind, AppRole, Application, MemberType, SecretCredential, SignInAudience},
    event::SignInEvent,
    id::{AppId, CredentialId, PermissionId, RequestId, TenantId},
};
use behalf_server::{
    clock::{SharedClock, SystemClock},
    directory::{AppRef, Directory, NewApplication},
    entropy::{SharedEntropy, SystemEntropy},
    journal::Record,
};
use uuid::uuid;

use super::api;
use crate::{
    dev::{
        instance::{Instance, Setup},
        port, world,
    },
    http_client,
    output::{self, Style},
};

/// An API that only assigned clients get tokens for.
pub(super) const PAYROLL: uuid::Uuid = uuid!("a9300000-0000-4000-8000-000000000008");
/// What `invoice-daemon` used until yesterday.
pub(super) const EXPIRED_SECRET: &str = "behalf-dev-until-yesterday";

/// The stage.
pub(super) struct Stage {
    /// The directory.
    pub(super) instance: Instance,
    /// `http://127.0.0.1:PORT` of ledger-api.
    pub(super) ledger: String,
    /// Trusts the dev CA alone.
    pub(super) http: reqwest::Client,
    /// Measures.
    pub(super) clock: SharedClock,
    /// How to dress lines.
    pub(super) style: Style,
    /// Requests sent so far.
    pub(super) requests: u32,
    /// Things that were not as expected.
    pub(super) problems: u32,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Starts both servers.
    pub(super) async fn set(style: Style) -> anyhow::Result<Self> {
        let clock: SharedClock = Arc::new(SystemClock::new());
        let entropy: SharedEntropy = Arc::new(SystemEntropy);
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let setup = Setup {
            addresses: port::claim(Ipv4Addr::LOCALHOST.into(), 0)?,
            dev_folder: folder.path(),
            data: None,
            random_secrets: false,
            tell: false,
        };
        let instance = Instance::start(&setup, (Arc::clone(&clock), entropy)).await?;
        add_actors(&instance).await?;
        let http = http_client::client(Some(&instance.ready.ca_file))?;
        let ledger = api::start(&instance.ready.base_url, &instance.ready.ca_file).await?;
        let ledger = format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, ledger.port())));
        Ok(Self { instance, ledger, http, clock, style, requests: 0, problems: 0, _folder: folder })
    }

    /// Stops the directory.
    pub(super) async fn leave(self) -> anyhow::Result<()> {
        self.instance.stop().await
    }

    /// Prints a line.
    pub(super) fn say(line: &str) -> anyhow::Result<()> {
        Ok(output::result(&format!("{line}\n"))?)
    }

    /// Compares, and says so when it is off.
    pub(super) fn expect<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        found: &T,
        expected: &T,
    ) -> anyhow::Result<()> {
        if found == expected {
            return Ok(());
        }
        self.problems += 1;
        let line = format!("     OFF  {what}: found {found:?}, expected {expected:?}");
        Self::say(&self.style.bad(&line))
    }

    /// The event of the sign-in log that `request_id` (`x-ms-request-id`) names.
    pub(super) fn event(&self, request_id: &str) -> anyhow::Result<SignInEvent> {
        let id: RequestId = request_id.parse().context("the answer carries no request id")?;
        let entry = self.instance.server.journal.find(id)?;
        match entry.map(|entry| entry.record) {
            Some(Record::SignIn(event)) => Ok(*event),
            _ => anyhow::bail!("the sign-in log has no event of request {request_id}"),
        }
    }
}

/// An API that requires assignment, and a secret that has expired.
async fn add_actors(instance: &Instance) -> anyhow::Result<()> {
    let directory: Directory = instance.directory();
    let acme = TenantId(world::ACME.id);
    let payroll = NewApplication {
        tenant: acme,
        name: "payroll-api".to_owned(),
        app_id: Some(AppId(PAYROLL)),
        kind: AppKind::Api,
        audience: SignInAudience::Single,
    };
    let roles = |app: &mut Application| {
        app.roles.push(AppRole {
            id: PermissionId(world::object_id(
                &world::ACME,
                "role",
                "payroll-api/Salaries.Read.All",
            )),
            value: "Salaries.Read.All".to_owned(),
            members: [MemberType::App].into(),
            text: "Read all salaries".to_owned(),
            disabled: false,
        });
        Ok(())
    };
    directory.create_application(&payroll, &roles).await?;
    directory.set_assignment_required(acme, AppId(PAYROLL), true).await?;
    let server = &instance.server;
    let now = server.clock.now();
    let expired = SecretCredential {
        id: CredentialId(world::object_id(&world::ACME, "secret", EXPIRED_SECRET)),
        name: "until yesterday".to_owned(),
        hint: "beh".to_owned(),
        hash: server.pepper.hash(EXPIRED_SECRET),
        created: now.minus(Duration::from_hours(24 * 180)),
        expires: now.minus(Duration::from_hours(24)),
    };
    let daemon = AppRef::AppId(AppId(world::INVOICE_DAEMON.id));
    // Past use cases: nobody can register a secret that has expired already.
    let add = |app: &mut Application| {
        app.secrets.push(expired.clone());
        Ok(())
    };
    directory.edit_application(acme, &daemon, ("add secret", &add)).await?;
    Ok(())
}
