//! The ways to a token. A new grant is one line of [`GRANTS`] and the function that makes its form.

use behalf_core::{
    device::{Approval, PresentedDeviceCode},
    grant::GrantedFor,
    id::{AppId, FamilyId},
    ticket::{self, CodeTicket},
    user::{self, NewPassword},
};
use behalf_server::session::password::{Parameters, hash};
use behalf_store::{Expect, WriteSet, records};
use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, Ready, ready},
};

use crate::common::{
    ACME, Answer, LEDGER, TestServer, principal_id,
    users::{ADA, API_SECRET, CLI, JWT_BEARER, LOOPBACK, ORDERS, V2, VERIFIER, grant},
};

/// What a token can rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rests {
    /// Tenant, client and resource, and what stands for them in the tenant.
    Parties,
    /// A credential of the client.
    Credential,
    /// The client's very service principal, not only one of the application.
    SamePrincipal,
    /// The revision of the client's service principal.
    PrincipalRevision,
    /// The user is there, enabled, and assigned where that is required.
    User,
    /// His counters and his tenant's are what they were at the sign-in.
    Counters,
    /// The counter of his password: of public clients' tickets, and of assertions.
    Password,
    /// Consent.
    Consent,
    /// What was presented stems from one sign-in.
    Family,
    /// The client as itself needs to be assigned where the resource requires it.
    OwnAssignment,
    /// Something is presented, which ends by time.
    Presented,
    /// What is presented was signed by this server.
    Signature,
    /// What is presented was sealed by this server.
    Seal,
}

impl Rests {
    pub(super) const ALL: &[Self] = &[
        Self::Parties,
        Self::Credential,
        Self::SamePrincipal,
        Self::PrincipalRevision,
        Self::User,
        Self::Counters,
        Self::Password,
        Self::Consent,
        Self::Family,
        Self::OwnAssignment,
        Self::Presented,
        Self::Signature,
        Self::Seal,
    ];
}

use Rests::{
    Consent, Counters, Credential, Family, OwnAssignment, Parties, Password, PrincipalRevision,
    SamePrincipal, Seal, Signature, User,
};

/// A way to a token.
pub(super) struct Grant {
    pub(super) name: &'static str,
    pub(super) client: AppId,
    pub(super) resource: AppId,
    pub(super) rests: &'static [Rests],
    /// Makes what is presented, anew each time.
    pub(super) ready: for<'a> fn(&'a TestServer) -> LocalBoxFuture<'a, Presented>,
}

macro_rules! grants {
    ($($name:literal $client:ident -> $resource:ident by $ready:ident on [$($rests:expr),*];)*) => {
        pub(super) const GRANTS: &[Grant] = &[$(Grant {
            name: $name,
            client: $client,
            resource: $resource,
            rests: &[$($rests),*],
            ready: |server| $ready(server).boxed_local(),
        },)*];
    };
}

grants! {
    "client_credentials" ORDERS -> LEDGER by as_itself on [Parties, Credential, OwnAssignment];
    "code" ORDERS -> LEDGER by web_code on [Parties, Credential, SamePrincipal, PrincipalRevision, User, Counters, Password, Consent, Family, Rests::Presented, Seal];
    "refresh" ORDERS -> LEDGER by web_refresh on [Parties, Credential, SamePrincipal, PrincipalRevision, User, Counters, Consent, Family, Rests::Presented, Seal];
    "on-behalf-of" ORDERS -> LEDGER by on_behalf_of on [Parties, Credential, SamePrincipal, User, Counters, Password, Consent, Family, Rests::Presented, Signature, Seal];
    "exchange" ORDERS -> LEDGER by exchange on [Parties, Credential, SamePrincipal, User, Counters, Password, Consent, Family, Rests::Presented, Signature, Seal];
    "refresh of obo" ORDERS -> LEDGER by refresh_of_obo on [Parties, Credential, SamePrincipal, PrincipalRevision, User, Counters, Consent, Family, Rests::Presented, Seal];
    "code, public" CLI -> ORDERS by public_code on [Parties, SamePrincipal, PrincipalRevision, User, Counters, Password, Consent, Family, Rests::Presented, Seal];
    "refresh, public" CLI -> ORDERS by public_refresh on [Parties, SamePrincipal, PrincipalRevision, User, Counters, Password, Consent, Family, Rests::Presented, Seal];
    "device code" CLI -> ORDERS by device_code on [Parties, SamePrincipal, PrincipalRevision, User, Counters, Password, Consent, Family, Rests::Presented];
    "password" CLI -> ORDERS by password on [Parties, User, Consent];
}

