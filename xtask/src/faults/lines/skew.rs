//! Nodes whose clocks disagree, by libfaketime.

use anyhow::Context as _;

use super::{Line, clocks::FakeClock};
use crate::{
    client::browser::Browser,
    faults::{
        Context,
        client::{Answer, Client, client_credentials},
        nodes::{NAMES, Nodes},
        report::Finding,
        world::{self, DESK, authorize},
    },
};

/// In place of a status: a page said what is wrong, and there was no code.
const NO_CODE: u16 = 0;

pub(super) const SKEW: Line = Line {
    name: "clock-skew",
    promise: "clocks of nodes up to 4 minutes apart: every flow works across them; a node that is an hour off refuses what it must and harms nobody else",
    run: |context| Box::pin(skew(context)),
};

async fn skew(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(10, 200);
    let mut nodes = Nodes::start(context).await?;
    let fake = FakeClock::new(nodes.site.folder(), "n3")?;
    nodes.running.remove(2).terminate().await?;
    nodes.again(2, &fake.options()).await?;
    let mut finding = Finding::new(format!(
        "three nodes, the clock of one of them set; {rounds} times a code, its redemption and a refresh, each on another node"
    ));
    // (seconds, whether flows that cross that node must work)
    for (seconds, works) in
        [(240, true), (-240, true), (0, true), (3_600, false), (-3_600, false), (0, true)]
    {
        fake.set(seconds)?;
        let (mut crossed, mut within, mut odd) = ([0, 0], [0, 0], Vec::new());
        for round in 0..rounds {
            // Of the three legs one is on the node with the other clock.
            let order = [round % 3, (round + 1) % 3, (round + 2) % 3];
            note(flow(&nodes, order).await?, &mut crossed, &mut odd);
            note(flow(&nodes, [0, 1, 0]).await?, &mut within, &mut odd);
        }
        let mut tokens = 0;
        for node in &nodes.running {
            let mut client = Client::new(nodes.site.target_of(node)?);
            let answer = client.token(&client_credentials(&nodes.world.daemon)).await?;
            tokens += usize::from(answer.status == 200);
        }
        finding.holds(
            within == [rounds, 0]
                && odd.is_empty()
                && tokens == NAMES.len()
                && (!works || crossed == [rounds, 0]),
            format!(
                "{seconds:>+6} s: across all nodes {} flows done, {} refused; between the other two {} done, {} refused; app-only on {tokens} of 3; other answers {odd:?}",
                crossed[0], crossed[1], within[0], within[1]
            ),
        );
    }
    Ok(finding)
}

/// Counts a flow as done, refused in good order, or odd.
fn note(ended: Result<(), u16>, counts: &mut [usize; 2], odd: &mut Vec<u16>) {
    match ended {
        Ok(()) => counts[0] += 1,
        Err(NO_CODE | 400 | 401) => counts[1] += 1,
        Err(status) => odd.push(status),
    }
}

/// A code on the first node, redeemed on the second, refreshed on the third.
async fn flow(nodes: &Nodes, order: [usize; 3]) -> anyhow::Result<Result<(), u16>> {
    let at = |leg: usize| nodes.running.get(leg).context("three nodes");
    let [first, second, third] = order;
    let user = nodes.world.users.first().context("no user")?;
    let mut browser =
        Browser::new(&nodes.site.target_of(at(first)?)?, &nodes.site.origin()).await?;
    let paged = async {
        world::sign_in(&mut browser, user).await?;
        browser.open(&authorize(DESK, "")).await?.code()
    };
    let Ok(code) = paged.await else { return Ok(Err(NO_CODE)) };
    let mut client = Client::new(nodes.site.target_of(at(second)?)?);
    let redeemed = client.token(&world::code(DESK, &code)).await?;
    let Some(token) = good(&redeemed) else { return Ok(Err(redeemed.status)) };
    let mut client = Client::new(nodes.site.target_of(at(third)?)?);
    let refreshed = client.token(&world::refresh(&token)).await?;
    Ok(good(&refreshed).map(drop).ok_or(refreshed.status))
}

fn good(answer: &Answer) -> Option<String> {
    answer.text("refresh_token").filter(|_| answer.status == 200)
}
