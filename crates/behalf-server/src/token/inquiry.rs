//! One token request on its way to a decision. Each step is recorded as it is made, so that the
//! event tells exactly what was checked.

use std::sync::Arc;

use behalf_core::{
    application::SignInAudience,
    event::{ClientRef, Grant, SignInEvent, Step},
    id::AppId,
    token::{
        AuthenticatedClient, Refusal, SingleUse,
        assertion::{Addressees, AssertionRefusal},
        client_auth::{Judge, Presented},
        degraded,
    },
};
use behalf_protocol::{
    EndpointVersion,
    token::{
        GrantType,
        request::{BasicCredentials, PresentedClient, TokenForm},
    },
};
use behalf_store::{CommitError, Footing, Known, Standing};
use http::{HeaderMap, HeaderValue, header};

use crate::{
    facts::TenantFacts,
    request::Circumstances,
    state::{self, Core, Server},
    token::{
        authorization_code, client_credentials, device_code, endpoint::blank_event, issue::Granted,
        on_behalf_of, password, refresh_token, single_use,
    },
    unserved,
};

/// Why there is no token; what was refused is in the log.
pub(crate) type Denied = state::Denied<Refusal>;

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// One request, with its event under way.
pub(crate) struct Inquiry<'a> {
    pub(super) core: &'a Core,
    pub(crate) version: EndpointVersion,
    pub(super) segment: &'a str,
    /// It names no tenant: what is presented does.
    pub(super) anywhere: bool,
    pub(crate) circumstances: Circumstances,
    /// What will be logged.
    pub(crate) event: SignInEvent,
    /// The client used the Authorization header.
    pub(crate) basic: bool,
    /// How far what is remembered may be trusted.
    standing: Standing,
    /// What a ticket was opened on.
    pub(super) footing: Footing,
    /// Records of what counts once that were tried.
    recorded: u8,
    /// `Origin` as sent.
    origin: Option<HeaderValue>,
    /// That is the origin of a page of the client, which may read the answer.
    page: bool,
}

impl<'a> Inquiry<'a> {
    pub(crate) fn new(
        core: &'a Core,
        version: EndpointVersion,
        segment: &'a str,
        circumstances: Circumstances,
    ) -> Self {
        let event = blank_event(version, &circumstances);
        Self {
            core,
            version,
            segment,
            anywhere: false,
            circumstances,
            event,
            basic: false,
            standing: core.server.store.standing(),
            footing: Footing::default(),
            recorded: 0,
            origin: None,
            page: false,
        }
    }

    /// Checks the request in the order of implementation.md 5.
    pub(crate) async fn judge(
        &mut self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Granted, Denied> {
        if self.standing == Standing::Lost {
            return Err(Denied::Unavailable);
        }
        let tenant = self.tenant(headers, body).await?;
        let form = self.form(headers, body)?;
        let basic = self.basic_credentials(headers)?;
        let (named, credential) = self.named(&form, basic.as_ref())?;
        let grant = self.grant(&form)?;
        self.stand(grant)?;
        let from_page = self.origin.is_some();
        let asked =
            Asked { tenant: &tenant, form: &form, named, credential: &credential, from_page };
        // Only the first is on everybody's path: the others bring a box of their own.
        match grant {
            GrantType::ClientCredentials => client_credentials::judge(self, asked).await,
            GrantType::OnBehalfOf | GrantType::TokenExchange => {
                Box::pin(on_behalf_of::judge(self, asked, grant)).await
            }
            GrantType::RefreshToken => Box::pin(refresh_token::judge(self, asked)).await,
            GrantType::AuthorizationCode => Box::pin(authorization_code::judge(self, asked)).await,
            GrantType::DeviceCode => {
                let msal = form.msal_telemetry || is_msal(headers);
                Box::pin(device_code::judge(self, asked, msal)).await
            }
            GrantType::Password => Box::pin(password::judge(self, asked)).await,
        }
    }

    /// Denies what is decided on nothing but fresh facts while the database is away.
    pub(super) fn needs_fresh_facts(&self) -> Result<(), Denied> {
        if self.is_degraded() { Err(Denied::Unavailable) } else { Ok(()) }
    }

    /// Whether the database is away and what is remembered decides.
    pub(super) fn is_degraded(&self) -> bool {
        self.standing != Standing::Current
    }

    /// Whether the grant can be decided on what is known (decisions.md 26).
    fn stand(&mut self, grant: GrantType) -> Result<(), Denied> {
        if !self.is_degraded() {
            return Ok(());
        }
        if !degraded::may_decide(grant) {
            return Err(Denied::Unavailable);
        }
        self.event.trail.skipped(Step::Freshness);
        Ok(())
    }

    /// Whether nothing would be different but what is known, if it was judged once more: nothing was
    /// counted or used up, and it was refused for what somebody may have changed.
    pub(super) fn can_be_judged_again(&self, refusal: &Refusal) -> bool {
        let changes = matches!(
            refusal.step(),
            Step::Tenant
                | Step::Presented
                | Step::Client
                | Step::Credential
                | Step::ServicePrincipal
                | Step::Resource
                | Step::Assignment
                | Step::User
                | Step::Consent
                | Step::Policy
        );
        changes && self.recorded == 0 && self.event.grant != Grant::Password
    }

    /// Learns what others did, and says whether anything was after `before`.
    pub(super) async fn learned_since(&self, before: Known) -> bool {
        let server = &self.core.server;
        let learned = server.store.learned_since(before).await;
        // What was learned a moment ago may have to be read still.
        server.tickets.keys().learned().await || learned
    }

    /// Keeps the header `Origin`.
    pub(super) fn note_origin(&mut self, headers: &HeaderMap) {
        self.origin = headers.get(header::ORIGIN).cloned();
    }

    /// What a credential is checked against.
    pub(super) fn judge_of_credentials(&self) -> Judge<'a> {
        let server = &self.core.server;
        Judge {
            pepper: &server.pepper,
            addressees: Addressees { bases: &server.addressees, segment: self.segment },
            now: self.circumstances.now,
        }
    }

