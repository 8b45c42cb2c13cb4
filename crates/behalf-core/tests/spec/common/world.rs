//! Acme with a user: Ada signs in to `invoice-cli`, which calls `orders`, which calls `ledger` and
//! `archive` on her behalf.

mod sign_in;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use behalf_core::{
    application::{
        AppKind, Application, Consent, IdentifierUri, MemberType, Platform, Redirect,
        RequiredResource, Scope, TokenVersion,
    },
    claims::{Issuers, Stamped, Validity, id_token, user_token},
    event::{Mark, Step, Trail},
    grant::{GrantedFor, PermissionGrant},
    id::{AppId, ObjectId, PermissionId, RequestId, TenantId, TicketId},
    pairwise::PairwiseKey,
    service_principal::{AppRoleAssignment, ServicePrincipal},
    tenant::{DomainName, Tenant},
    ticket::{
        AuthenticationMethod, CodeClient, CodeTicket, Counters, Epoch, RefreshTicket, Requested,
        SealEntropy, SealRing, SignIn, Standing, TicketClaims,
    },
    time::{CLOCK_SKEW, Timestamp},
    token::{
        ClientFacts, DelegatedFacts, Delegating, IdentifiedClient, Refusal, Target, UserIssuance,
        assertion::Addressees,
        authorization_code,
        client_auth::{Judge, Presented, identify},
        on_behalf_of,
        presented_token::{self, TokenCheck},
        refresh_token,
    },
    user::{User, UserPrincipalName, UserRevisions},
};
use behalf_jose::{Algorithm, EncodedHeader, SigningKey, VerifyingKey, base64url, sign_compact};
use behalf_protocol::{
    EndpointVersion,
    claims::Actor,
    claims_request::ClaimsRequest,
    pkce::{CodeChallenge, CodeVerifier},
    token::request::{RequestedScopes, TokenForm},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ACME, BASE, NOW, SECRET, application, at, credential, id, pepper, principal, role, secret,
};

pub(crate) const ADA: &str = "ada00000-0000-4000-8000-000000000001";
pub(crate) const CLI: &str = "c1100000-0000-4000-8000-000000000001";
pub(crate) const ORDERS: &str = "a9200000-0000-4000-8000-000000000011";
pub(crate) const LEDGER: &str = "a9200000-0000-4000-8000-000000000012";
pub(crate) const ARCHIVE: &str = "a9200000-0000-4000-8000-000000000013";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const LOOPBACK: &str = "http://localhost";
pub(crate) const PAGE: &str = "https://page.acme.test/signed-in";
pub(crate) const SERVER: &str = "https://web.acme.test/signed-in";
const KID: &str = "key-of-november";

/// Everything the server would have looked up.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) tenant: Tenant,
    pub(crate) ada: Option<User>,
    pub(crate) apps: Vec<(Application, Option<ServicePrincipal>)>,
    pub(crate) grants: Vec<PermissionGrant>,
    pub(crate) assignments: Vec<AppRoleAssignment>,
    pub(crate) family: Standing,
    pub(crate) now: i64,
    pub(crate) claims: String,
    pub(crate) version: EndpointVersion,
    /// The tenant whose endpoint a refresh token is presented at.
    pub(crate) path_tenant: TenantId,
}

/// One thing that is otherwise.
pub(crate) type Change = fn(&mut World);

/// An answer, read.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) token: String,
    pub(crate) access: Value,
    pub(crate) id_token: Option<(String, Value)>,
    pub(crate) scope: String,
    pub(crate) refresh: Option<RefreshTicket>,
    pub(crate) trail: Vec<(Step, Mark)>,
}

impl Answer {
    pub(crate) fn refresh_ticket(&self) -> &RefreshTicket {
        self.refresh.as_ref().unwrap()
    }
}

fn scope(number: u128, value: &str, consent: Consent) -> Scope {
    Scope::new(permission(number), value, consent, "")
}

pub(crate) fn permission(number: u128) -> PermissionId {
    PermissionId(Uuid::from_u128(0x5c09_0000_0000_4000_8000_0000_0000_0000 + number))
}

fn api(app_id: &str, name: &str, scopes: Vec<Scope>) -> Application {
    let mut api = application(app_id, name, AppKind::Api);
    let tenant = acme();
    let uri = format!("api://{name}");
    api.identifier_uris =
        vec![IdentifierUri::register(&uri, api.app_id, &tenant, api.audience).unwrap()];
    api.requested_access_token_version = Some(TokenVersion::V2);
    api.secrets = vec![secret(1, "main", SECRET, NOW + 400 * 86_400)];
    api.scopes = scopes;
    api
}

