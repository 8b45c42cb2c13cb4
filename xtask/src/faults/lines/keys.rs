//! Signing keys that change under load.

mod users;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use behalf_resource::{Builder, ResourceServer, Tenants};
use serde_json::json;
use tokio::task::JoinSet;

use self::users::User;
use super::Line;
use crate::{
    client::{browser::encode, https::post},
    faults::{
        Context,
        admin::Said,
        client::{Client, client_credentials},
        clock,
        ledger::Credentials,
        nodes::Nodes,
        report::Finding,
        site::{STOCK, TENANT},
    },
};

/// The next key is made within a minute of the one before.
pub(super) const NEXT: Duration = Duration::from_mins(2);
/// How long after a rotation at once the new key signs on every node.
const SIGNS: Duration = Duration::from_secs(30);

pub(super) const ROTATION: Line = Line {
    name: "key-rotation",
    promise: "signing keys rotated at once on one of three nodes under load: no token that behalf-resource or another node refuses, every node signs with the new key",
    run: |context| Box::pin(rotation(context)),
};

/// What was seen of tokens.
#[derive(Default)]
struct Seen {
    issued: AtomicU64,
    refused: AtomicU64,
    first: Mutex<Option<String>>,
}

impl Seen {
    fn refuse(&self, by: &str, why: &str) {
        self.refused.fetch_add(1, Ordering::SeqCst);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| format!("{by}: {why}"));
    }
}

async fn rotation(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(1, 20);
    let nodes = Nodes::start(context).await?;
    let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let validator = resource_server(&nodes).build().await?;
    let mut tasks = JoinSet::new();
    let orders = users::exchanging(&nodes).await?;
    for index in 0..nodes.running.len() {
        let issuer = nodes.running.get(index).context("a node")?;
        let other = nodes.running.get((index + 1) % nodes.running.len()).context("a node")?;
        let (issuer, other) = (nodes.site.target_of(issuer)?, nodes.site.target_of(other)?);
        let clients = || (Client::new(issuer.clone()), Client::new(other.clone()));
        let user = User::sign_in(&nodes, &orders, index).await?;
        tasks.spawn(user.live(clients(), (Arc::clone(&seen), Arc::clone(&stop))));
        let forms = (client_credentials(&nodes.world.daemon), nodes.world.api.clone());
        tasks.spawn(issue(
            clients(),
            forms,
            validator.clone(),
            Arc::clone(&seen),
            Arc::clone(&stop),
        ));
    }
    let (mut kids, mut followed) = (Vec::new(), 0);
    for round in 0..rounds {
        let node = nodes.running.get(round % nodes.running.len()).context("a node")?;
        let kid = rotate(&nodes, &node.name).await?;
        followed += usize::from(signs_everywhere(&nodes, &kid).await.is_ok());
        kids.push(kid);
    }
    clock::stretch(Duration::from_secs(1)).await;
    stop.store(true, Ordering::SeqCst);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let mut finding = Finding::new(format!(
        "{rounds} times `key rotate --now` on one of three nodes; every token validated by behalf-resource, which fetches its keys through the balancer, and introspected on another node; users' tokens exchanged on behalf of them and shown to userinfo on another node"
    ));
    let first = seen.first.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (issued, refused) =
        (seen.issued.load(Ordering::SeqCst), seen.refused.load(Ordering::SeqCst));
    finding.holds(
        refused == 0 && issued > 0,
        format!("{issued} tokens issued, {refused} refused {}", first.unwrap_or_default()),
    );
    finding.holds(
        followed == rounds,
        format!("{followed} of {rounds} new keys sign on every node ({})", kids.join(", ")),
    );
    Ok(finding)
}

/// A resource server that trusts the deployment, and fetches its keys through the balancer.
pub(super) fn resource_server(nodes: &Nodes) -> Builder {
    ResourceServer::builder(format!("{}/{TENANT}", nodes.site.origin()))
        .audience(STOCK)
        .tenants(Tenants::only(TENANT))
        .ca_file(nodes.site.ca_file())
}

/// Which key signed a token.
pub(super) fn kid(token: &str) -> anyhow::Result<String> {
    let header = token.split('.').next().context("no JWT")?;
    let header: serde_json::Value =
        serde_json::from_slice(&behalf_jose::base64url::decode(header)?)?;
    header["kid"].as_str().map(str::to_owned).context("no kid")
}

/// Asks a node what it thinks of a token, as the API that the token is for.
pub(super) fn introspection(api: &Credentials, token: &str) -> Vec<u8> {
    let shown = encode([("token", token), ("client_id", &api.id), ("client_secret", &api.secret)]);
    post(&format!("/{TENANT}/oauth2/v2.0/introspect"), &shown)
}

/// Rotates at once on node `name`; the `kid` that signs from then on.
async fn rotate(nodes: &Nodes, name: &str) -> anyhow::Result<String> {
    let admin = nodes.site.admin(name);
    let (keys, _) = clock::until("a next key is there to rotate to", NEXT, async || {
        match admin.post("/v1/keys/rotate", &json!({ "now": true })).await {
            Said::Done(keys) => Ok(Some(keys)),
            // None is announced yet.
            Said::Refused(400, _) => Ok(None),
            other => other.done().map(Some),
        }
    })
    .await?;
    let rsa = keys.as_array().into_iter().flatten().filter(|key| key["alg"] == "RS256");
    let newest = rsa
        .filter(|key| key["state"] != "retired" && key.get("retireAt").is_none())
        .filter(|key| key["state"] == "active" || key["state"] == "announced")
        .min_by_key(|key| key["activeFrom"].as_i64());
    newest.and_then(|key| key["kid"].as_str()).map(str::to_owned).context("no new key is shown")
}

/// Until every node signs with `kid`.
async fn signs_everywhere(nodes: &Nodes, kid: &str) -> anyhow::Result<()> {
    let form = client_credentials(&nodes.world.daemon);
    for node in &nodes.running {
        let mut client = Client::new(nodes.site.target_of(node)?);
        clock::until(&format!("{} signs with {kid}", node.name), SIGNS, async || {
            let token = client.token(&form).await?.text("access_token").context("no token")?;
            Ok((self::kid(&token)? == kid).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Issues at one node and shows each token to a resource server and to another node.
async fn issue(
    (mut issuer, mut other): (Client, Client),
    (form, api): (String, Credentials),
    validator: ResourceServer,
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    while !stop.load(Ordering::SeqCst) {
        let answer = issuer.token(&form).await.context("a token")?;
        let Some(token) = answer.text("access_token") else {
            seen.refuse("the issuing node", &format!("{} {:?}", answer.status, answer.aadsts()));
            continue;
        };
        seen.issued.fetch_add(1, Ordering::SeqCst);
        if let Err(refusal) = validator.validate(&token).await {
            seen.refuse("behalf-resource", &format!("{refusal:?}"));
        }
        let told = other.ask(&introspection(&api, &token)).await;
        let told = told.context("an introspection")?;
        if told.body["active"] != true {
            seen.refuse("another node", &format!("{} {}", told.status, told.body));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
