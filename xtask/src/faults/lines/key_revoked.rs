//! A signing key that got out: revoked on one node, refused by all that verify.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use behalf_resource::{Clock, ResourceServer, SystemClock};
use serde_json::{Value, json};

use super::{
    Line,
    keys::{NEXT, introspection, kid, resource_server},
};
use crate::{
    client::https::get,
    faults::{
        Context,
        client::{Client, client_credentials},
        clock,
        node::Node,
        nodes::Nodes,
        report::{Finding, Times},
        site::TENANT,
    },
};

/// How long a resource server may accept tokens of a revoked key.
const REFUSED: Duration = Duration::from_mins(1);
/// How long another node may.
const HEARD: Duration = Duration::from_secs(2);
/// What is skipped of that minute in the short form: resource servers look at a clock of their own.
const SKIPPED: Duration = Duration::from_secs(50);

pub(super) const REVOKED: Line = Line {
    name: "key-revoked",
    promise: "the key that signs is revoked on one of three nodes: its tokens are refused by every node within 2 s and by behalf-resource within 60 s, busy or idle; the next key's tokens are accepted",
    run: |context| Box::pin(revoked(context)),
};

/// The machine's clock, and what of time was skipped.
#[derive(Clone, Default)]
struct Turned(Arc<AtomicU64>);

