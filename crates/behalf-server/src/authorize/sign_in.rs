//! Signing in: the pages, and what they send.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
};
use behalf_core::{
    authorize::Account,
    id::{ObjectId, SessionId, TenantId, parse_guid},
    tenant::Tenant,
    ticket::AuthenticationMethod,
    time::Timestamp,
    user::{PresentedPassword, User, UserPrincipalName},
};
use behalf_protocol::error::AadSts;
use behalf_store::ReadError;
use http::{Response, StatusCode, header, request::Parts};

use super::{
    event::{self, Refused},
    flow::{Flow, Half, Turn},
    form::Sent,
    respond::{answered, go_on, sealed},
    visit::{Problem, Visit},
    way::Way,
};
use crate::{
    directory::Directory,
    entropy::random,
    pages::{self, AccountPickerPage, SecondFactorPage, SignInPage},
    session::{
        NotVerified,
        account::{self, NewSession},
        cookie,
        lockout::{Attempt, Factor, Locked},
    },
    state::Core,
    unserved,
};

/// The same text whoever it was (CN-12).
const WRONG: &str = "The user name or the password is wrong.";
const WRONG_CODE: &str = "The code is wrong or was used before. Wait for the next one.";

/// Asks for user name and password.
pub(super) fn page(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    user_name: &str,
    problem: Option<&str>,
) -> Response<Body> {
    let Some(sealed) = sealed(visit, way, flow) else { return visit.failed() };
    let page = SignInPage {
        tenant: &pages::shown(way.tenant_name()),
        app: &pages::shown(way.application.display_name()),
        user_name: &pages::shown(user_name),
        problem,
        action: &format!("/{}/login", flow.segment),
        hidden: &[("flow", &sealed)],
    };
    visit.page(&page, way.leads_to())
}

/// Asks for the code of an authenticator app.
pub(super) fn second_factor_page(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    user: &str,
    problem: Option<&str>,
) -> Response<Body> {
    let Some(sealed) = sealed(visit, way, flow) else { return visit.failed() };
    let page = SecondFactorPage {
        tenant: &pages::shown(way.tenant_name()),
        user,
        problem,
        action: &format!("/{}/second-factor", flow.segment),
        hidden: &[("flow", &sealed)],
    };
    visit.page(&page, way.leads_to())
}

/// Goes on with a sign-in whose password was right.
pub(super) async fn half_way(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    half: Half,
) -> Response<Body> {
    match of_half(visit, half).await {
        Ok(Some((user, _))) => second_factor_page(visit, (way, flow), user.name.as_str(), None),
        Ok(None) => page(visit, (way, &Flow { half: None, ..flow.clone() }), "", None),
        Err(_) => visit.unavailable(),
    }
}

/// Asks which account.
pub(super) fn picker(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    accounts: &[Account],
) -> Response<Body> {
    let Some(sealed) = sealed(visit, way, flow) else { return visit.failed() };
    let sessions: Vec<String> = accounts.iter().map(|a| a.sign_in.session.to_string()).collect();
    let shown: Vec<_> = accounts.iter().zip(&sessions).collect();
    let shown: Vec<_> = shown
        .iter()
        .map(|(account, session)| pages::Account {
            session: session.as_str(),
            user: account.user.name.as_str(),
        })
        .collect();
    let page = AccountPickerPage {
        tenant: &pages::shown(way.tenant_name()),
        app: &pages::shown(way.application.display_name()),
        accounts: &shown,
        action: &format!("/{}/account", flow.segment),
        hidden: &[("flow", &sealed)],
    };
    visit.page(&page, way.leads_to())
}

/// `POST /{tenant}/account`: an account was chosen.
pub(super) async fn account(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(choose(&visit, &parts, body)).await)
}

async fn choose(
    visit: &Visit<'_>,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let (sent, way) = Sent::read(visit, parts, body).await?;
    let chosen = parse_guid(sent.form.get("account")).ok().map(SessionId);
    let turn = if chosen.is_some() { None } else { Some(Turn::Other) };
    let flow = Flow { session: chosen, fresh: false, turn, half: None, ..sent.flow };
    Ok(go_on(visit, &way, &flow))
}

/// `POST /{tenant}/login`: user name and password.
pub(super) async fn password(State(core): State<Arc<Core>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(log_in(&visit, &parts, body)).await)
}

