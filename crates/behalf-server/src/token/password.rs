//! A user's password, which he gave to the application (protocol 8.6).

use behalf_core::{
    event::Step,
    id::ObjectId,
    ticket::{AuthenticationMethod, Chain, Counters, SignIn, whole_second},
    token::{
        GrantRefusal, Refusal, Target,
        password::{self, PasswordSignIn},
    },
    user::{PresentedPassword, UserPrincipalName},
};
use behalf_protocol::token::request::{PasswordRequest, RequestedScopes};

use super::{
    inquiry::{Asked, Denied, Inquiry},
    issue::Granted,
    user_answer::Slots,
};
use crate::{
    directory::Directory,
    entropy::random,
    session::{
        NotVerified,
        lockout::{Attempt, Factor},
    },
};

pub(super) async fn judge(inquiry: &mut Inquiry<'_>, asked: Asked<'_>) -> Result<Granted, Denied> {
    let core = inquiry.core;
    password::offered(&asked.tenant.tenant, &mut inquiry.event.trail)?;
    let request = inquiry.parameters(PasswordRequest::of(asked.form))?;
    let claims = inquiry.claims(&asked)?;
    let (resource, scope) = (asked.form.resource.as_deref(), asked.form.scope.as_deref());
    let scopes = RequestedScopes::parse(inquiry.version, resource, scope);
    let target = inquiry.target(scopes.and_then(|scopes| Target::sole(&scopes)))?;
    let facts = inquiry.client(asked.tenant, asked.named, asked.credential).await?;
    let client = inquiry.identify_without_redirect(&facts, asked.credential).await?;
    password::permitted(&client, &mut inquiry.event.trail)?;

    let signed = verify(inquiry, &asked, request).await?;
    let through = Chain::default();
    let from = (signed.user, signed.family, &through);
    let gathered = inquiry.gather(&client, from, (target, claims)).await?;
    let slots = Slots::reserve(core, gathered.wants_id_token())?;
    let on = gathered.on(&client, core, inquiry.here());
    let id = core.server.tickets.new_id();
    let issuance = password::decide(signed, &on, id, &mut inquiry.event.trail)?;
    inquiry.prepare(&asked, &issuance, slots).await
}

/// Compares the password. A name that is nobody's costs the same and is refused the same.
async fn verify(
    inquiry: &mut Inquiry<'_>,
    asked: &Asked<'_>,
    request: PasswordRequest<'_>,
) -> Result<PasswordSignIn, Denied> {
    let (server, now) = (&inquiry.core.server, inquiry.circumstances.now);
    let address = inquiry.circumstances.address;
    let tenant = &asked.tenant.tenant;
    let typed = request.username.trim().to_ascii_lowercase();
    let reading = server.store.reading();
    let user = match UserPrincipalName::parse(&typed) {
        Ok(name) => {
            let found = reading.user_by_name(tenant.id, &name).await?;
            if found.is_none() {
                // As many reads as for somebody (CN-12).
                reading.user(tenant.id, ObjectId::NIL).await?;
            }
            found
        }
        Err(_) => None,
    };
    let user = user.map(|stored| stored.value);
    inquiry.event.user = user.as_ref().map(|user| user.id);
    let attempt = Attempt {
        tenant: tenant.id,
        name: &typed,
        address,
        device: None,
        factor: Factor::Password,
    };
    let wrong = || Refusal::from(GrantRefusal::WrongPassword);
    let password = PresentedPassword::new(request.password.expose().to_owned());
    let password = inquiry.inspect(Step::Presented, password.ok_or_else(wrong))?;
    let checked = server.authentication.password(&attempt, user.as_ref(), &password, now).await;
    let verified = match checked {
        Ok(verified) => Ok(verified),
        Err(NotVerified::Locked(locked)) => {
            Err(GrantRefusal::UserLocked { seconds: locked.retry_after }.into())
        }
        Err(NotVerified::Wrong(_) | NotVerified::WrongCode) => Err(wrong()),
        Err(error @ (NotVerified::Busy(_) | NotVerified::Directory(_))) => {
            tracing::debug!(%error, "a password was not looked at");
            return Err(Denied::Unavailable);
        }
    };
    let verified = inquiry.inspect(Step::Presented, verified)?;
    let user = inquiry.step(Step::Presented, user.ok_or_else(wrong))?;
    let directory = Directory::of(server).acted_on_by(user.name.as_str());
    let salt = random(&*server.entropy);
    server.authentication.rehash(&directory, (&verified, &password), salt).await;
    Ok(PasswordSignIn {
        user: verified.user(),
        counters: Counters::of(&user, tenant),
        sign_in: SignIn {
            methods: vec![AuthenticationMethod::Password],
            acr: "1".to_owned(),
            time: whole_second(now),
            address,
            session: server.tickets.new_session(),
        },
        family: server.tickets.new_id().into(),
    })
}
