//! Sign-ins that were refused, in the sign-in log. One that succeeds is there when its code is
//! redeemed, with everything that it was for.

use axum::body::Body;
use behalf_core::{
    event::{ClientRef, Endpoint, Grant, Outcome, SignInEvent, Step, Trail},
    id::{ObjectId, TenantId},
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
    log(visit, place, (tenant, user), (trail, kind, found, expected)).await
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
    let what = (trail, AadSts::UserDisabled, "a disabled user", "an enabled one");
    log(visit, place, (tenant, Some(user)), what).await
}

/// What was checked before anybody could sign in.
fn reached() -> Trail {
    let mut trail = Trail::default();
    for step in [Step::Tenant, Step::Form, Step::Client] {
        trail.ok(step);
    }
    trail
}

async fn log(
    visit: &Visit<'_>,
    (way, flow): (&Way, &Flow),
    (tenant, user): (TenantId, Option<ObjectId>),
    (trail, kind, found, expected): (Trail, AadSts, &str, &str),
) -> Result<(), Box<Response<Body>>> {
    let request = &visit.circumstances;
    let event = SignInEvent {
        id: request.id,
        time: request.now,
        tenant,
        grant: Grant::AuthorizationCode,
        endpoint: match flow.kind.version() {
            EndpointVersion::V1 => Endpoint::V1,
            EndpointVersion::V2 => Endpoint::V2,
        },
        client: ClientRef::Id(way.trusted.client()),
        user,
        chain: Vec::new(),
        resource: None,
        resource_app: None,
        credential: None,
        address: request.address,
        correlation: request.correlation,
        trail,
        outcome: Outcome::Refused {
            code: kind.code(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        },
    };
    let unavailable = || Box::new(visit.unavailable());
    let pending = visit.core.journal.submit(&event).map_err(|_| unavailable())?;
    let _logged = pending.await.map_err(|_| unavailable())?;
    visit.core.decided(&event, request);
    Ok(())
}