async fn log_in(
    visit: &Visit<'_>,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let (sent, way) = Sent::read(visit, parts, body).await?;
    let typed = sent.form.get("username").trim().to_ascii_lowercase();
    let found = named(visit, &way, &typed).await.map_err(|_| Box::new(visit.unavailable()))?;
    let tenant = found.tenant.as_ref().map_or(TenantId::NIL, |tenant| tenant.id);
    let device = visit.cookies.device.as_deref();
    let devices = &visit.server().authentication.devices;
    let familiar = found
        .user
        .as_ref()
        .and_then(|user| devices.recognise((tenant, user.id), device?, visit.now()));
    let attempt = Attempt {
        tenant,
        name: &typed,
        address: visit.circumstances.address,
        device: familiar,
        factor: Factor::Password,
    };
    let again = |problem: &str| page(visit, (&way, &sent.flow), &typed, Some(problem));
    let Some(password) = PresentedPassword::new(sent.form.get("password").to_owned()) else {
        return Ok(again(WRONG));
    };
    let authentication = &visit.server().authentication;
    let user = found.user.as_ref();
    match authentication.password(&attempt, user, &password, visit.now()).await {
        Ok(proof) => {
            let directory = Directory::of(visit.server()).acted_on_by(&typed);
            let salt = random(&*visit.server().entropy);
            authentication.rehash(&directory, (&proof, &password), salt).await;
        }
        Err(refusal) => {
            let who = Refused { tenant, user: user.map(|user| user.id), cause: &refusal };
            event::refused(visit, (&way, &sent.flow), who).await?;
            return Ok(not_verified(visit, refusal, again));
        }
    }
    let (Some(user), Some(tenant)) = (user, &found.tenant) else { return Ok(again(WRONG)) };
    if user.disabled {
        event::disabled(visit, (&way, &sent.flow), (tenant.id, user.id)).await?;
        let text = "This account is disabled. Ask an administrator.".to_owned();
        let title = "You cannot sign in";
        let problem = Problem { title, text, public: true, ..Problem::default() };
        return Ok(visit.problem(AadSts::UserDisabled, problem).await);
    }
    let methods = vec![AuthenticationMethod::Password];
    if user.totp.is_some() {
        let half = Half {
            tenant: tenant.id,
            user: user.id,
            revisions: (user.revisions.all, user.revisions.password),
            time: visit.now(),
        };
        let flow = Flow { half: Some(half), session: None, turn: None, ..sent.flow };
        return Ok(go_on(visit, &way, &flow));
    }
    let shown = Shown { user, tenant, methods, time: visit.now() };
    signed_in(visit, (&way, &sent.flow), shown).await
}

/// The same page `again`, with what was wrong; or nothing was looked at.
fn not_verified(
    visit: &Visit<'_>,
    refusal: NotVerified,
    again: impl Fn(&str) -> Response<Body>,
) -> Response<Body> {
    match refusal {
        NotVerified::Wrong(_) => again(WRONG),
        NotVerified::WrongCode => again(WRONG_CODE),
        NotVerified::Locked(locked) => wait(again(&too_often(locked)), locked),
        NotVerified::Busy(_) => visit.unavailable(),
        NotVerified::Directory(error) => {
            unserved::tell(&error, "a factor could not be checked");
            visit.unavailable()
        }
    }
}

/// A wrong sign-in that must wait.
fn wait(mut answer: Response<Body>, locked: Locked) -> Response<Body> {
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    answer.headers_mut().insert(header::RETRY_AFTER, locked.retry_after.into());
    answer
}

fn too_often(locked: Locked) -> String {
    format!(
        "Too many wrong sign-ins from here (AADSTS50053). Try again in {} seconds.",
        locked.retry_after
    )
}

/// Whom a name names, if anybody.
struct Found {
    tenant: Option<Tenant>,
    user: Option<User>,
}

/// In the tenant that the path names; with `common` in the one whose domain the name has.
async fn named(visit: &Visit<'_>, way: &Way, typed: &str) -> Result<Found, ReadError> {
    let reading = visit.server().store.reading();
    let Ok(name) = UserPrincipalName::parse(typed) else {
        return Ok(Found { tenant: None, user: None });
    };
    let tenant = match &way.tenant {
        Some(facts) => reading.tenant(facts.tenant.id).await?.map(|stored| stored.value),
        None => match behalf_core::tenant::DomainName::parse(name.domain()) {
            Ok(domain) => reading.tenant_by_domain(&domain).await?.map(|stored| stored.value),
            Err(_) => None,
        },
    };
    let tenant = tenant.filter(|tenant| !tenant.disabled);
    let user = match &tenant {
        Some(tenant) => {
            let found = reading.user_by_name(tenant.id, &name).await?;
            if found.is_none() {
                // As many reads as for somebody (CN-12).
                reading.user(tenant.id, ObjectId::NIL).await?;
            }
            found.map(|stored| stored.value)
        }
        None => None,
    };
    Ok(Found { tenant, user })
}

/// What a user showed.
struct Shown<'a> {
    user: &'a User,
    tenant: &'a Tenant,
    methods: Vec<AuthenticationMethod>,
    time: Timestamp,
}

