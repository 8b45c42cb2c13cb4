//! A browser without script: it keeps cookies, follows redirects of this server, and sends the forms
//! that it finds in pages. And the people and applications it is used with.

use std::collections::BTreeMap;

use axum::body::Body;
use behalf_core::{
    application::{
        AppKind, Consent, IdentifierUri, Platform, Redirect, RequiredResource, Scope,
        SignInAudience,
    },
    directory_role::DirectoryRole,
    id::{AppId, ObjectId, PermissionId, TenantId},
    ticket::CodeTicket,
    user::{NewPassword, User, UserPrincipalName},
};
use behalf_server::session::password::{Parameters, hash};
use behalf_store::{WriteSet, records};
use http::{Request, header};
use uuid::{Uuid, uuid};

use crate::common::{
    ACME, Answer, BASE, GLOBEX, NOW, TREND, TestServer, application, encode, register, tenant,
};

pub(crate) const DESK: AppId = AppId(uuid!("de540000-0000-4000-8000-000000000002"));
pub(crate) const ORDERS: AppId = AppId(uuid!("a9100000-0000-4000-8000-000000000003"));
pub(crate) const SPA: AppId = AppId(uuid!("59a00000-0000-4000-8000-000000000007"));
pub(crate) const WEB: AppId = AppId(uuid!("3eb00000-0000-4000-8000-000000000008"));
pub(crate) const TREND_API: AppId = AppId(uuid!("7e4d0000-0000-4000-8000-000000000006"));
pub(crate) const READ: PermissionId = PermissionId(uuid!("5c0e0000-0000-4000-8000-000000000001"));
pub(crate) const MANAGE: PermissionId = PermissionId(uuid!("5c0e0000-0000-4000-8000-000000000002"));
pub(crate) const TRENDS: PermissionId = PermissionId(uuid!("5c0e0000-0000-4000-8000-000000000003"));
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const BACK: &str = "http://localhost:49152/";
/// RFC 7636 appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) fn user_id(name: &str) -> ObjectId {
    ObjectId(Uuid::new_v5(&ACME.0, name.as_bytes()))
}

/// The world with people: bob, ada (Global Administrator) and a disabled dan in Acme, gus in
/// Globex; `desk-app` (native) and `web-app` want `Orders.Read` of `orders-api`, whose
/// `Orders.Manage` is for administrators; Globex's `trend-report` brings `trend-api` along.
pub(crate) async fn world() -> TestServer {
    peopled(TestServer::start().await).await
}

/// The same on a server of other settings.
pub(crate) async fn peopled(server: TestServer) -> TestServer {
    let mut set = WriteSet::new();
    people(&mut set);
    let (acme, globex) =
        (tenant(ACME, "Acme", "acme.test"), tenant(GLOBEX, "Globex", "globex.test"));
    let mut orders = application(&acme, ORDERS, "orders-api", AppKind::Api, Some("api://orders"));
    orders.scopes = vec![
        Scope::new(READ, "Orders.Read", Consent::User, "Read your orders"),
        Scope::new(MANAGE, "Orders.Manage", Consent::Admin, "Manage all orders"),
    ];
    let required = |app_id, scope: PermissionId| RequiredResource {
        app_id,
        scopes: [scope].into(),
        roles: [].into(),
    };
    let redirect = |uri, platform| vec![Redirect::register(uri, platform).unwrap()];
    let mut desk = application(&acme, DESK, "desk-app", AppKind::Native, None);
    desk.redirects = redirect("http://localhost", Platform::InstalledClient);
    desk.required_resource_access = vec![required(ORDERS, READ)];
    let mut spa = application(&acme, SPA, "spa", AppKind::Web, None);
    spa.redirects = redirect("https://spa.test/", Platform::Spa);
    let mut web = application(&acme, WEB, "web-app", AppKind::Web, None);
    web.redirects = redirect("https://web.test/cb?x=1", Platform::Web);
    web.required_resource_access = vec![required(ORDERS, READ)];
    let mut trend_api = application(&globex, TREND_API, "trend-api", AppKind::Api, None);
    trend_api.audience = SignInAudience::Multi;
    let uri = format!("api://{TREND_API}");
    let uri = IdentifierUri::register(&uri, TREND_API, &globex, SignInAudience::Multi).unwrap();
    trend_api.identifier_uris = vec![uri];
    trend_api.scopes = vec![Scope::new(TRENDS, "Trends.Read", Consent::User, "Read trends")];
    trend_api.known_clients = vec![TREND];
    for app in [&orders, &desk, &spa, &web, &trend_api] {
        register(&mut set, app);
    }
    server.server.store.commit(set).await.unwrap();
    server
        .edit(TREND, |app| {
            app.redirects = redirect("https://trend.test/cb", Platform::Web);
            app.required_resource_access = vec![required(TREND_API, TRENDS)];
        })
        .await;
    server
}

