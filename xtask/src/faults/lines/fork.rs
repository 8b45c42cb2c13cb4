//! A standby that lacks the newest of what was acknowledged becomes the primary.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::Line;
use crate::faults::{
    Context,
    client::{Answer, Client},
    clock,
    cluster::{Cluster, Replication},
    node::Options,
    nodes::Nodes,
    report::Finding,
    world::{self, DESK, authorize},
};

/// How long a node may take to judge again.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const FORK: Line = Line {
    name: "database-fork",
    promise: "an asynchronous standby that lacks what was acknowledged takes over: no code and no refresh token counts a second time, users sign in again, app-only tokens go on",
    run: |context| Box::pin(fork(context)),
};

async fn fork(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(1, 20);
    let mut finding = Finding::new(format!(
        "{rounds} times: the standby is stopped, a code redeemed and a refresh token rotated, the primary killed, the standby started and promoted; then both are used again on each of three nodes"
    ));
    for _ in 0..rounds {
        let folder = context.folder("fork")?;
        let primary = Cluster::primary(folder.path(), "primary").await?;
        let mut standby =
            primary.standby(folder.path(), "standby", Replication::Asynchronous).await?;
        let mut nodes =
            Nodes::on(context, (folder, primary), (&[&standby], &Options::default())).await?;
        let (mut browser, mut client) = (nodes.browser().await?, Client::new(nodes.site.target()?));
        standby.stop_fast().await?;
        let code = browser.open(&authorize(DESK, "")).await?.code()?;
        let (code, redeemed) =
            (world::code(DESK, &code), client.token(&world::code(DESK, &code)).await?);
        ensure!(redeemed.status == 200, "the code was not redeemed: {}", redeemed.status);
        let token = redeemed.text("refresh_token").context("no refresh token")?;
        let rotated = client.token(&world::refresh(&token)).await?;
        ensure!(rotated.status == 200, "the token was not rotated: {}", rotated.status);
        nodes.database.kill()?;
        standby.start().await?;
        standby.promote().await?;
        nodes.warm().await?;
        let mut again = Vec::new();
        for node in &nodes.running {
            let mut client = Client::new(nodes.site.target_of(node)?);
            for form in [&code, &world::refresh(&token)] {
                again.push(judged(&mut client, form).await?.status);
            }
        }
        finding.holds(
            again.iter().all(|status| *status == 400),
            format!("used again: {again:?}, expected 400 each time"),
        );
        let seen = browser.open(&authorize(DESK, "")).await?;
        finding.holds(seen.code().is_err(), "the session of before is asked to sign in again");
        let mut browser = nodes.browser().await?;
        let code = browser.open(&authorize(DESK, "")).await?.code()?;
        let fresh = judged(&mut client, &world::code(DESK, &code)).await?.status;
        finding.holds(fresh == 200, format!("a new sign-in and its code: {fresh}"));
        drop(nodes);
        standby.stop_fast().await?;
    }
    Ok(finding)
}

/// The answer, once the node decides again.
async fn judged(client: &mut Client, form: &str) -> anyhow::Result<Answer> {
    let answered = clock::until("a decision", PATIENCE, async || {
        Ok(Some(client.token(form).await?).filter(|answer| answer.status != 503))
    });
    Ok(answered.await?.0)
}