/// Begins the session, under a new id, and goes on.
async fn signed_in(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    shown: Shown<'_>,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let Shown { user, tenant, methods, time } = shown;
    let address = visit.circumstances.address;
    let new = NewSession { user, tenant, methods, time, address };
    let begun = account::begin(visit.server(), new, visit.now());
    let begun = begun.map_err(|_| Box::new(visit.failed()))?;
    let showed = &begun.account.sign_in.methods;
    event::signed_in(visit, (way, flow), (tenant.id, user.id), showed).await?;
    let others = visit.accounts(None).await.map_err(|_| Box::new(visit.unavailable()))?;
    let others = others.iter().filter(|other| other.account.user.id != user.id);
    let tickets = std::iter::once(&begun).chain(others).map(|signed| signed.ticket.as_str());
    let sessions = cookie::sessions(tickets);
    let session = Some(begun.account.sign_in.session);
    let flow = Flow { session, fresh: true, turn: None, half: None, ..flow.clone() };
    let mut answer = go_on(visit, way, &flow);
    let devices = &visit.server().authentication.devices;
    let whose = (tenant.id, user.id);
    let had = visit.cookies.device.as_deref();
    let had = had.and_then(|cookie| devices.recognise(whose, cookie, visit.now()));
    let device = devices.cookie(whose, had, &*visit.server().entropy, visit.now());
    let headers = answer.headers_mut();
    for cookie in [sessions, cookie::device(&device)].into_iter().flatten() {
        headers.append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// Whose password was right, if he is still as he was then.
async fn of_half(visit: &Visit<'_>, half: Half) -> Result<Option<(User, Tenant)>, ReadError> {
    let reading = visit.server().store.reading();
    let tenant = reading.tenant(half.tenant).await?.filter(|tenant| !tenant.disabled);
    let user = reading.user(half.tenant, half.user).await?.filter(|user| {
        !user.disabled && (user.revisions.all, user.revisions.password) == half.revisions
    });
    Ok(user.zip(tenant).map(|(user, tenant)| (user.value, tenant.value)))
}

/// `POST /{tenant}/second-factor`: the code of an authenticator app.
pub(super) async fn second_factor(
    State(core): State<Arc<Core>>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&core, &parts);
    answered(Box::pin(verify(&visit, &parts, body)).await)
}

async fn verify(
    visit: &Visit<'_>,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let (sent, way) = Sent::read(visit, parts, body).await?;
    let half = first_half(visit, &way, &sent.flow).await;
    let half = half.map_err(|_| Box::new(visit.unavailable()))?;
    let Some((user, tenant, time)) = half else {
        let flow = Flow { half: None, session: None, ..sent.flow };
        return Ok(go_on(visit, &way, &flow));
    };
    let again =
        |text: &str| second_factor_page(visit, (&way, &sent.flow), user.name.as_str(), Some(text));
    let attempt = Attempt {
        tenant: tenant.id,
        name: user.name.as_str(),
        address: visit.circumstances.address,
        device: None,
        factor: Factor::Code,
    };
    let server = visit.server();
    let directory = Directory::of(server).acted_on_by(user.name.as_str());
    let (whose, code) = ((tenant.id, user.id), (sent.form.get("code"), visit.now()));
    if let Err(refusal) = server.authentication.code(&directory, &attempt, whose, code).await {
        let who = Refused { tenant: tenant.id, user: Some(user.id), cause: &refusal };
        event::refused(visit, (&way, &sent.flow), who).await?;
        return Ok(not_verified(visit, refusal, again));
    }
    let methods = vec![
        AuthenticationMethod::Password,
        AuthenticationMethod::OneTimeCode,
        AuthenticationMethod::MultiFactor,
    ];
    let shown = Shown { user: &user, tenant: &tenant, methods, time };
    signed_in(visit, (&way, &sent.flow), shown).await
}

/// Who gave his password, and when: in this flow, or in the session that it chose.
async fn first_half(
    visit: &Visit<'_>,
    way: &Way,
    flow: &Flow,
) -> Result<Option<(User, Tenant, Timestamp)>, ReadError> {
    if let Some(half) = flow.half {
        let found = of_half(visit, half).await?;
        return Ok(found.map(|(user, tenant)| (user, tenant, half.time)));
    }
    let accounts = visit.accounts(way.tenant_id()).await?;
    let chosen = |session| move |id: &SessionId| *id == session;
    let signed = accounts
        .into_iter()
        .find(|signed| flow.session.is_some_and(|s| chosen(s)(&signed.account.sign_in.session)));
    let Some(signed) = signed else { return Ok(None) };
    let Account { user, sign_in, .. } = signed.account;
    let tenant = visit.server().store.reading().tenant(user.tenant).await?;
    Ok(tenant.map(|tenant| (user, tenant.value, sign_in.time)))
}