fn people(set: &mut WriteSet) {
    let cheap = Parameters { memory: 16, passes: 1 };
    for (name, tenant, roles) in [
        ("bob@acme.test", ACME, vec![]),
        ("ada@acme.test", ACME, vec![DirectoryRole::GlobalAdministrator]),
        ("dan@acme.test", ACME, vec![]),
        ("gus@globex.test", GLOBEX, vec![DirectoryRole::GlobalAdministrator]),
    ] {
        let upn = UserPrincipalName::parse(name).unwrap();
        let mut user = User::new(user_id(name), tenant, upn.clone(), NOW);
        let password = NewPassword::chosen(PASSWORD.to_owned(), &upn).unwrap();
        user.password = hash(&password, [7; 16], cheap);
        user.roles = roles.into_iter().collect();
        user.disabled = name.starts_with("dan");
        records::user::create(set, &user);
    }
}

/// Changes a user and commits.
pub(crate) async fn edit_user(server: &TestServer, name: &str, change: impl FnOnce(&mut User)) {
    let tenant = if name.ends_with("globex.test") { GLOBEX } else { ACME };
    let stored = server.server.store.reading().user(tenant, user_id(name)).await.unwrap().unwrap();
    let mut user = stored.value.clone();
    change(&mut user);
    let mut set = WriteSet::new();
    records::user::update(&mut set, &stored, &user);
    server.server.store.commit(set).await.unwrap();
}

/// desk-app's request for `Orders.Read`, with fields changed or added; an empty value removes one.
pub(crate) fn request(changes: &[(&str, &str)]) -> String {
    let client = DESK.to_string();
    let mut fields: Vec<(&str, &str)> = vec![
        ("client_id", client.as_str()),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("scope", "openid profile offline_access api://orders/Orders.Read"),
        ("state", "s-1"),
        ("nonce", "n-1"),
        ("client_info", "1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        if !value.is_empty() {
            fields.push((name, value));
        }
    }
    format!("/acme.test/oauth2/v2.0/authorize?{}", encode(&fields))
}

/// Where a browser is.
pub(crate) enum Seen {
    /// On a page of this server.
    Page(Page),
    /// On its way to the application, at this address.
    Left(String),
}

/// A page.
pub(crate) struct Page {
    pub(crate) answer: Answer,
}

impl Page {
    pub(crate) fn heading(&self) -> String {
        let text = &self.answer.text;
        let start = text.find("<h1>").map_or(0, |at| at + 4);
        let end = text[start..].find("</h1>").map_or(start, |at| start + at);
        text[start..end].to_owned()
    }

    /// Where its form goes.
    pub(crate) fn action(&self) -> String {
        attribute(&self.answer.text, "<form method=\"post\"", "action").expect("no form")
    }

    /// Its hidden fields.
    pub(crate) fn hidden(&self) -> Vec<(String, String)> {
        let inputs = self.answer.text.split("<input type=\"hidden\"").skip(1);
        inputs.map(|input| (of(input, "name"), of(input, "value"))).collect()
    }

    /// A hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        self.hidden().into_iter().find(|(known, _)| known == name).expect("no such field").1
    }
}

fn of(tag: &str, name: &str) -> String {
    let start = tag.find(&format!("{name}=\"")).expect("no attribute") + name.len() + 2;
    let end = start + tag[start..].find('"').expect("an open attribute");
    unescaped(&tag[start..end])
}

fn attribute(html: &str, tag: &str, name: &str) -> Option<String> {
    html.find(tag).map(|at| of(&html[at..], name))
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&#39;", "'");
    let text = text.replace("&#60;", "<").replace("&#62;", ">").replace("&lt;", "<");
    text.replace("&gt;", ">").replace("&#38;", "&").replace("&amp;", "&")
}

impl Seen {
    pub(crate) fn page(self) -> Page {
        match self {
            Self::Page(page) => page,
            Self::Left(to) => panic!("left for {to}"),
        }
    }

    pub(crate) fn left(self) -> Landing {
        match self {
            Self::Left(location) => Landing::of(&location),
            Self::Page(page) => panic!("still on {:?}: {}", page.heading(), page.answer.text),
        }
    }
}