fn acme() -> Tenant {
    Tenant::new(id(ACME), "Acme", vec![DomainName::parse("acme.test").unwrap()], at(0))
}

fn redirect(uri: &str, platform: Platform) -> Redirect {
    Redirect { uri: uri.to_owned(), platform }
}

/// The service principal's id of an application.
pub(crate) fn sp(app_id: &str) -> ObjectId {
    ObjectId(Uuid::from_u128(id::<AppId>(app_id).0.as_u128() ^ (0xff << 64)))
}

/// `client` may use the scopes of `resource`.
pub(crate) fn grant(
    client: &str,
    resource: &str,
    granted_for: GrantedFor,
    scopes: &[u128],
) -> PermissionGrant {
    PermissionGrant {
        id: ObjectId(Uuid::from_u128(7)),
        tenant: id(ACME),
        client: sp(client),
        resource: sp(resource),
        granted_for,
        scopes: scopes.iter().copied().map(permission).collect(),
        granted_by: ObjectId::NIL,
        created: at(0),
    }
}

pub(crate) fn for_ada() -> GrantedFor {
    GrantedFor::User(id(ADA))
}

pub(crate) fn ring() -> SealRing {
    SealRing::new([Epoch::new(1, &[9; 32], at(NOW - 400 * 86_400), None)])
}

pub(crate) fn key() -> (SigningKey, VerifyingKey) {
    let key = SigningKey::from_pkcs8(Algorithm::Rs256, super::assertion::KEY.pkcs8()).unwrap();
    let public = VerifyingKey::from_jwk(&key.public_jwk()).unwrap();
    (key, public)
}

pub(crate) fn sign(claims: &Value) -> String {
    signed(claims.to_string().as_bytes())
}

fn signed(claims: &[u8]) -> String {
    let (key, _) = key();
    sign_compact(&EncodedHeader::new("JWT", &key, KID, None), claims, &key).unwrap()
}

/// The claims of a token.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
}

/// Ada signed in with her password ten minutes ago.
pub(crate) fn sign_in() -> SignIn {
    SignIn {
        methods: vec![AuthenticationMethod::Password],
        acr: "1".into(),
        time: at(NOW - 600),
        address: Some("192.0.2.7".parse().unwrap()),
        session: id("51d00000-0000-4000-8000-000000000006"),
    }
}

impl World {
    /// Ada has consented to the command line; an administrator to what `orders` needs.
    pub(crate) fn acme() -> Self {
        let mut cli = application(CLI, "invoice-cli", AppKind::Native);
        cli.redirects = vec![redirect(LOOPBACK, Platform::InstalledClient)];
        let mut orders = api(ORDERS, "orders", vec![scope(1, "Orders.Read", Consent::User)]);
        orders.redirects = vec![redirect(SERVER, Platform::Web), redirect(PAGE, Platform::Spa)];
        let mut ledger = api(
            LEDGER,
            "ledger",
            vec![
                scope(2, "Entries.Read", Consent::User),
                scope(3, "Entries.Write", Consent::User),
                scope(4, "Entries.Purge", Consent::Admin),
            ],
        );
        ledger.roles = vec![role(&permission(9).to_string(), "Auditor", &[MemberType::User])];
        let archive = api(ARCHIVE, "archive", vec![scope(5, "Boxes.Read", Consent::User)]);
        let apps = [cli, orders, ledger, archive].map(|app| {
            let principal = principal(&sp(&app.app_id.to_string()).to_string(), &app);
            (app, Some(principal))
        });
        Self {
            tenant: acme(),
            ada: Some(ada()),
            apps: apps.to_vec(),
            grants: vec![
                grant(CLI, ORDERS, for_ada(), &[1]),
                grant(ORDERS, LEDGER, GrantedFor::Everyone, &[2]),
                grant(LEDGER, ARCHIVE, for_ada(), &[5]),
            ],
            assignments: Vec::new(),
            family: Standing::Live,
            now: NOW,
            claims: "{}".into(),
            version: EndpointVersion::V2,
            path_tenant: id(ACME),
        }
    }

    pub(crate) fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn app(&mut self, app_id: &str) -> &mut Application {
        &mut self.entry(app_id).0
    }

    /// The registration of `client` requires access to `resource`.
    pub(crate) fn require_access(&mut self, client: &str, resource: &str) {
        let required = RequiredResource {
            app_id: id(resource),
            scopes: [permission(2)].into(),
            roles: [].into(),
        };
        self.app(client).required_resource_access.push(required);
    }

    pub(crate) fn principal(&mut self, app_id: &str) -> &mut ServicePrincipal {
        self.entry(app_id).1.as_mut().unwrap()
    }

