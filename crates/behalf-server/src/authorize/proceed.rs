//! What comes next in a flow: a page, or the answer to the client.

use axum::body::Body;
use behalf_core::{
    application::Require,
    authorize::{self, Account, Next, Progress, Refusal, Wishes, check, consent_request, next},
    consent,
    id::TenantId,
};
use behalf_protocol::{
    admin_consent::AdminConsentRequest,
    authorize::{AuthorizeParameters, AuthorizeRequest, Prompt, Prompts},
    token::request::{RequestedPermissions, RequestedScopes},
};
use behalf_store::ReadError;
use http::Response;

use super::{
    code, consent as consent_page, device,
    flow::{Flow, Turn},
    sign_in,
    visit::Visit,
    way::{self, End, Way},
};
use crate::facts::named_resource;

/// An administrator consents within so many seconds of his sign-in (decisions.md 23).
const ADMIN_CONSENT_MAX_AGE: u32 = 600;

/// What a client asks for, understood.
pub(super) struct Asked<'a> {
    /// Its authorization request; `None`: it only wants an administrator's consent.
    pub(super) request: Option<AuthorizeRequest<'a>>,
    /// `scope` as sent to an admin consent endpoint.
    pub(super) admin_scope: Option<&'a str>,
    /// What it wants consent to.
    pub(super) consent: consent::Request,
    /// What it wants of the sign-in.
    pub(super) wishes: Wishes<'a>,
}

impl<'a> Asked<'a> {
    /// Reads the second stage; its refusals go to the client.
    pub(super) fn read(
        parameters: &'a AuthorizeParameters<'_>,
        flow: &Flow,
        way: &Way,
    ) -> Result<Self, Refusal> {
        let version = flow.kind.version();
        if flow.kind.is_admin_consent() {
            let request = AdminConsentRequest::of(parameters, version)?;
            let everything = RequestedScopes::default();
            let scopes = request.scopes.as_ref().unwrap_or(&everything);
            let prompts = Prompts::from_iter([Prompt::Consent, Prompt::AdminConsent]);
            let mut consent = consent_request(scopes, prompts)?;
            consent.prompt = !flow.consented;
            let max_age = Some(ADMIN_CONSENT_MAX_AGE).filter(|_| !flow.consented);
            let wishes = Wishes { max_age, ..Wishes::default() };
            return Ok(Self { request: None, admin_scope: request.scope, consent, wishes });
        }
        let request = parameters.request(version)?;
        check(&request, &way.application, way.platform())?;
        let mut consent = consent_request(&request.scopes, request.prompts)?;
        if flow.consented {
            (consent.prompt, consent.admin) = (false, false);
        }
        let wishes = Wishes::of(&request);
        Ok(Self { request: Some(request), admin_scope: None, consent, wishes })
    }
}

/// Goes on with `flow`.
pub(super) async fn proceed(visit: &Visit<'_>, mut flow: Flow) -> Response<Body> {
    let query = flow.query.clone();
    let parameters = match AuthorizeParameters::parse(&query) {
        Ok(parameters) => parameters,
        Err(error) => return way::unreadable(visit, error).await,
    };
    let way = match Way::find(visit, &flow, &parameters).await {
        Ok(way) => way,
        Err(answer) => return *answer,
    };
    let asked = match Asked::read(&parameters, &flow, &way) {
        Ok(asked) => asked,
        Err(refusal) => return way.refuse(visit, &flow, &refusal).await,
    };
    flow.query = parameters.kept();
    if !flow.fits() {
        return way.refuse(visit, &flow, &Refusal::TooLong).await;
    }
    let found = visit.accounts(way.tenant_id()).await;
    let Ok(accounts) = found else { return visit.unavailable() };
    let accounts: Vec<Account> = accounts.into_iter().map(|signed| signed.account).collect();
    if let Some(half) = flow.half {
        return sign_in::half_way(visit, (&way, &flow), half).await;
    }
    match flow.turn.filter(|_| flow.session.is_none()) {
        Some(Turn::Other) => return sign_in::page(visit, (&way, &flow), "", None),
        Some(Turn::Choose) if !accounts.is_empty() => {
            return sign_in::picker(visit, (&way, &flow), &accounts);
        }
        _ => {}
    }
    let progress = Progress { session: flow.session, fresh: flow.fresh };
    let Ok(demand) = demand(visit, (&way, &asked), &accounts, progress).await else {
        return visit.unavailable();
    };
    match next((asked.wishes, &demand), &accounts, progress, visit.now()) {
        Err(refusal) => way.refuse(visit, &flow, &refusal).await,
        Ok(Next::SignIn(name)) => {
            sign_in::page(visit, (&way, &flow), name.unwrap_or_default(), None)
        }
        Ok(Next::Choose) => sign_in::picker(visit, (&way, &flow), &accounts),
        Ok(Next::SecondFactor(account)) => {
            let flow = Flow { session: Some(account.sign_in.session), ..flow.clone() };
            sign_in::second_factor_page(visit, (&way, &flow), account.user.name.as_str(), None)
        }
        Ok(Next::Go(account)) => {
            let flow = Flow { session: Some(account.sign_in.session), ..flow.clone() };
            with_account(visit, (&way, &flow), (&asked, &demand), account).await
        }
    }
}

