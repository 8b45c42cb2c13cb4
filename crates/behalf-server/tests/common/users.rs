//! Acme with a user: Ada signs in to `invoice-cli`, which calls `orders-api`, which calls
//! `ledger-api` and `archive-api` on her behalf. Signing in is not a matter of these tests: they
//! seal the code that it ends with, and redeem it at the token endpoint.

use std::time::Duration;

use behalf_core::{
    application::{AppKind, Application, Consent, Platform, Redirect, Scope},
    grant::{GrantedFor, PermissionGrant},
    id::{AppId, ObjectId, PermissionId, SessionId},
    ticket::{AuthenticationMethod, CodeClient, CodeTicket, Counters, Requested, SignIn},
    user::{User, UserPrincipalName, UserRevisions},
};
use behalf_protocol::{EndpointVersion, pkce::CodeChallenge};
use behalf_store::{Expect, WriteSet, records};
use uuid::{Uuid, uuid};

use super::{
    ACME, Answer, LEDGER, NOW, TestServer, application, principal_id, register, secret, tenant,
};

pub(crate) const ADA: ObjectId = ObjectId(uuid!("ada00000-0000-4000-8000-000000000001"));
pub(crate) const CLI: AppId = AppId(uuid!("c1100000-0000-4000-8000-000000000001"));
pub(crate) const ORDERS: AppId = AppId(uuid!("a9200000-0000-4000-8000-000000000011"));
pub(crate) const ARCHIVE: AppId = AppId(uuid!("a9200000-0000-4000-8000-000000000013"));
pub(crate) const API_SECRET: &str = "behalf-dev-orders-api";
pub(crate) const LOOPBACK: &str = "http://localhost";
pub(crate) const PAGE: &str = "https://page.acme.test/signed-in";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const V2: &str = "/acme.test/oauth2/v2.0/token";
pub(crate) const V1: &str = "/acme.test/oauth2/token";
/// How on-behalf-of is called.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(crate) fn scope_id(number: u128) -> PermissionId {
    PermissionId(Uuid::from_u128(0x5c09_0000_0000_4000_8000_0000_0000_0000 + number))
}

fn scope(number: u128, value: &str) -> Scope {
    Scope::new(scope_id(number), value, Consent::User, "")
}

pub(crate) fn grant(
    client: AppId,
    resource: AppId,
    granted_for: GrantedFor,
    scopes: &[u128],
) -> PermissionGrant {
    PermissionGrant {
        id: ObjectId(Uuid::from_u128(7)),
        tenant: ACME,
        client: principal_id(ACME, client),
        resource: principal_id(ACME, resource),
        granted_for,
        scopes: scopes.iter().copied().map(scope_id).collect(),
        granted_by: ObjectId::NIL,
        created: NOW,
    }
}