    pub(crate) fn entry(&mut self, app_id: &str) -> &mut (Application, Option<ServicePrincipal>) {
        self.apps.iter_mut().find(|(app, _)| app.app_id == id(app_id)).unwrap()
    }

    pub(crate) fn user(&mut self) -> &mut User {
        self.ada.as_mut().unwrap()
    }

    fn now(&self) -> Timestamp {
        at(self.now)
    }

    pub(crate) fn facts(&self, app_id: &str) -> ClientFacts {
        let (app, principal) = self.apps.iter().find(|(app, _)| app.app_id == id(app_id)).unwrap();
        ClientFacts::gather(Arc::new(self.tenant.clone()), app, false, principal.as_ref()).unwrap()
    }

    /// The resource that a name leads to, for a client acting for Ada.
    fn resource(&self, client: &ClientFacts, name: &str) -> Option<DelegatedFacts> {
        use behalf_core::application::identifier_uri::name_key;
        let named = |app: &Application| {
            name.eq_ignore_ascii_case(&app.app_id.to_string())
                || app.identifier_uris.iter().any(|uri| name_key(uri.as_str()) == name_key(name))
        };
        let (app, principal) = self.apps.iter().find(|(app, _)| named(app))?;
        Some(DelegatedFacts::gather(
            name,
            (app, false),
            principal.as_ref()?,
            (client, id(ADA)),
            (&self.grants, &self.assignments),
        ))
    }