/// Consent, and then the answer.
async fn with_account(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    (asked, demand): (&Asked<'_>, &Require),
    account: &Account,
) -> Response<Body> {
    if let Some(device) = flow.device
        && device.confirmed != Some(account.sign_in.session)
    {
        return device::confirm(visit, (way, flow), account);
    }
    let Some(request) = &asked.request else {
        if flow.consented {
            return code::consented(visit, (way, flow), asked.admin_scope, account);
        }
        return consent_page::ask(visit, (way, flow), asked, account).await;
    };
    match consent_page::required(visit, way, asked, account).await {
        Err(refusal) => way.refuse(visit, flow, &refusal).await,
        Ok(consent::Required::Nothing) => {
            let redirection = match &way.end {
                End::Redirect(redirection) => redirection,
                End::Device(device) => {
                    return device::approve(visit, (way, flow, device), demand, account).await;
                }
            };
            let (version, trusted) = (flow.kind.version(), &redirection.trusted);
            let agreed = authorize::Agreed { request, version, trusted, demand };
            code::issue(visit, (way, redirection, flow), &agreed, account).await
        }
        Ok(required) if asked.wishes.silent() => {
            let needs_admin = matches!(required, consent::Required::NeedsAdmin(_));
            let refusal =
                if needs_admin { Refusal::AdminConsentRequired } else { Refusal::ConsentMissing };
            way.refuse(visit, flow, &refusal).await
        }
        Ok(required) => consent_page::show(visit, (way, flow), &required, account),
    }
}

/// What the resources and scopes that are asked for, and the client itself, demand of the sign-in.
/// Where the tenant is not known yet, nothing does.
async fn demand(
    visit: &Visit<'_>,
    (way, asked): (&Way, &Asked<'_>),
    accounts: &[Account],
    progress: Progress,
) -> Result<Require, ReadError> {
    let Some(request) = &asked.request else { return Ok(Require::default()) };
    let chosen = |account: &&Account| progress.session == Some(account.sign_in.session);
    let account = accounts.iter().find(chosen).or(accounts.first());
    let tenant = way.tenant_id().or(account.map(|account| account.user.tenant));
    let mut demand = Require::default();
    demand.acrs.extend(request.claims.authentication_contexts().map(str::to_owned));
    if let Some(tenant) = tenant {
        for resource in &request.scopes.resources {
            let name = resource.resource.as_str();
            demand = demand.and(&of_resource(visit, tenant, name, &resource.permissions).await?);
        }
    }
    Ok(demand)
}

async fn of_resource(
    visit: &Visit<'_>,
    tenant: TenantId,
    name: &str,
    permissions: &RequestedPermissions<'_>,
) -> Result<Require, ReadError> {
    let reading = visit.server().store.reading();
    let Some((_, app)) = named_resource(&reading, tenant, name).await? else {
        return Ok(Require::default());
    };
    let asked_for = |value: &str| match permissions {
        RequestedPermissions::Default => false,
        RequestedPermissions::Named(names) => names.contains(&value),
    };
    let scopes = app.scopes.iter().filter(|scope| asked_for(&scope.value));
    Ok(scopes.fold(app.require.clone(), |demand, scope| demand.and(&scope.require)))
}