/// A request about to be sent.
pub(super) struct Presented {
    form: Vec<(&'static str, String)>,
    /// The sign-in it stems from.
    pub(super) family: Option<FamilyId>,
}

impl Presented {
    pub(super) async fn send(&self, server: &TestServer) -> Answer {
        let form: Vec<_> = self.form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        server.post(V2, &form).await
    }
}

/// Ada has consented that `orders-api` uses `ledger-api`, and nobody else has: what is taken away of
/// it is taken away altogether.
pub(super) async fn prepare(server: &TestServer) {
    server.put_grant(&grant(ORDERS, LEDGER, GrantedFor::Everyone, &[])).await;
    server.put_grant(&grant(ORDERS, LEDGER, GrantedFor::User(ADA), &[2])).await;
    server.edit(CLI, |cli| cli.behalf.password_grant = true).await;
    server.edit_tenant(ACME, |acme| acme.users.password_grant = true).await;
    let cheap = Parameters { memory: 16, passes: 1 };
    let remember = |ada: &mut user::User| {
        let password = NewPassword::chosen(PASSWORD.to_owned(), &ada.name).unwrap();
        ada.password = hash(&password, [7; 16], cheap);
    };
    server.edit_ada(remember).await;
}

fn form(grant: &str, client: AppId, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut form = vec![("grant_type", grant.to_owned()), ("client_id", client.to_string())];
    if client == ORDERS {
        form.push(("client_secret", API_SECRET.to_owned()));
    }
    form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    form
}

const PASSWORD: &str = "correct horse battery";
const READ: &str = "api://ledger/Entries.Read";

fn as_itself(_: &TestServer) -> Ready<Presented> {
    let form = form("client_credentials", ORDERS, &[("scope", "api://ledger/.default")]);
    ready(Presented { form, family: None })
}

/// A code as the user's sign-in ends with it.
fn code(server: &TestServer, client: AppId) -> CodeTicket {
    let scopes = if client == ORDERS { READ } else { "api://orders/Orders.Read" };
    let mut code = server.code_ticket(client, &format!("{scopes} offline_access"));
    code.client.confidential = client == ORDERS;
    code
}

fn redemption(server: &TestServer, code: &CodeTicket) -> Presented {
    let more = [
        ("code", server.sealed(code)),
        ("redirect_uri", LOOPBACK.to_owned()),
        ("code_verifier", VERIFIER.to_owned()),
    ];
    let more: Vec<_> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let form = form("authorization_code", code.client.app_id, &more);
    Presented { form, family: Some(code.family()) }
}

fn web_code(server: &TestServer) -> Ready<Presented> {
    ready(redemption(server, &code(server, ORDERS)))
}

fn public_code(server: &TestServer) -> Ready<Presented> {
    ready(redemption(server, &code(server, CLI)))
}

/// What the code of a new sign-in to `client` gives.
async fn signed_in(server: &TestServer, client: AppId) -> (Answer, Option<FamilyId>) {
    let presented = redemption(server, &code(server, client));
    let answer = presented.send(server).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (answer, presented.family)
}

async fn refresh(server: &TestServer, client: AppId) -> Presented {
    let (answer, family) = signed_in(server, client).await;
    let token = answer.text_of("refresh_token");
    Presented { form: form("refresh_token", client, &[("refresh_token", &token)]), family }
}

async fn web_refresh(server: &TestServer) -> Presented {
    refresh(server, ORDERS).await
}

async fn public_refresh(server: &TestServer) -> Presented {
    refresh(server, CLI).await
}

async fn on_behalf_of(server: &TestServer) -> Presented {
    let (answer, family) = signed_in(server, CLI).await;
    let token = answer.text_of("access_token");
    let scope = format!("{READ} offline_access");
    let more = [
        ("assertion", token.as_str()),
        ("requested_token_use", "on_behalf_of"),
        ("scope", scope.as_str()),
    ];
    Presented { form: form(JWT_BEARER, ORDERS, &more), family }
}

async fn exchange(server: &TestServer) -> Presented {
    let (answer, family) = signed_in(server, CLI).await;
    let token = answer.text_of("access_token");
    let more = [
        ("subject_token", token.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("resource", "api://ledger"),
    ];
    let grant = "urn:ietf:params:oauth:grant-type:token-exchange";
    Presented { form: form(grant, ORDERS, &more), family }
}

async fn refresh_of_obo(server: &TestServer) -> Presented {
    let obo = on_behalf_of(server).await;
    let answer = obo.send(server).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let token = answer.text_of("refresh_token");
    let form = form("refresh_token", ORDERS, &[("refresh_token", &token)]);
    Presented { form, family: obo.family }
}

/// A device's code whose user has approved it.
async fn device_code(server: &TestServer) -> Presented {
    let client = CLI.to_string();
    let asked =
        [("client_id", client.as_str()), ("scope", "api://orders/Orders.Read offline_access")];
    let answer = server.post("/acme.test/oauth2/v2.0/devicecode", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let text = answer.text_of("device_code");
    let user_code = PresentedDeviceCode::parse(&text).unwrap().user_code();
    let store = &server.server.store;
    let found = store.reading().device_grant(user_code).await.unwrap().unwrap();
    let approval = Approval {
        tenant: ACME,
        user: ADA,
        counters: ticket::Counters::default(),
        service_principal: principal_id(ACME, CLI),
        revision: 0,
        sign_in: code(server, CLI).sign_in,
    };
    let waiting = found.value.clone().waiting(server.server.clock.now()).unwrap();
    let mut set = WriteSet::new();
    let expect = Expect::Version(found.version);
    records::device_grant::put(&mut set, user_code, &waiting.approved(approval), expect);
    store.commit(set).await.unwrap();
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let form = form(grant, CLI, &[("device_code", &text)]);
    Presented { form, family: Some(found.value.id.into()) }
}

fn password(_: &TestServer) -> Ready<Presented> {
    let more = [
        ("username", "ada@acme.test"),
        ("password", PASSWORD),
        ("scope", "api://orders/Orders.Read offline_access"),
    ];
    ready(Presented { form: form("password", CLI, &more), family: None })
}