    pub(crate) fn presents<'f>(
        &self,
        facts: &'f ClientFacts,
        with: Option<&str>,
        trail: &mut Trail,
    ) -> Result<IdentifiedClient<'f>, Refusal> {
        let (pepper, bases) = (pepper(), [BASE.to_owned()]);
        let addressees = Addressees { bases: &bases, segment: ACME };
        let judge = Judge { pepper: &pepper, addressees, now: self.now() };
        let presented = with.map_or(Presented::None, Presented::Secret);
        identify(&presented, facts, judge, trail)
    }

    /// Signs and seals, as the server does.
    fn answer(&self, issuance: &UserIssuance<'_>, trail: &Trail) -> Answer {
        let uti = RequestId(Uuid::from_u128(0x0719_e000));
        let entropy = SealEntropy([3; 28]);
        let aio = ring().seal_aio((issuance.tenant, uti), &issuance.aio, entropy, self.now());
        let issuers = Issuers::new(BASE, issuance.tenant);
        let validity = Validity::new(self.now(), Duration::from_hours(1));
        let stamped = Stamped { issuers: &issuers, id: uti, validity };
        let actors: Vec<Actor> =
            issuance.aio.chain.as_slice().iter().map(|hop| self.actor(*hop)).collect();
        let token = signed(&user_token(issuance, stamped, (&aio.unwrap(), &actors)).unwrap());
        let id_token = issuance.id_token.as_ref().map(|wish| {
            let token = signed(&id_token(issuance, wish, stamped).unwrap());
            (token.clone(), claims(&token))
        });
        Answer {
            access: claims(&token),
            token,
            id_token,
            scope: issuance.granted_scope(self.version),
            refresh: issuance.refresh.clone(),
            trail: trail.steps().collect(),
        }
    }

    fn actor(&self, hop: ObjectId) -> Actor {
        let is = |(_, sp): &&(Application, Option<ServicePrincipal>)| {
            sp.as_ref().is_some_and(|sp| sp.id == hop)
        };
        let (app, _) = self.apps.iter().find(is).unwrap();
        Actor { sub: hop.0, appid: app.app_id.0 }
    }

    /// On-behalf-of: `caller` presents `assertion` and asks for `scope`.
    pub(crate) fn obo(
        &self,
        caller: &str,
        assertion: &str,
        scope: &str,
    ) -> Result<Answer, Refusal> {
        self.obo_with(caller, Some(SECRET), assertion, scope)
    }

    pub(crate) fn obo_with(
        &self,
        caller: &str,
        with: Option<&str>,
        assertion: &str,
        scope: &str,
    ) -> Result<Answer, Refusal> {
        let mut trail = Trail::default();
        let facts = self.facts(caller);
        let client = self.presents(&facts, with, &mut trail)?;
        let (ring, (_, public)) = (ring(), key());
        let key = |kid: &str, issued: Timestamp| {
            let mine = kid == KID && issued <= self.now().plus(CLOCK_SKEW);
            mine.then_some(&public)
        };
        let bases = [BASE.to_owned()];
        let check = TokenCheck { key: &key, ring: &ring, bases: &bases, now: self.now() };
        let verified =
            presented_token::verify(assertion, client.confidential()?, &check, &mut trail)?;
        let target = Target::sole(&self.scopes(scope)).unwrap();
        let resource = self.resource(&facts, &target.resource);
        let (claims, pairwise) = (self.claims_request(), pairwise());
        let on = Delegating {
            client: &client,
            user: self.ada.as_ref(),
            resource: resource.as_ref(),
            target: &target,
            claims: &claims,
            version: self.version,
            pairwise: &pairwise,
            now: self.now(),
        };
        let ticket = (ticket_id(2), behalf_core::ticket::Origin::OnBehalfOf);
        let issuance = on_behalf_of::decide(&verified, &on, self.family, ticket, &mut trail)?;
        Ok(self.answer(&issuance, &trail))
    }

    /// Redeems a refresh token as `client`, for `scope` or for what it remembers.
    pub(crate) fn refresh(
        &self,
        client: (&str, Option<&str>),
        ticket: &RefreshTicket,
        scope: Option<&str>,
    ) -> Result<Answer, Refusal> {
        self.refresh_from(client, ticket, scope, ticket.client.spa)
    }

    pub(crate) fn refresh_from(
        &self,
        (client, with): (&str, Option<&str>),
        ticket: &RefreshTicket,
        scope: Option<&str>,
        from_page: bool,
    ) -> Result<Answer, Refusal> {
        let mut trail = Trail::default();
        let facts = self.facts(client);
        let client = self.presents(&facts, with, &mut trail)?;
        let opened = self.opened(ticket);
        let presented =
            refresh_token::Presentation { tenant: self.path_tenant, from_page, now: self.now() };
        let redemption = refresh_token::admit(opened, &client, presented, &mut trail)?;
        let target = match scope {
            Some(scope) => Target::again(&self.scopes(scope), &ticket.requested).unwrap(),
            None => Target::remembered(&ticket.requested).unwrap(),
        };
        let resource = self.resource(&facts, &target.resource);
        let (claims, pairwise) = (self.claims_request(), pairwise());
        let on = Delegating {
            client: &client,
            user: self.ada.as_ref(),
            resource: resource.as_ref(),
            target: &target,
            claims: &claims,
            version: self.version,
            pairwise: &pairwise,
            now: self.now(),
        };
        let renewable = refresh_token::decide(redemption, &on, self.family, &mut trail)?;
        let successor = match renewable.redemption().renew(None, ticket_id(3), self.now()) {
            behalf_core::ticket::Renewal::Ready(ticket)
            | behalf_core::ticket::Renewal::AfterWriting { ticket, .. } => ticket,
            other => panic!("{other:?}"),
        };
        let issuance = renewable.renewed(successor, &mut trail);
        Ok(self.answer(&issuance, &trail))
    }

    /// Redeems a code as its client, with everything as it should be but what `how` changes.
    pub(crate) fn redeem(
        &self,
        code: &CodeTicket,
        how: impl FnOnce(&mut Redeem),
    ) -> Result<Answer, Refusal> {
        let mut redeem = Redeem::of(code, self.version);
        how(&mut redeem);
        let mut trail = Trail::default();
        let facts = self.facts(&redeem.client);
        let client = self.presents(&facts, redeem.secret.as_deref(), &mut trail)?;
        let body = format!("code_verifier={}", redeem.verifier.clone().unwrap_or_default());
        let form =
            TokenForm::parse(Some("application/x-www-form-urlencoded"), body.as_bytes()).unwrap();
        let verifier = form.code_verifier.as_ref().map(|text| CodeVerifier::parse(text).unwrap());
        let presented = authorization_code::Presentation {
            tenant: redeem.tenant,
            version: redeem.version,
            redirect_uri: redeem.redirect_uri.as_deref(),
            verifier,
            from_page: redeem.from_page,
            now: self.now(),
        };
        let admitted =
            authorization_code::admit(self.opened(code), &client, presented, &mut trail)?;
        let target = match &redeem.scope {
            Some(scope) => Target::again(&self.scopes(scope), &code.requested).unwrap(),
            None => Target::remembered(&code.requested).unwrap(),
        };
        let resource = self.resource(&facts, &target.resource);
        let (claims, pairwise) = (self.claims_request(), pairwise());
        let on = Delegating {
            client: &client,
            user: self.ada.as_ref(),
            resource: resource.as_ref(),
            target: &target,
            claims: &claims,
            version: self.version,
            pairwise: &pairwise,
            now: self.now(),
        };
        let redeemable =
            authorization_code::decide(admitted, &on, self.family, ticket_id(1), &mut trail)?;
        if redeem.replayed {
            return Err(redeemable.replayed(&mut trail));
        }
        let issuance = redeemable.consumed(&mut trail);
        Ok(self.answer(&issuance, &trail))
    }

    fn opened<T: TicketClaims>(&self, ticket: &T) -> behalf_core::ticket::Opened<T> {
        let entropy = SealEntropy([4; 28]);
        let sealed = ring().seal(self.tenant.id, ticket, entropy, ticket.issued()).unwrap();
        ring().open(&sealed, self.now()).unwrap()
    }

    fn scopes<'a>(&self, scope: &'a str) -> RequestedScopes<'a> {
        match self.version {
            EndpointVersion::V2 => RequestedScopes::parse(self.version, None, Some(scope)).unwrap(),
            EndpointVersion::V1 => {
                let (resource, scope) = scope.split_once(' ').unwrap_or((scope, ""));
                RequestedScopes::parse(self.version, Some(resource), Some(scope)).unwrap()
            }
        }
    }

    fn claims_request(&self) -> ClaimsRequest {
        ClaimsRequest::parse(&self.claims).unwrap()
    }

    /// Ada's access token for `orders`, which she got as the command line's user.
    pub(crate) fn token_for_orders(&self) -> String {
        self.redeem(&self.code(CLI, "api://orders/Orders.Read"), |_| {}).unwrap().token
    }

    /// A code that Ada's sign-in gave `client`, with PKCE.
    pub(crate) fn code(&self, client: &str, scopes: &str) -> CodeTicket {
        let ada = self.ada.clone().unwrap_or_else(ada);
        let oidc = ["openid", "profile", "email", "offline_access"];
        let (openid, scopes): (Vec<&str>, Vec<&str>) =
            scopes.split(' ').partition(|scope| oidc.contains(scope));
        let texts = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
        CodeTicket {
            id: ticket_id(0),
            issued: self.now(),
            expires: self.now().plus(Duration::from_mins(10)),
            user: ada.id,
            counters: Counters::of(&ada, &self.tenant),
            client: CodeClient {
                app_id: id(client),
                service_principal: sp(client),
                revision: 0,
                confidential: false,
                spa: false,
            },
            endpoint: self.version,
            redirect_uri: LOOPBACK.into(),
            challenge: CodeChallenge::parse(Some(CHALLENGE), Some("S256")).unwrap(),
            requested: Requested { resource: None, scopes: texts(scopes), openid: texts(openid) },
            nonce: Some("n-0S6_WzA2Mj".into()),
            auth_time: false,
            sign_in: sign_in(),
        }
    }
}

