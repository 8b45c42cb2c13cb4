//! A node that is out of descriptors, or whose output nobody reads.

use std::time::Duration;

use anyhow::ensure;
use tokio::net::TcpStream;

use super::{Line, embedded::NODE};
use crate::faults::{
    Context,
    client::{Client, client_credentials},
    clock,
    node::Options,
    report::Finding,
    site::{Site, Storage},
    world::World,
};

/// What a node may open: a few times what it needs when nobody is there.
const DESCRIPTORS: usize = 160;

pub(super) const DESCRIPTORS_LINE: Line = Line {
    name: "descriptors",
    promise: "out of file descriptors: the node lives and serves again within 1 s of their return",
    run: |context| Box::pin(descriptors(context)),
};

pub(super) const BLOCKED_OUTPUT: Line = Line {
    name: "blocked-output",
    promise: "standard output that nobody reads holds nobody up",
    run: |context| Box::pin(blocked_output(context)),
};

async fn descriptors(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(2, 20);
    let site = Site::new(context, Storage::Embedded).await?;
    let limit = format!("--nofile={DESCRIPTORS}");
    let options = Options::default().through(&["prlimit", &limit]);
    let mut node = site.start_with(NODE, &options).await?;
    let world = World::make(&site, NODE, 1).await?;
    let form = client_credentials(&world.daemon);
    let (mut worst, mut open, mut refused) = (Duration::ZERO, 0, 0);
    for _ in 0..rounds {
        let mut held = Vec::new();
        for _ in 0..DESCRIPTORS * 2 {
            held.push(TcpStream::connect(node.address).await?);
        }
        let id = node.id();
        let (found, _) = clock::until("the node is out", Duration::from_secs(10), async || {
            let found = std::fs::read_dir(format!("/proc/{id}/fd"))?.count();
            Ok((found + 2 >= DESCRIPTORS).then_some(found))
        })
        .await?;
        open = found;
        let mut client = Client::new(site.target_of(&node)?);
        let asked = tokio::time::timeout(Duration::from_millis(300), client.token(&form)).await;
        refused += usize::from(!matches!(asked, Ok(Ok(_))));
        ensure!(node.runs(), "the node died of it");
        drop(held);
        let ((), took) = clock::until("a token is issued", Duration::from_secs(20), async || {
            let mut client = Client::new(site.target_of(&node)?);
            let asked = tokio::time::timeout(Duration::from_millis(500), client.token(&form));
            let answer = asked.await??;
            Ok((answer.status == 200).then_some(()))
        })
        .await?;
        worst = worst.max(took);
    }
    let mut finding = Finding::new(format!(
        "{rounds} times {} silent connections to a node that may open {DESCRIPTORS} files ({open} open), then gone",
        DESCRIPTORS * 2
    ));
    finding.counted(format!(
        "{refused} of {rounds} requests meanwhile were not answered within 300 ms"
    ));
    finding.holds(node.runs(), "the node lives");
    finding.holds(
        worst <= context.allowed(Duration::from_secs(1)),
        format!("first token afterwards: at worst {} ms", worst.as_millis()),
    );
    Ok(finding)
}

async fn blocked_output(context: &Context) -> anyhow::Result<Finding> {
    let requests = context.rounds(500, 20_000);
    let site = Site::new(context, Storage::Embedded).await?;
    let options = Options::default().with("BEHALF_LOG_LEVEL", "debug");
    let node = site.start_with(NODE, &options).await?;
    let world = World::make(&site, NODE, 1).await?;
    node.mute(true);
    let form = client_credentials(&world.daemon);
    let mut client = Client::new(site.target()?);
    let (mut answered, mut worst) = (0, Duration::ZERO);
    for _ in 0..requests {
        let begun = clock::now();
        answered += usize::from(client.token(&form).await.is_ok_and(|answer| answer.status == 200));
        worst = worst.max(begun.elapsed());
    }
    let ended = node.terminate().await?;
    let mut finding = Finding::new(format!(
        "a pipe as standard output, not read; {requests} requests at log level debug, then SIGTERM"
    ));
    finding.holds(
        answered == requests,
        format!("{answered} answered with a token, the slowest in {} ms", worst.as_millis()),
    );
    finding.holds(ended.success(), format!("the node ended: {ended}"));
    Ok(finding)
}
