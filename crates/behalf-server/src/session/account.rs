//! Who is signed in with a browser: sessions that still stand, and new ones.

use std::{net::IpAddr, time::Duration};

use behalf_core::{
    authorize::Account,
    id::TenantId,
    tenant::Tenant,
    ticket::{
        AuthenticationMethod, Counters, SealError, SessionTicket, SignIn, Standing, whole_second,
    },
    time::Timestamp,
    user::User,
};
use behalf_store::ReadError;

use crate::state::Server;

/// The absolute end of a session, counted from the sign-in. The cookie ends with the browser.
pub(crate) const SESSION_LIFETIME: Duration = Duration::from_hours(24);

/// A session of this browser.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// Whose, and how he signed in.
    pub(crate) account: Account,
    /// Its ticket as the cookie has it.
    pub(crate) ticket: String,
}

/// The sessions among `tickets` that stand: whole, in time, not ended, of a user and a tenant that
/// are as they were. What is no session any more is passed over and says nothing.
pub(crate) async fn standing(
    server: &Server,
    tickets: &[String],
    now: Timestamp,
) -> Result<Vec<SignedIn>, ReadError> {
    let mut all = Vec::new();
    for text in tickets {
        if let Some(account) = account(server, text, now).await? {
            all.push(SignedIn { account, ticket: text.clone() });
        }
    }
    Ok(all)
}

async fn account(
    server: &Server,
    text: &str,
    now: Timestamp,
) -> Result<Option<Account>, ReadError> {
    let Ok(opened) = server.tickets.open::<SessionTicket>(text, now) else { return Ok(None) };
    let (tenant, ticket) = (opened.tenant(), opened.into_claims());
    if now >= ticket.expires {
        return Ok(None);
    }
    if server.tickets.session(tenant, ticket.sign_in.session).await? == Standing::Ended {
        return Ok(None);
    }
    let reading = server.store.reading();
    let Some(here) = reading.tenant(tenant).await?.filter(|here| !here.disabled) else {
        return Ok(None);
    };
    let Some(user) = reading.user(tenant, ticket.user).await?.filter(|user| !user.disabled) else {
        return Ok(None);
    };
    let counters = Counters::of(&user, &here);
    let password = ticket.sign_in.password_based();
    let stands = ticket.counters.still_equal(counters, password).is_ok();
    let SessionTicket { sign_in, expires, .. } = ticket;
    Ok(stands.then_some(Account { user: user.value, sign_in, expires }))
}

/// A sign-in that has just happened.
#[derive(Debug)]
pub(crate) struct NewSession<'a> {
    /// Who, as he was when his password was compared.
    pub(crate) user: &'a User,
    /// His tenant.
    pub(crate) tenant: &'a Tenant,
    /// What he showed.
    pub(crate) methods: Vec<AuthenticationMethod>,
    /// When he showed the first of it.
    pub(crate) time: Timestamp,
    /// Where from.
    pub(crate) address: Option<IpAddr>,
}

/// Makes the session and its ticket, under an id that nobody knew before (CN-08).
pub(crate) fn begin(
    server: &Server,
    new: NewSession<'_>,
    now: Timestamp,
) -> Result<SignedIn, SealError> {
    let tenant: TenantId = new.tenant.id;
    let sign_in = SignIn {
        methods: new.methods,
        acr: "1".to_owned(),
        time: whole_second(new.time),
        address: new.address,
        session: server.tickets.new_session(),
    };
    let expires = whole_second(now).plus(SESSION_LIFETIME);
    let claims = SessionTicket {
        issued: whole_second(now),
        expires,
        user: new.user.id,
        counters: Counters::of(new.user, new.tenant),
        sign_in: sign_in.clone(),
    };
    let ticket = server.tickets.seal(tenant, &claims, now)?;
    Ok(SignedIn { account: Account { user: new.user.clone(), sign_in, expires }, ticket })
}