/// How a code is redeemed.
#[derive(Debug, Clone)]
pub(crate) struct Redeem {
    pub(crate) client: String,
    pub(crate) secret: Option<String>,
    pub(crate) tenant: TenantId,
    pub(crate) version: EndpointVersion,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) verifier: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) from_page: bool,
    pub(crate) replayed: bool,
}

impl Redeem {
    fn of(code: &CodeTicket, version: EndpointVersion) -> Self {
        Self {
            client: code.client.app_id.to_string(),
            secret: code.client.confidential.then(|| SECRET.to_owned()),
            tenant: id(ACME),
            version,
            redirect_uri: Some(code.redirect_uri.clone()),
            verifier: code.challenge.is_some().then(|| VERIFIER.to_owned()),
            scope: None,
            from_page: code.client.spa,
            replayed: false,
        }
    }
}

fn ticket_id(number: u128) -> TicketId {
    TicketId(Uuid::from_u128(0x71c0_0000_0000_4000_8000_0000_0000_0000 + number))
}

fn pairwise() -> PairwiseKey {
    PairwiseKey::new(&[5; 32])
}

pub(crate) fn ada() -> User {
    User {
        id: id(ADA),
        tenant: id(ACME),
        name: UserPrincipalName::parse("ada@acme.test").unwrap(),
        display_name: "Ada Lovelace".into(),
        given_name: Some("Ada".into()),
        surname: Some("Lovelace".into()),
        mail: Some("ada@mail.test".into()),
        disabled: false,
        password: None,
        totp: None,
        roles: BTreeSet::new(),
        revisions: UserRevisions::default(),
        created: at(0),
    }
}

/// Ada has a role of a resource.
pub(crate) fn assigned(resource: &str, role: PermissionId) -> AppRoleAssignment {
    AppRoleAssignment {
        id: ObjectId(credential(77).0),
        tenant: id(ACME),
        principal: id(ADA),
        resource: sp(resource),
        role,
        granted_by: String::new(),
        created: at(0),
    }
}