    /// A client has proved who it is: noted, charged, and its assertion, if it counts once, used.
    pub(super) async fn admit(
        &mut self,
        authenticated: &AuthenticatedClient<'_>,
    ) -> Result<(), Denied> {
        self.event.credential = Some((authenticated.method(), authenticated.credential()));
        let client = authenticated.facts().app_id;
        self.charge(client)?;
        if self.is_degraded() && !degraded::admits(authenticated) {
            return Err(Denied::Unavailable);
        }
        match authenticated.single_use() {
            Some(once) => self.use_once(client, once).await,
            None => Ok(()),
        }
    }

    /// Charges the request to the client, who is known to be it, and to the tenant.
    pub(super) fn charge(&self, client: AppId) -> Result<(), Denied> {
        let limits = &self.core.server.limits;
        match limits.charge_client(self.event.tenant, client, self.circumstances.now) {
            Some(wait) => Err(Denied::Throttled(wait)),
            None => Ok(()),
        }
    }

    /// Records the assertion of a strict application, which was not used before.
    async fn use_once(&mut self, client: AppId, once: &SingleUse) -> Result<(), Denied> {
        self.recorded += 1;
        let Server { store, ended, .. } = &*self.core.server;
        let footing = store.footing();
        if single_use::may_have_been(once, ended.at()) {
            self.event.trail.failed(Step::Credential);
            return Err(Refusal::Assertion(AssertionRefusal::Replayed { client }).into());
        }
        match single_use::record((store, footing), (self.event.tenant, client), once).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict { .. }) => {
                self.event.trail.failed(Step::Credential);
                Err(Refusal::Assertion(AssertionRefusal::Replayed { client }).into())
            }
            Err(error) => {
                unserved::tell(&error, "a used client assertion could not be recorded");
                Err(Denied::Unavailable)
            }
        }
    }

    /// Lets script of the client's own page read the answer, and nobody else's; never with
    /// credentials (decisions.md 25).
    pub(super) fn share(&self, answer: &mut HeaderMap) {
        if let Some(origin) = self.origin.as_ref().filter(|_| self.page) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(header::VARY, HeaderValue::from_static("Origin"));
        }
    }

    /// Records whether `step` passed.
    pub(super) fn step<T>(&mut self, step: Step, result: Result<T, Refusal>) -> Result<T, Refusal> {
        if result.is_ok() {
            self.event.trail.ok(step);
        }
        self.inspect(step, result)
    }

    /// Records that `step` failed, if it did: for the parts of a step before its last.
    pub(super) fn inspect<T>(
        &mut self,
        step: Step,
        result: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if result.is_err() {
            self.event.trail.failed(step);
        }
        result
    }

    /// The body.
    pub(super) fn form<'b>(
        &mut self,
        headers: &HeaderMap,
        body: &'b [u8],
    ) -> Result<TokenForm<'b>, Refusal> {
        let form = TokenForm::parse(content_type(headers), body).map_err(Refusal::Form);
        let form = self.step(Step::Form, form)?;
        if let Some(id) = form.client_request_id {
            self.circumstances.correlation = id;
            self.event.correlation = id;
        }
        Ok(form)
    }

    /// Whom the request names, and how it proves that. Before anything else can fail, so that the
    /// log tells whose request it was, and a client that sends the same mistake over and over uses
    /// its own share of failures only.
    pub(super) fn named<'r>(
        &mut self,
        form: &'r TokenForm<'r>,
        basic: Option<&'r BasicCredentials>,
    ) -> Result<(Named, Presented<'r>), Denied> {
        let presented = PresentedClient::of(form, basic).map_err(Refusal::ClientAuthentication);
        let presented = self.inspect(Step::Form, presented)?;
        let credential = Presented::parse(presented.authentication);
        let named = self.name_client(presented.client_id, &credential)?;
        Ok((named, credential))
    }

    pub(super) fn basic_credentials(
        &mut self,
        headers: &HeaderMap,
    ) -> Result<Option<BasicCredentials>, Refusal> {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
        self.basic = true;
        let parsed = value
            .to_str()
            .map_err(|_| Refusal::BasicMalformed)
            .and_then(|text| BasicCredentials::parse(text).map_err(|_| Refusal::BasicMalformed));
        let several = headers.get_all(header::AUTHORIZATION).iter().count() > 1;
        let parsed = if several { Err(Refusal::BasicMalformed) } else { parsed };
        self.inspect(Step::Form, parsed).map(Some)
    }

    fn grant(&mut self, form: &TokenForm<'_>) -> Result<GrantType, Refusal> {
        let named = form.grant_type.as_deref().ok_or(Refusal::Missing { name: "grant_type" });
        let named = self.inspect(Step::Form, named)?;
        let grant: GrantType = self.step(Step::Grant, named.parse().map_err(Refusal::from))?;
        self.event.grant = Grant::of(grant);
        Ok(grant)
    }

    /// Notes whom the request names, which proves nothing. Without `client_id` the assertion's
    /// subject names the client (RFC 7521 4.2).
    fn name_client(
        &mut self,
        sent: Option<&str>,
        credential: &Presented<'_>,
    ) -> Result<Named, Denied> {
        let text = sent.or_else(|| credential.unverified_subject()).unwrap_or_default();
        let parsed = text.parse().ok();
        self.event.client = match (parsed, text.len()) {
            (_, 0) => ClientRef::Absent,
            (Some(id), _) => ClientRef::Id(id),
            (None, length) => ClientRef::Malformed(u32::try_from(length).unwrap_or(u32::MAX)),
        };
        let Circumstances { address, now, .. } = self.circumstances;
        if let Some(wait) = self.core.server.limits.failing(address, self.event.client, now) {
            return Err(Denied::Throttled(wait));
        }
        let nobody = || Named::Nobody { sent: sent.map(|sent| sent.chars().count()) };
        Ok(parsed.map_or_else(nobody, Named::Client))
    }

    /// Finds the client.
    pub(super) async fn client(
        &mut self,
        tenant: &TenantFacts,
        named: Named,
        credential: &Presented<'_>,
    ) -> Result<Arc<behalf_core::token::ClientFacts>, Denied> {
        let tenant = tenant.tenant.id;
        let named = match (named, credential) {
            (Named::Nobody { sent: None }, Presented::Assertion(unreadable)) => {
                let missing =
                    || AssertionRefusal::Malformed("it names no client in sub".to_owned());
                let refusal = unreadable.as_ref().as_ref().err().cloned().unwrap_or_else(missing);
                self.event.trail.failed(Step::Credential);
                return Err(Refusal::Assertion(refusal).into());
            }
            (Named::Client(AppId::NIL), _) => Err(Refusal::ClientNil),
            (Named::Client(id), _) => Ok(id),
            (Named::Nobody { sent }, _) => {
                Err(Refusal::ClientMalformed { length: sent.unwrap_or_default(), tenant })
            }
        };
        let id = self.inspect(Step::Client, named)?;
        let client = self.core.server.facts.client(tenant, id).await?;
        let client = client.ok_or(Refusal::ClientUnknown { client: id, tenant });
        let client = match client {
            Ok(found) if self.anywhere && found.audience == SignInAudience::Single => {
                Err(Refusal::SingleTenant { client: id })
            }
            other => other,
        };
        let client = self.step(Step::Client, client)?;
        let origin = self.origin.as_ref().and_then(|origin| origin.to_str().ok());
        self.page = origin.is_some_and(|origin| client.is_page(origin));
        Ok(client)
    }
}

/// A request whose grant is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'r> {
    pub(super) tenant: &'r TenantFacts,
    pub(super) form: &'r TokenForm<'r>,
    pub(super) named: Named,
    pub(super) credential: &'r Presented<'r>,
    /// It has the header `Origin`.
    pub(super) from_page: bool,
}

/// Whom a request names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named {
    /// An application id.
    Client(AppId),
    /// Something else: as `client_id` a text of this many characters, or only as a subject.
    Nobody { sent: Option<usize> },
}

/// The header `Content-Type`.
pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// Whether the client is an MSAL by its headers; some send them as fields.
fn is_msal(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("x-client-"))
}
