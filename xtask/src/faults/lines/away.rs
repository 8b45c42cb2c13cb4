//! The database is away: for a while nodes issue app-only tokens from what they knew to be current.

use std::time::Duration;

use anyhow::Context as _;

use super::{Line, clocks::span};
use crate::{
    client::browser::Browser,
    faults::{
        Context,
        client::{Answer, Client, client_credentials},
        clock,
        ledger::Credentials,
        node::{Node, Options},
        nodes::Nodes,
        report::Finding,
        world::{self, DESK},
    },
};

/// How long after the last contact a node says that the database is away (decisions.md 26).
const NOTICED: Duration = Duration::from_secs(15);

pub(super) const AWAY: Line = Line {
    name: "database-away",
    promise: "with the database away app-only tokens go on for the configured window, at most 15 minutes long; what must write is told 503 with Retry-After; readiness and metrics say so; after the window every grant is 503; all is well within 2 s of its return",
    run: |context| Box::pin(away(context)),
};

async fn away(context: &Context) -> anyhow::Result<Finding> {
    let window = context.rounds(20, 300);
    let options = Options::default().with("BEHALF_STORAGE_DEGRADED_WINDOW", format!("{window}s"));
    let mut nodes = Nodes::with(context, &options).await?;
    let mut finding = Finding::new(format!(
        "the database stopped for longer than the window of {window} s, then started"
    ));
    let user = nodes.world.users.first().context("no user")?;
    let mut browser = Browser::new(&nodes.site.target()?, &nodes.site.origin()).await?;
    let code = world::sign_in(&mut browser, user).await?;
    let mut client = Client::new(nodes.site.target()?);
    let redeemed = client.token(&world::code(DESK, &code)).await?;
    let token = redeemed.text("refresh_token").context("no refresh token")?;
    nodes.database.stop_immediately().await?;
    let begun = clock::now();
    for node in &nodes.running {
        says(node, "away", NOTICED).await?;
        meanwhile(&nodes, node, &token, &mut finding).await?;
    }
    finding.counted(format!(
        "every node said that it is away within {} ms",
        begun.elapsed().as_millis()
    ));
    let window = Duration::from_secs(window);
    let (mut tokens, mut others) = (0, Vec::new());
    let form = client_credentials(&nodes.world.daemon);
    let still = window.saturating_sub(Duration::from_secs(2));
    while begun.elapsed() < still {
        let answer = client.token(&form).await?;
        if answer.status == 200 {
            tokens += 1;
        } else {
            others.push(answer.status);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    finding.holds(
        others.is_empty(),
        format!(
            "through the balancer within the window: {tokens} app-only tokens, others {others:?}"
        ),
    );
    for node in &nodes.running {
        says(node, "lost", window + Duration::from_secs(5)).await?;
        let mut client = Client::new(nodes.site.target_of(node)?);
        let answer = client.token(&form).await?;
        let (ready, _) = node.management("/readyz").await?;
        finding.holds(
            shed(&answer) && ready == 503,
            format!("{} after the window: app-only {}, /readyz {ready}", node.name, answer.status),
        );
    }
    nodes.database.start().await?;
    let back = nodes.write("back").await?;
    finding.holds(
        back <= context.allowed(Duration::from_secs(2)),
        format!("every node writes {} ms after its return", back.as_millis()),
    );
    nodes.warm().await?;
    let refreshed = client.token(&world::refresh(&token)).await?;
    finding.holds(
        refreshed.status == 200,
        format!("the refresh token of before: {}", refreshed.status),
    );
    Ok(finding)
}

/// Until a node's metrics give its storage this standing.
async fn says(node: &Node, standing: &str, bound: Duration) -> anyhow::Result<()> {
    let series = format!("behalf_storage_standing{{standing=\"{standing}\"}}");
    let what = format!("{} says that the database is {standing}", node.name);
    clock::until(&what, bound, async || {
        Ok(node.metric(&series).await?.filter(|value| *value > 0.5))
    })
    .await?;
    Ok(())
}

/// What a node that is without its database does.
async fn meanwhile(
    nodes: &Nodes,
    node: &Node,
    refresh_token: &str,
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let mut client = Client::new(nodes.site.target_of(node)?);
    let good = client.token(&client_credentials(&nodes.world.daemon)).await?;
    let lives = if good.status == 200 {
        let (issued, ends) = span(&good.body)?;
        ends - issued
    } else {
        0
    };
    let wrong = Credentials { secret: "wrong".to_owned(), ..nodes.world.daemon.clone() };
    let wrong = client.token(&client_credentials(&wrong)).await?;
    let refresh = client.token(&world::refresh(refresh_token)).await?;
    let (ready, text) = node.management("/readyz?verbose").await?;
    // 15 minutes, and the 5 that are set back for clients whose clocks are behind.
    finding.holds(
        good.status == 200 && lives <= 20 * 60 && good.body.get("refresh_in").is_none(),
        format!(
            "{}: app-only {}, for {lives} s, refresh_in {}",
            node.name, good.status, good.body["refresh_in"]
        ),
    );
    finding.holds(
        wrong.status == 401 && shed(&refresh),
        format!(
            "{}: a wrong secret {}, a refresh token {} {:?}",
            node.name,
            wrong.status,
            refresh.status,
            refresh.aadsts()
        ),
    );
    finding.holds(
        ready == 200 && text.contains("away storage"),
        format!(
            "{}: /readyz?verbose {ready}: {}",
            node.name,
            text.lines().collect::<Vec<_>>().join(", ")
        ),
    );
    Ok(())
}

/// 503 with `Retry-After`, in the envelope.
fn shed(answer: &Answer) -> bool {
    answer.status == 503 && answer.retry_after && answer.body["error"] == "temporarily_unavailable"
}
