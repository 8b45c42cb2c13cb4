//! What lives in a deployment: daemons, users, an application that signs them in.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    admin::{Admin, Said},
    ledger::Credentials,
    site::{ROLE, Site, TENANT},
};
use crate::client::browser::{Browser, Form, Seen, encode};

/// The password of every user.
const PASSWORD: &str = "Qm8tXw2-Lz9_Kd4.Rv7sJh1pNc6Ye3Bu";
/// A public client that an administrator consented to.
pub(crate) const DESK: &str = "fa010000-0000-4000-8000-000000000001";
/// A public client that each user consents to himself.
pub(crate) const SHOP: &str = "fa010000-0000-4000-8000-000000000002";
const BACK: &str = "http://127.0.0.1:49152/";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Who is there.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) daemon: Credentials,
    /// The API that the daemon calls.
    pub(crate) api: Credentials,
    pub(crate) users: Vec<String>,
}

impl World {
    /// Tenant, API, daemon, and `users` users with the application they use; made through `node`.
    pub(crate) async fn make(site: &Site, node: &str, users: usize) -> anyhow::Result<Self> {
        let api = site.seed(node).await?;
        let admin = site.admin(node);
        let daemon = made(admin.apply(daemon("daemon")).await)?;
        let users: Vec<String> =
            (0..users).map(|number| format!("user{number}@{TENANT}")).collect();
        admin.apply(delegation(&users)).await.done()?;
        Ok(Self { daemon, api, users })
    }
}

/// A daemon with one generated secret and the role of the API.
pub(crate) fn daemon(name: &str) -> Value {
    json!({
        "apiVersion": "behalf/v1",
        "tenant": TENANT,
        "apps": [{
            "name": name,
            "type": "daemon",
            "calls": { "stock-api": { "as-app": [ROLE] } },
            "credentials": [{ "secret": "generate", "name": "initial" }],
        }],
        "grants": { "admin-consent": [name] },
    })
}

/// The same daemon without credentials.
pub(crate) fn bare(name: &str) -> Value {
    let apps = json!([{ "name": name, "credentials": [] }]);
    json!({ "apiVersion": "behalf/v1", "tenant": TENANT, "apps": apps })
}

/// The credentials that an applied manifest made.
pub(crate) fn made(said: Said) -> anyhow::Result<Credentials> {
    let applied = said.done()?;
    let secret = &applied["secrets"][0];
    let text = |key: &str| secret[key].as_str().map(str::to_owned);
    let (id, secret) = text("appId").zip(text("value")).context("no secret was made")?;
    Ok(Credentials { id, secret })
}

fn delegation(users: &[String]) -> Value {
    let users: Vec<Value> = users
        .iter()
        .map(|name| json!({ "name": name, "display": name, "password": { "value": PASSWORD } }))
        .collect();
    let native = |name: &str, id: &str| {
        json!({
            "name": name,
            "id": id,
            "type": "native",
            "redirects": ["http://127.0.0.1"],
            "calls": { "orders": { "as-user": ["Orders.Read"] } },
        })
    };
    json!({
        "apiVersion": "behalf/v1",
        "tenant": TENANT,
        "apps": [
            {
                "name": "orders",
                "uri": "api://orders",
                "token": { "version": 2 },
                "offers": { "scopes": { "Orders.Read": { "consent": "user", "text": "Read orders" } } },
            },
            native("desk", DESK),
            native("shop", SHOP),
        ],
        "users": users,
        "grants": { "admin-consent": ["desk"] },
    })
}

/// Where a user begins; `prompt` may be empty.
pub(crate) fn authorize(client: &str, prompt: &str) -> String {
    let mut fields = vec![
        ("client_id", client),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("scope", "openid offline_access api://orders/Orders.Read"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    if !prompt.is_empty() {
        fields.push(("prompt", prompt));
    }
    format!("/{TENANT}/oauth2/v2.0/authorize?{}", encode(fields))
}

/// Signs a user in; he is led to `desk` with a code.
pub(crate) async fn sign_in(browser: &mut Browser, user: &str) -> anyhow::Result<String> {
    let form = browser.open(&authorize(DESK, "")).await?.form()?;
    let fields = [("username", user), ("password", PASSWORD), ("do", "sign-in")];
    browser.submit(&form, &fields).await?.code()
}

/// A code for a user who is signed in.
pub(crate) async fn another_code(browser: &mut Browser) -> anyhow::Result<String> {
    browser.open(&authorize(DESK, "")).await?.code()
}

/// A page that asks a user who is signed in for his consent to `shop`.
pub(crate) async fn consent_page(browser: &mut Browser) -> anyhow::Result<Form> {
    browser.open(&authorize(SHOP, "consent")).await?.form()
}

/// Accepts such a page.
pub(crate) async fn accept(browser: &mut Browser, page: &Form) -> anyhow::Result<Seen> {
    browser.submit(page, &[("do", "accept")]).await
}

/// Redeems a code of `client`.
pub(crate) fn code(client: &str, code: &str) -> String {
    encode([
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("redirect_uri", BACK),
        ("code", code),
        ("code_verifier", VERIFIER),
    ])
}

/// Redeems a refresh token of `desk`.
pub(crate) fn refresh(token: &str) -> String {
    encode([
        ("grant_type", "refresh_token"),
        ("client_id", DESK),
        ("refresh_token", token),
        ("scope", "api://orders/Orders.Read offline_access"),
    ])
}

/// Makes a daemon as an operator does.
pub(crate) async fn make_daemon(admin: &Admin, name: &str) -> Said {
    admin.apply(daemon(name)).await
}
