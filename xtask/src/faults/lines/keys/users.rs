//! Users' tokens while keys change: what one node issues is exchanged and shown at another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;

use super::Seen;
use crate::{
    client::browser::{Browser, encode},
    faults::{
        client::{Answer, Client},
        ledger::Credentials,
        nodes::{NAMES, Nodes},
        site::TENANT,
        world::{self, DESK},
    },
};

/// A user who is signed in, and the API that exchanges his tokens.
pub(super) struct User {
    orders: Credentials,
    refresh_token: String,
}

/// Lets the API `orders` call another one for its users.
pub(super) async fn exchanging(nodes: &Nodes) -> anyhow::Result<Credentials> {
    let manifest = json!({
        "apiVersion": "behalf/v1",
        "tenant": TENANT,
        "apps": [
            {
                "name": "ledger",
                "uri": "api://ledger",
                "token": { "version": 2 },
                "offers": { "scopes": { "Entries.Read": { "consent": "user", "text": "Read entries" } } },
            },
            {
                "name": "orders",
                "calls": { "ledger": { "as-user": ["Entries.Read"] } },
                "credentials": [{ "secret": "generate", "name": "initial" }],
            },
        ],
        "grants": { "admin-consent": ["orders"] },
    });
    world::made(nodes.site.admin(NAMES[0]).apply(manifest).await)
}

impl User {
    /// Signs the user of this number in.
    pub(super) async fn sign_in(
        nodes: &Nodes,
        orders: &Credentials,
        number: usize,
    ) -> anyhow::Result<Self> {
        let name = nodes.world.users.get(number).context("a user")?;
        let target = nodes.site.target()?;
        let mut browser = Browser::new(&target, &nodes.site.origin()).await?;
        let code = world::sign_in(&mut browser, name).await?;
        let answer = Client::new(target).token(&world::code(DESK, &code)).await?;
        let refresh_token = answer.text("refresh_token").context("no refresh token")?;
        Ok(Self { orders: orders.clone(), refresh_token })
    }

    /// Gets tokens at one node and uses them at another, until told to stop.
    pub(super) async fn live(
        mut self,
        (mut issuer, mut other): (Client, Client),
        (seen, stop): (Arc<Seen>, Arc<AtomicBool>),
    ) -> anyhow::Result<()> {
        while !stop.load(Ordering::SeqCst) {
            if let Some(token) = self.token(&mut issuer, "api://orders/Orders.Read", &seen).await? {
                let told = other.token(&self.on_behalf_of(&token)).await.context("an exchange")?;
                judge(&told, "on-behalf-of at another node", &seen);
            }
            if let Some(token) = self.token(&mut issuer, "openid profile", &seen).await? {
                let request = format!(
                    "GET /oidc/userinfo HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
                );
                let told = other.ask(request.as_bytes()).await.context("userinfo")?;
                judge(&told, "userinfo at another node", &seen);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// A token for `scope`; the refresh token is another one from then on.
    async fn token(
        &mut self,
        issuer: &mut Client,
        scope: &str,
        seen: &Seen,
    ) -> anyhow::Result<Option<String>> {
        let form = encode([
            ("grant_type", "refresh_token"),
            ("client_id", DESK),
            ("refresh_token", &self.refresh_token),
            ("scope", &format!("{scope} offline_access")),
        ]);
        let answer = issuer.token(&form).await.context("a user's token")?;
        let Some(next) = answer.text("refresh_token") else {
            judge(&answer, "the node that issues users' tokens", seen);
            return Ok(None);
        };
        self.refresh_token = next;
        seen.issued.fetch_add(1, Ordering::SeqCst);
        Ok(answer.text("access_token"))
    }

    fn on_behalf_of(&self, token: &str) -> String {
        encode([
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("requested_token_use", "on_behalf_of"),
            ("client_id", &self.orders.id),
            ("client_secret", &self.orders.secret),
            ("assertion", token),
            ("scope", "api://ledger/Entries.Read"),
        ])
    }
}

fn judge(answer: &Answer, by: &str, seen: &Seen) {
    if answer.status != 200 {
        seen.refuse(by, &format!("{} {}", answer.status, answer.body));
    }
}