/// What the application gets.
#[derive(Debug)]
pub(crate) struct Landing {
    pub(crate) location: String,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Landing {
    fn of(location: &str) -> Self {
        let (_, rest) = location.split_once(['?', '#']).unwrap_or((location, ""));
        let query = rest.trim_end_matches('#').as_bytes();
        let fields = url::form_urlencoded::parse(query).into_owned().collect();
        Self { location: location.to_owned(), fields }
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// `error` and the AADSTS number.
    pub(crate) fn refusal(&self) -> (&str, u32) {
        let text = self.get("error_description").strip_prefix("AADSTS").unwrap_or_default();
        let number = text.split(':').next().unwrap_or_default().parse().unwrap_or_default();
        (self.get("error"), number)
    }

    /// What its code says.
    pub(crate) fn code(&self, server: &TestServer) -> (TenantId, CodeTicket) {
        let now = server.server.clock.now();
        let opened = server.server.tickets.open::<CodeTicket>(self.get("code"), now);
        let opened = opened.unwrap_or_else(|_| panic!("no code in {self:?}"));
        (opened.tenant(), opened.into_claims())
    }
}

/// A browser.
pub(crate) struct Browser<'a> {
    server: &'a TestServer,
    pub(crate) cookies: BTreeMap<String, String>,
    /// `Origin` of its forms.
    pub(crate) origin: Option<&'static str>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(server: &'a TestServer) -> Self {
        Self { server, cookies: BTreeMap::new(), origin: Some(BASE) }
    }

    /// Opens an address and follows where it leads.
    pub(crate) async fn open(&mut self, path: &str) -> Seen {
        let answer = self.send("GET", path, String::new()).await;
        self.follow(answer).await
    }

    /// Sends a page's form with these fields in addition, and follows.
    pub(crate) async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Seen {
        let answer = self.post(page, fields).await;
        self.follow(answer).await
    }

    /// Sends a page's form; the answer itself.
    pub(crate) async fn post(&mut self, page: &Page, fields: &[(&str, &str)]) -> Answer {
        let hidden = page.hidden();
        let all = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = all.filter(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        let all: Vec<_> = kept.chain(fields.iter().copied()).collect();
        self.send("POST", &page.action(), encode(&all)).await
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, body: String) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let mut request = Request::builder().method(method).uri(path);
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if method == "POST" {
            request = request.header("content-type", "application/x-www-form-urlencoded");
            if let Some(origin) = self.origin {
                request = request.header(header::ORIGIN, origin);
            }
        }
        let answer = self.server.send(request.body(Body::from(body)).unwrap()).await;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.contains("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{line}");
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    async fn follow(&mut self, mut answer: Answer) -> Seen {
        for _ in 0..8 {
            let Some(location) = answer.header("location").map(str::to_owned) else {
                return Seen::Page(Page { answer });
            };
            assert_eq!(answer.status, 303, "AZ-23: {location}");
            if !location.starts_with('/') {
                return Seen::Left(location);
            }
            answer = self.send("GET", &location, String::new()).await;
        }
        panic!("redirects without end")
    }

    /// Signs in on the page where it is asked to.
    pub(crate) async fn sign_in(&mut self, page: &Page, name: &str) -> Seen {
        assert!(page.heading().starts_with("Sign in to"), "{}", page.answer.text);
        self.submit(page, &[("username", name), ("password", PASSWORD), ("do", "sign-in")]).await
    }

    /// Opens `path`, signs in, accepts what is asked for, and lands.
    pub(crate) async fn whole_way(&mut self, path: &str, name: &str) -> Landing {
        let page = self.open(path).await.page();
        match self.sign_in(&page, name).await {
            Seen::Left(location) => Landing::of(&location),
            Seen::Page(page) => self.submit(&page, &[("do", "accept")]).await.left(),
        }
    }
}

/// The grants of Acme or another tenant to a client's service principal there.
pub(crate) async fn grants(
    server: &TestServer,
    tenant: TenantId,
    client: AppId,
) -> Vec<(behalf_core::grant::GrantedFor, Vec<PermissionId>)> {
    let reading = server.server.store.reading();
    let Some(principal) = reading.service_principal_by_app_id(tenant, client).await.unwrap() else {
        return Vec::new();
    };
    let of = behalf_store::GrantsOf::Client(principal.id);
    let page = reading.permission_grants(tenant, of, None).await.unwrap();
    let scopes =
        |grant: &behalf_core::grant::PermissionGrant| grant.scopes.iter().copied().collect();
    page.items.iter().map(|grant| (grant.granted_for, scopes(grant))).collect()
}

/// Makes the service principal of an application in Acme need assigned users.
pub(crate) async fn assigned_only(server: &TestServer, app: AppId) {
    server.edit_principal(app, |principal| principal.assignment_required = true).await;
}