fn ada() -> User {
    User {
        id: ADA,
        tenant: ACME,
        name: UserPrincipalName::parse("ada@acme.test").unwrap(),
        display_name: "Ada Lovelace".into(),
        given_name: None,
        surname: None,
        mail: None,
        disabled: false,
        password: None,
        totp: None,
        roles: std::collections::BTreeSet::default(),
        revisions: UserRevisions::default(),
        created: NOW,
    }
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> serde_json::Value {
    let bytes = behalf_jose::base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

impl TestServer {
    /// The usual world, with Ada and the APIs on her way.
    pub(crate) async fn with_users() -> Self {
        let server = Self::start().await;
        server.settle_users().await;
        server
    }

    /// Adds Ada and the APIs on her way to the usual world.
    pub(crate) async fn settle_users(&self) {
        let acme = tenant(ACME, "Acme", "acme.test");
        let redirect = |uri: &str, platform| Redirect { uri: uri.into(), platform };
        let mut cli = application(&acme, CLI, "invoice-cli", AppKind::Native, None);
        cli.redirects = vec![redirect(LOOPBACK, Platform::InstalledClient)];
        let api = |app, name: &str, scopes| {
            let uri = format!("api://{}", name.trim_end_matches("-api"));
            let later = NOW.plus(Duration::from_hours(400 * 24));
            Application {
                scopes,
                secrets: vec![secret(&self.server, name, API_SECRET, later)],
                ..application(&acme, app, name, AppKind::Api, Some(&uri))
            }
        };
        let mut orders = api(ORDERS, "orders-api", vec![scope(1, "Orders.Read")]);
        orders.redirects = vec![redirect(PAGE, Platform::Spa)];
        let archive = api(ARCHIVE, "archive-api", vec![scope(5, "Boxes.Read")]);
        let mut set = WriteSet::new();
        for application in [&cli, &orders, &archive] {
            register(&mut set, application);
        }
        records::user::create(&mut set, &ada());
        for granted in [
            grant(CLI, ORDERS, GrantedFor::User(ADA), &[1]),
            grant(ORDERS, LEDGER, GrantedFor::Everyone, &[2]),
            grant(LEDGER, ARCHIVE, GrantedFor::User(ADA), &[5]),
        ] {
            records::permission_grant::put(&mut set, &granted, Expect::Absent);
        }
        self.server.store.commit(set).await.unwrap();
        let credential =
            secret(&self.server, "ledger", API_SECRET, NOW.plus(Duration::from_hours(9999)));
        self.edit(LEDGER, |ledger| {
            ledger.scopes = vec![scope(2, "Entries.Read"), scope(3, "Entries.Write")];
            ledger.secrets = vec![credential];
        })
        .await;
    }

    /// Changes Ada and commits.
    pub(crate) async fn edit_ada(&self, change: impl FnOnce(&mut User)) {
        let stored = self.server.store.reading().user(ACME, ADA).await.unwrap().unwrap();
        let mut user = stored.value.clone();
        change(&mut user);
        let mut set = WriteSet::new();
        records::user::update(&mut set, &stored, &user);
        self.server.store.commit(set).await.unwrap();
    }

    /// Writes a grant in place of what there is; one without scopes takes it away.
    pub(crate) async fn put_grant(&self, grant: &PermissionGrant) {
        let pair = (grant.client, grant.resource);
        let reading = self.server.store.reading();
        let found = reading.permission_grant(ACME, pair, grant.granted_for).await.unwrap();
        let mut set = WriteSet::new();
        records::permission_grant::put(&mut set, grant, Expect::as_found(found.as_ref()));
        self.server.store.commit(set).await.unwrap();
    }

    /// The claims of a code that Ada's sign-in to `client` ends with.
    pub(crate) fn code_ticket(&self, client: AppId, scopes: &str) -> CodeTicket {
        let oidc = ["openid", "profile", "email", "offline_access"];
        let (openid, scopes): (Vec<&str>, Vec<&str>) =
            scopes.split(' ').partition(|scope| oidc.contains(scope));
        let texts = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
        let now = self.server.clock.now();
        CodeTicket {
            id: self.server.tickets.new_id(),
            issued: now,
            expires: now.plus(Duration::from_mins(10)),
            user: ADA,
            counters: Counters::default(),
            client: CodeClient {
                app_id: client,
                service_principal: principal_id(ACME, client),
                revision: 0,
                confidential: false,
                spa: false,
            },
            endpoint: EndpointVersion::V2,
            redirect_uri: LOOPBACK.into(),
            challenge: CodeChallenge::parse(Some(CHALLENGE), Some("S256")).unwrap(),
            requested: Requested { resource: None, scopes: texts(scopes), openid: texts(openid) },
            nonce: Some("n-0S6_WzA2Mj".into()),
            auth_time: false,
            sign_in: SignIn {
                methods: vec![AuthenticationMethod::Password],
                acr: "1".into(),
                time: now,
                address: Some("192.0.2.7".parse().unwrap()),
                session: SessionId(Uuid::from_u128(6)),
            },
        }
    }

    pub(crate) fn sealed(&self, code: &CodeTicket) -> String {
        self.server.tickets.seal(ACME, code, self.server.clock.now()).unwrap()
    }

    /// Redeems a code of the command line, as it does.
    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        let client = CLI.to_string();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", code),
            ("redirect_uri", LOOPBACK),
            ("code_verifier", VERIFIER),
            ("client_info", "1"),
        ];
        self.post(V2, &form).await
    }

    /// What the command line gets for Ada, with a refresh token.
    pub(crate) async fn signed_in(&self) -> Answer {
        let scopes = "api://orders/Orders.Read openid profile offline_access";
        let answer = self.redeem(&self.sealed(&self.code_ticket(CLI, scopes))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    }

    /// Ada's token for `orders-api`.
    pub(crate) async fn token_for_orders(&self) -> String {
        self.signed_in().await.text_of("access_token")
    }

    /// On-behalf-of at the v2 endpoint.
    pub(crate) async fn obo(&self, caller: AppId, assertion: &str, scope: &str) -> Answer {
        let caller = caller.to_string();
        let form = [
            ("grant_type", JWT_BEARER),
            ("client_id", caller.as_str()),
            ("client_secret", API_SECRET),
            ("assertion", assertion),
            ("requested_token_use", "on_behalf_of"),
            ("scope", scope),
        ];
        self.post(V2, &form).await
    }

    /// Redeems a refresh token; `scope` may be empty.
    pub(crate) async fn refresh(
        &self,
        client: AppId,
        secret: Option<&str>,
        (token, scope): (&str, &str),
    ) -> Answer {
        let client = client.to_string();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client.as_str()),
            ("client_secret", secret.unwrap_or_default()),
            ("refresh_token", token),
            ("scope", scope),
        ];
        self.post(V2, &form).await
    }
}

impl Answer {
    /// A text of the body.
    pub(crate) fn text_of(&self, name: &str) -> String {
        let json = self.json();
        json[name].as_str().unwrap_or_else(|| panic!("no {name}: {json}")).to_owned()
    }
}