impl Turned {
    fn skip(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for Turned {
    fn now(&self) -> u64 {
        SystemClock.now() + self.0.load(Ordering::SeqCst)
    }
}

/// What was counted.
#[derive(Default)]
struct Counted {
    nodes: Times,
    resource: Times,
    /// Idle resource servers that accepted a token of the key a minute after.
    idle: Vec<String>,
    /// Tokens of the next key that somebody refused.
    successors: Vec<String>,
    published: usize,
    issued: usize,
}

async fn revoked(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(1, 5);
    let nodes = Nodes::start(context).await?;
    let mut counted = Counted::default();
    for round in 0..rounds {
        let node = nodes.running.get(round % nodes.running.len()).context("a node")?;
        once(context, (&nodes, node), &mut counted).await?;
    }
    let mut finding = Finding::new(format!(
        "{rounds} times the active RS256 key revoked through one node's admin socket; a token of it shown from then on to three nodes, to a resource server that had just fetched the keys and is asked all the time, and to one that is asked a minute later for the first time{}",
        if context.short { "; the resource servers' clock skips 50 s of that minute" } else { "" }
    ));
    finding.holds(
        counted.nodes.worst() <= context.allowed(HEARD) && counted.published == 0,
        format!(
            "nodes, from the acknowledgement: {}; the key still published by {} of them",
            counted.nodes, counted.published
        ),
    );
    finding.holds(
        counted.resource.worst() <= REFUSED,
        format!("behalf-resource under load: {}", counted.resource),
    );
    finding.holds(
        counted.idle.is_empty(),
        format!(
            "behalf-resource idle: {} accepted it after 60 s {:?}",
            counted.idle.len(),
            counted.idle
        ),
    );
    finding.holds(
        counted.successors.is_empty() && counted.issued > 0,
        format!(
            "{} tokens of the next key, {} refused {:?}",
            counted.issued,
            counted.successors.len(),
            counted.successors.first()
        ),
    );
    Ok(finding)
}

async fn once(
    context: &Context,
    (nodes, by): (&Nodes, &Node),
    counted: &mut Counted,
) -> anyhow::Result<()> {
    let mut client = Client::new(nodes.site.target_of(by)?);
    let form = client_credentials(&nodes.world.daemon);
    announced(nodes, &by.name).await?;
    let token = client.token(&form).await?.text("access_token").context("no token")?;
    let (kid, turned) = (kid(&token)?, Turned::default());
    let server = async || resource_server(nodes).clock(turned.clone()).build().await;
    let (busy, idle) = (server().await?, server().await?);
    for server in [&busy, &idle] {
        server.validate(&token).await.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    }
    nodes.site.admin(&by.name).post(&format!("/v1/keys/{kid}/revoke"), &json!({})).await.done()?;
    let revoked = clock::now();
    let (heard, refused) = tokio::join!(
        everywhere(nodes, &token, revoked, &mut counted.nodes),
        refused(context, &busy, (&token, &turned), revoked),
    );
    heard?;
    counted.resource.push(refused?);
    counted.published += publishers(nodes, &kid).await?;
    let skipped = Duration::from_secs(turned.0.load(Ordering::SeqCst));
    tokio::time::sleep(REFUSED.saturating_sub(revoked.elapsed() + skipped)).await;
    if idle.validate(&token).await.is_ok() {
        counted.idle.push(format!("after {} s", (revoked.elapsed() + skipped).as_secs()));
    }
    successors(nodes, (&kid, &busy), counted).await
}

/// Until there is a key that can take over.
async fn announced(nodes: &Nodes, name: &str) -> anyhow::Result<()> {
    let admin = nodes.site.admin(name);
    clock::until("a next key is announced", NEXT, async || {
        let keys = admin.get("/v1/keys").await.done()?;
        let next = |key: &Value| key["alg"] == "RS256" && key["state"] == "announced";
        Ok(keys.as_array().into_iter().flatten().any(next).then_some(()))
    })
    .await?;
    Ok(())
}

/// Until each node says that the token is worth nothing.
async fn everywhere(
    nodes: &Nodes,
    token: &str,
    revoked: Instant,
    times: &mut Times,
) -> anyhow::Result<()> {
    let request = introspection(&nodes.world.api, token);
    let mut clients = Vec::new();
    for node in &nodes.running {
        clients.push((&node.name, Client::new(nodes.site.target_of(node)?)));
    }
    while !clients.is_empty() {
        ensure!(revoked.elapsed() < REFUSED, "{:?} still accept it", clients.first().map(|c| c.0));
        let mut left = Vec::new();
        for (name, mut client) in clients {
            let told = client.ask(&request).await?;
            ensure!(told.status == 200, "{name}: {} {}", told.status, told.body);
            if told.body["active"] == true {
                left.push((name, client));
            } else {
                times.push(revoked.elapsed());
            }
        }
        clients = left;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Until a resource server that is asked all the time refuses the token; on its own clock.
async fn refused(
    context: &Context,
    server: &ResourceServer,
    (token, turned): (&str, &Turned),
    revoked: Instant,
) -> anyhow::Result<Duration> {
    let mut skipped = Duration::ZERO;
    loop {
        if server.validate(token).await.is_err() {
            return Ok(revoked.elapsed() + skipped);
        }
        let passed = revoked.elapsed();
        ensure!(passed + skipped < 2 * REFUSED, "behalf-resource accepts it for ever");
        // Not before every node knows: the first fetch would bring what is new.
        if context.short && skipped.is_zero() && passed >= HEARD {
            turned.skip(SKIPPED);
            skipped = SKIPPED;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many nodes publish `kid`.
async fn publishers(nodes: &Nodes, kid: &str) -> anyhow::Result<usize> {
    let (mut count, request) = (0, get(&format!("/{TENANT}/discovery/v2.0/keys")));
    for node in &nodes.running {
        let answer = Client::new(nodes.site.target_of(node)?).ask(&request).await?;
        let keys = answer.body["keys"].as_array().context("no keys are published")?;
        count += usize::from(keys.iter().any(|key| key["kid"] == kid));
    }
    Ok(count)
}

/// A token of each node is signed with another key, which everybody takes.
async fn successors(
    nodes: &Nodes,
    (revoked, server): (&str, &ResourceServer),
    counted: &mut Counted,
) -> anyhow::Result<()> {
    let form = client_credentials(&nodes.world.daemon);
    for node in &nodes.running {
        let answer = Client::new(nodes.site.target_of(node)?).token(&form).await?;
        let token = answer.text("access_token").context("no token")?;
        counted.issued += 1;
        if kid(&token)? == revoked {
            counted.successors.push(format!("{} still signs with the revoked key", node.name));
        }
        if let Err(refusal) = server.validate(&token).await {
            counted.successors.push(format!("behalf-resource: {refusal:?}"));
        }
        for other in &nodes.running {
            let mut client = Client::new(nodes.site.target_of(other)?);
            let told = client.ask(&introspection(&nodes.world.api, &token)).await?;
            if told.body["active"] != true {
                counted.successors.push(format!("{}: {}", other.name, told.body));
            }
        }
    }
    Ok(())
}
