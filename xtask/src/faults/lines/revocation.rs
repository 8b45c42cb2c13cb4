//! What is disabled, revoked or removed on one node takes effect on the others.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::future::try_join_all;
use serde_json::json;

use super::Line;
use crate::{
    client::browser::Browser,
    faults::{
        Context,
        admin::Admin,
        client::{Client, client_credentials},
        clock,
        ledger::Credentials,
        node::Node,
        nodes::Nodes,
        report::{Finding, Times},
        world::{self, DESK, authorize},
    },
};

/// How long to wait before a change counts as never seen.
const NEVER: Duration = Duration::from_secs(30);

pub(super) const NOTIFIED: Line = Line {
    name: "revocation",
    promise: "a removed secret, a withdrawn role, a disabled user: at once on the node that wrote, within 2 s on every other",
    run: |context| Box::pin(bound(context, false)),
};

pub(super) const POLLED: Line = Line {
    name: "revocation-unnotified",
    promise: "the same with the notification channel silently lost: within 10 s on every other",
    run: |context| Box::pin(bound(context, true)),
};

async fn bound(context: &Context, deaf: bool) -> anyhow::Result<Finding> {
    let trials = if deaf { context.rounds(6, 300) } else { context.rounds(30, 2_000) };
    let elsewhere = context.allowed(Duration::from_secs(if deaf { 10 } else { 2 }));
    let here = context.allowed(Duration::from_millis(500));
    let nodes = Nodes::start(context).await?;
    nodes.proxy.deafen(deaf);
    let mut finding = Finding::new(format!(
        "{trials} trials of each, the change on one of three nodes in turn, then tried on all of them until it is refused{}",
        if deaf { "; whatever the database says on connections that LISTEN is lost" } else { "" }
    ));
    for kind in [Kind::Secret, Kind::Role, Kind::User] {
        let (mut own, mut others) = (Times::default(), Times::default());
        for trial in 0..trials {
            let writer = trial % nodes.running.len();
            let (written, heard) = kind.tried(&nodes, writer, trial).await?;
            own.push(written);
            for took in heard {
                others.push(took);
            }
        }
        // At once: the first request after the answer is refused already. What is counted is that
        // request, not the wait for a change.
        finding.holds(
            others.worst() <= elsewhere && own.worst() <= here,
            format!("{}: on the writing node: {own}; on the others: {others}", kind.title()),
        );
    }
    Ok(finding)
}

/// What is taken away.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Secret,
    Role,
    User,
}

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Self::Secret => "secret removed",
            Self::Role => "role withdrawn",
            Self::User => "user disabled",
        }
    }

    /// One trial: how long it took on the node that wrote, and on the others.
    async fn tried(
        self,
        nodes: &Nodes,
        writer: usize,
        trial: usize,
    ) -> anyhow::Result<(Duration, Vec<Duration>)> {
        let node = nodes.running.get(writer).context("a node")?;
        let admin = nodes.site.admin(&node.name);
        let name = format!("{self:?}-{trial}").to_lowercase();
        let tries: Vec<Try> = match self {
            Self::User => users(nodes, trial).await?,
            Self::Secret | Self::Role => {
                let credentials = world::made(admin.apply(world::daemon(&name)).await)?;
                let try_at = |node| Try::daemon(nodes, node, &credentials);
                nodes.running.iter().map(try_at).collect::<anyhow::Result<_>>()?
            }
        };
        // Each node knows it first: what it then refuses, it had accepted.
        let warm = tries.into_iter().map(async |mut one| {
            clock::until("accepted at first", NEVER, async || {
                Ok(one.allowed().await?.then_some(()))
            })
            .await?;
            anyhow::Ok(one)
        });
        let mut tries = try_join_all(warm).await?;
        self.change(&admin, &name, trial, nodes).await?;
        let begun = clock::now();
        let seen = try_join_all(tries.iter_mut().map(async |one| {
            clock::until("refused", NEVER, async || Ok((!one.allowed().await?).then_some(())))
                .await?;
            anyhow::Ok(begun.elapsed())
        }));
        let mut seen = seen.await?;
        if let Self::User = self {
            let user = nodes.world.users.get(trial % nodes.world.users.len()).context("a user")?;
            let path = format!("users/{user}/state");
            admin.of_tenant(&path, &json!({ "disabled": false })).await.done()?;
        }
        let own = seen.remove(writer);
        Ok((own, seen))
    }

    async fn change(
        self,
        admin: &Admin,
        name: &str,
        trial: usize,
        nodes: &Nodes,
    ) -> anyhow::Result<()> {
        let said = match self {
            Self::Secret => admin.apply(world::bare(name)).await,
            Self::Role => {
                let body = json!({ "client": name, "all": true });
                admin.of_tenant("grants/revoke", &body).await
            }
            Self::User => {
                let user =
                    nodes.world.users.get(trial % nodes.world.users.len()).context("a user")?;
                let path = format!("users/{user}/state");
                admin.of_tenant(&path, &json!({ "disabled": true })).await
            }
        };
        said.done().with_context(|| format!("{}: {name}", self.title()))?;
        Ok(())
    }
}

/// A chain of refresh tokens of one user for each node.
async fn users(nodes: &Nodes, trial: usize) -> anyhow::Result<Vec<Try>> {
    let user = nodes.world.users.get(trial % nodes.world.users.len()).context("a user")?;
    let mut browser = Browser::new(&nodes.site.target()?, &nodes.site.origin()).await?;
    let mut code = clock::until("the user can sign in", NEVER, async || {
        world::sign_in(&mut browser, user).await.map(Some)
    })
    .await?
    .0;
    let mut tries = Vec::new();
    for node in &nodes.running {
        let mut client = Client::new(nodes.site.target_of(node)?);
        let answer = client.token(&world::code(DESK, &code)).await?;
        let token = answer.text("refresh_token").context("no refresh token")?;
        tries.push(Try { client, what: What::User(token) });
        code = browser.open(&authorize(DESK, "")).await?.code()?;
    }
    Ok(tries)
}

/// Somebody who tries at one node.
struct Try {
    client: Client,
    what: What,
}

enum What {
    Daemon(String),
    /// With his newest refresh token.
    User(String),
}

impl Try {
    fn daemon(nodes: &Nodes, node: &Node, credentials: &Credentials) -> anyhow::Result<Self> {
        let client = Client::new(nodes.site.target_of(node)?);
        Ok(Self { client, what: What::Daemon(client_credentials(credentials)) })
    }

    /// Whether he gets what he asks for: a token with the role, or one for the user.
    async fn allowed(&mut self) -> anyhow::Result<bool> {
        let answer = match &self.what {
            What::Daemon(form) => self.client.token(form).await?,
            What::User(token) => self.client.token(&world::refresh(token)).await?,
        };
        match (answer.status, &mut self.what) {
            (200, What::Daemon(_)) => {
                let token = answer.text("access_token").context("no token")?;
                let claims = token.split('.').nth(1).context("no JWT")?;
                let claims: serde_json::Value =
                    serde_json::from_slice(&behalf_jose::base64url::decode(claims)?)?;
                Ok(claims["roles"].as_array().is_some_and(|roles| !roles.is_empty()))
            }
            (200, What::User(newest)) => {
                *newest = answer.text("refresh_token").context("no refresh token")?;
                Ok(true)
            }
            (400 | 401, _) => Ok(false),
            (status, _) => bail!("{status} {:?}", answer.aadsts()),
        }
    }
}
