//! Where the demo plays: a dev instance, two APIs and their clients in this process, and the extra
//! actors that the failures need.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::Context as _;
use behalf_client::{ConfidentialClient, Credential, Error, PublicClient, TokenAnswer};
use behalf_core::{
    application::{AppKind, AppRole, Application, MemberType, SecretCredential, SignInAudience},
    event::SignInEvent,
    id::{AppId, CredentialId, PermissionId, TenantId},
};
use behalf_server::{
    clock::{SharedClock, SystemClock},
    directory::{AppRef, Directory, NewApplication},
    entropy::{SharedEntropy, SystemEntropy},
    journal::{Query, Record},
};
use serde_json::Value;
use uuid::uuid;

use super::{apis::Apis, browser::Browser, tell};
use crate::{
    dev::{
        instance::{Instance, Setup},
        port,
        world::{self, App, Tenant},
    },
    http_client,
    output::{self, Style},
};

/// An API that only assigned clients get tokens for.
pub(super) const PAYROLL: uuid::Uuid = uuid!("a9300000-0000-4000-8000-000000000008");
/// What `invoice-daemon` used until yesterday.
pub(super) const EXPIRED_SECRET: &str = "behalf-dev-until-yesterday";
/// The documented password of every user.
pub(super) const PASSWORD: &str = "behalf-dev";

/// The stage.
pub(super) struct Stage {
    /// The directory.
    pub(super) instance: Instance,
    /// orders-api and ledger-api.
    pub(super) apis: Apis,
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
    number: u32,
    step: bool,
    _folder: tempfile::TempDir,
}

/// A token request and what came of it.
pub(super) struct Exchange<T = TokenAnswer> {
    /// The answer.
    pub(super) answer: Result<T, Error>,
    /// How long it took, in milliseconds.
    pub(super) millis: f64,
    /// What the sign-in log says.
    pub(super) event: SignInEvent,
}

/// What an API answers: status, body, and why not.
pub(super) struct Reply {
    /// HTTP status.
    pub(super) status: u16,
    /// The body, if it is JSON.
    pub(super) body: Value,
    /// `WWW-Authenticate`.
    pub(super) challenge: String,
}

impl Stage {
    /// Starts the directory and the APIs.
    pub(super) async fn set(style: Style, step: bool) -> anyhow::Result<Self> {
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
        let orders = client(&instance, &world::ORDERS_API, &secret_of(&world::ORDERS_API))?;
        let ready = &instance.ready;
        let apis = Apis::start(&ready.base_url, &ready.ca_file, &orders).await?;
        let (requests, problems, number) = (0, 0, 0);
        Ok(Self {
            instance,
            apis,
            http,
            clock,
            style,
            requests,
            problems,
            number,
            step,
            _folder: folder,
        })
    }

    /// Stops the directory.
    pub(super) async fn leave(self) -> anyhow::Result<()> {
        self.instance.stop().await
    }

    /// `app` in its home tenant, with the documented secret.
    pub(super) fn client(&self, app: &App) -> anyhow::Result<ConfidentialClient> {
        self.client_with(app, &secret_of(app))
    }

    /// `app` in its home tenant, with this secret.
    pub(super) fn client_with(
        &self,
        app: &App,
        secret: &str,
    ) -> anyhow::Result<ConfidentialClient> {
        client(&self.instance, app, secret)
    }

    /// desk-app.
    pub(super) fn desk_app(&self) -> anyhow::Result<PublicClient> {
        let authority = self.authority(&world::ACME);
        let builder = PublicClient::builder(authority, world::DESK_APP.id.to_string());
        Ok(builder.ca_file(&self.instance.ready.ca_file).build()?)
    }

    /// The address of a tenant.
    pub(super) fn authority(&self, tenant: &Tenant) -> String {
        format!("{}/{}", self.instance.ready.base_url, tenant.domain)
    }

    /// A browser nobody has signed in with.
    pub(super) fn browser(&self) -> anyhow::Result<Browser> {
        Browser::new(self.http.clone(), &self.instance.ready.base_url)
    }

    /// Makes a token request of `app` and finds it in the log.
    pub(super) async fn exchange<T>(
        &mut self,
        app: &App,
        ask: impl Future<Output = Result<T, Error>>,
    ) -> anyhow::Result<Exchange<T>> {
        self.requests += 1;
        let began = self.clock.monotonic();
        let answer = ask.await;
        let millis = self.clock.monotonic().saturating_sub(began).as_secs_f64() * 1e3;
        Ok(Exchange { answer, millis, event: self.newest(app)? })
    }

    /// The newest event that the sign-in log has of `app`.
    pub(super) fn newest(&self, app: &App) -> anyhow::Result<SignInEvent> {
        let query = Query { app: Some(AppId(app.id)), limit: 1, ..Query::default() };
        let page = self.instance.server.journal.query(&query)?;
        match page.entries.into_iter().next().map(|entry| entry.record) {
            Some(Record::SignIn(event)) => Ok(*event),
            _ => anyhow::bail!("the sign-in log has no request of {}", app.name),
        }
    }

    /// `GET path` of an API with `token`.
    pub(super) async fn call(&mut self, url: &str, token: &str) -> anyhow::Result<Reply> {
        self.requests += 1;
        let answer = self.http.get(url).bearer_auth(token).send().await;
        let answer = answer.with_context(|| format!("no answer from {url}"))?;
        let status = answer.status().as_u16();
        let challenge = answer.headers().get(http::header::WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let challenge = challenge.to_owned();
        let body = serde_json::from_str(&answer.text().await?).unwrap_or(Value::Null);
        Ok(Reply { status, body, challenge })
    }

    /// Begins a part; steps are counted from 1 again.
    pub(super) fn title(&mut self, text: &str) -> anyhow::Result<()> {
        let gap = if self.requests == 0 { "" } else { "\n" };
        self.number = 0;
        Self::say(&format!("{gap}{}\n", self.style.strong(text)))
    }

    /// Tells of the next step: who turns to whom, and with what.
    pub(super) fn step(&mut self, way: &str, what: &str) -> anyhow::Result<()> {
        self.number += 1;
        if self.step {
            output::note("(Enter)");
            std::io::stdin().read_line(&mut String::new())?;
        }
        Self::say(&format!("  {}  {way:<30} {what}", self.number))
    }

    /// Tells more of a step.
    pub(super) fn more(text: &str) -> anyhow::Result<()> {
        Self::say(&format!("       {text}"))
    }

    /// Tells what behalf checked.
    pub(super) fn checked(event: &SignInEvent) -> anyhow::Result<()> {
        Self::say(&format!("     behalf checked   {}", tell::checks(event)))
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

    /// Compares the claims of a token.
    pub(super) fn expect_claims(
        &mut self,
        token: &str,
        expected: &[(&str, Value)],
    ) -> anyhow::Result<()> {
        let claims = tell::part(token, 1);
        for (name, expected) in expected {
            self.expect(&format!("claim {name}"), &claims[*name], expected)?;
        }
        Ok(())
    }
}

fn secret_of(app: &App) -> String {
    format!("behalf-dev-{}", app.name)
}

fn client(instance: &Instance, app: &App, secret: &str) -> anyhow::Result<ConfidentialClient> {
    let authority = format!("{}/{}", instance.ready.base_url, app.tenant.domain);
    let builder = ConfidentialClient::builder(authority, app.id.to_string());
    let builder = builder.credential(Credential::secret(secret));
    Ok(builder.ca_file(&instance.ready.ca_file).build()?)
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
