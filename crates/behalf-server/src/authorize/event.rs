//! What users do in the browser, in the sign-in log: who signed in by what, who could not, and what
//! a client was refused. The tokens that come of it have events of their own.

use axum::body::Body;
use behalf_core::{
    authorize::Refusal,
    event::{ClientRef, Endpoint, Grant, Outcome, SignInEvent, Step, Trail, clipped},
    id::{ObjectId, TenantId},
    ticket::AuthenticationMethod,
};
use behalf_protocol::{EndpointVersion, error::AadSts};
use http::Response;

use super::{flow::Flow, visit::Visit, way::Way};
use crate::session::NotVerified;

/// Somebody who is not who he says.
pub(super) struct Refused<'a> {
    /// Where he tried; nil when his name names no tenant.
    pub(super) tenant: TenantId,
    /// Whom he named. What was typed is not kept: people type passwords there.
    pub(super) user: Option<ObjectId>,
    /// What was wrong.
    pub(super) cause: &'a NotVerified,
}

/// Makes the refusal safe in the log before it is answered; what was not looked at is no refusal.
/// The error is the answer when the log cannot be written.
pub(super) async fn refused(
    visit: &Visit<'_>,
    place: (&Way, &Flow),
    Refused { tenant, user, cause }: Refused<'_>,
) -> Result<(), Box<Response<Body>>> {
    let (kind, found, expected) = match cause {
        NotVerified::Wrong(_) => (AadSts::WrongPassword, "a wrong name or password", "the user's"),
        NotVerified::WrongCode => {
            (AadSts::WrongPassword, "a wrong or used code", "one that was never given before")
        }
        NotVerified::Locked(_) => {
            (AadSts::UserLocked, "too many wrong sign-ins from there", "fewer")
        }
        NotVerified::Busy(_) | NotVerified::Directory(_) => return Ok(()),
    };
    let mut trail = reached();
    trail.failed(Step::Presented);
    log(visit, place, (tenant, user), (trail, refused_as(kind, found, expected))).await
}

/// The same of a user who is disabled.
pub(super) async fn disabled(
    visit: &Visit<'_>,
    place: (&Way, &Flow),
    (tenant, user): (TenantId, ObjectId),
) -> Result<(), Box<Response<Body>>> {
    let mut trail = reached();
    trail.ok(Step::Presented);
    trail.failed(Step::User);
    let outcome = refused_as(AadSts::UserDisabled, "a disabled user", "an enabled one");
    log(visit, place, (tenant, Some(user)), (trail, outcome)).await
}

/// A user showed who he is, and a session begins.
pub(super) async fn signed_in(
    visit: &Visit<'_>,
    place: (&Way, &Flow),
    (tenant, user): (TenantId, ObjectId),
    methods: &[AuthenticationMethod],
) -> Result<(), Box<Response<Body>>> {
    let mut trail = reached();
    trail.ok(Step::Presented);
    trail.ok(Step::User);
    let outcome = Outcome::SignedIn { methods: methods.to_vec() };
    log(visit, place, (tenant, Some(user)), (trail, outcome)).await
}

/// The client is told that it gets nothing: the request is wrong, nobody is signed in who may be
/// taken without asking, somebody went back. That the server cannot answer is no decision.
pub(super) async fn told(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    refusal: &Refusal,
) -> Result<(), Box<Response<Body>>> {
    if *refusal == Refusal::Unavailable {
        return Ok(());
    }
    let who = whose(visit, flow).await?;
    let mut trail = reached();
    let step = match refusal {
        Refusal::Cancelled if who.is_some() => Step::Consent,
        other => other.step(),
    };
    if who.is_some() && step != Step::Presented {
        trail.ok(Step::Presented);
        trail.ok(Step::User);
    }
    trail.failed(step);
    let tenant = who.map(|(tenant, _)| tenant).or(way.tenant_id());
    let (found, expected) = refusal.found_and_expected();
    let outcome = refused_as(refusal.aadsts(), &found, expected);
    let who = (tenant.unwrap_or(TenantId::NIL), who.map(|(_, user)| user));
    log(visit, (way, flow), who, (trail, outcome)).await
}

/// Who is at it, as far as this flow knows: by the session that it chose, or by his password.
async fn whose(
    visit: &Visit<'_>,
    flow: &Flow,
) -> Result<Option<(TenantId, ObjectId)>, Box<Response<Body>>> {
    let Some(session) = flow.session else {
        return Ok(flow.half.map(|half| (half.tenant, half.user)));
    };
    let accounts = visit.accounts(None).await.map_err(|_| Box::new(visit.unavailable()))?;
    let mut accounts = accounts.iter().map(|signed| &signed.account);
    let chosen = accounts.find(|account| account.sign_in.session == session);
    Ok(chosen.map(|account| (account.user.tenant, account.user.id)))
}

/// What was checked before anybody could sign in.
fn reached() -> Trail {
    let mut trail = Trail::default();
    for step in [Step::Tenant, Step::Form, Step::Client] {
        trail.ok(step);
    }
    trail
}

fn refused_as(kind: AadSts, found: &str, expected: &str) -> Outcome {
    Outcome::Refused {
        code: kind.code(),
        found: clipped(found).to_owned(),
        expected: clipped(expected).to_owned(),
    }
}

async fn log(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    (tenant, user): (TenantId, Option<ObjectId>),
    (trail, outcome): (Trail, Outcome),
) -> Result<(), Box<Response<Body>>> {
    let request = &visit.circumstances;
    let event = SignInEvent {
        id: request.id,
        time: request.now,
        tenant,
        grant: Grant::Authorize,
        endpoint: match flow.kind.version() {
            EndpointVersion::V1 => Endpoint::V1,
            EndpointVersion::V2 => Endpoint::V2,
        },
        client: ClientRef::Id(way.client()),
        user,
        chain: Vec::new(),
        resource: None,
        resource_app: None,
        credential: None,
        address: request.address,
        correlation: request.correlation,
        trail,
        outcome,
    };
    let unavailable = || Box::new(visit.unavailable());
    let pending = visit.core.journal.submit(&event).map_err(|_| unavailable())?;
    let _logged = pending.await.map_err(|_| unavailable())?;
    visit.core.decided(&event, request);
    Ok(())
}
