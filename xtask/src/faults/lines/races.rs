//! One thing that counts once, tried on three nodes at the same moment.

use anyhow::{Context as _, ensure};
use futures_util::future::join_all;

use super::Line;
use crate::{
    client::browser::Seen,
    faults::{
        Context,
        client::{Answer, Client},
        nodes::Nodes,
        report::Finding,
        world::{self, DESK, authorize},
    },
};

pub(super) const CODES: Line = Line {
    name: "race-code",
    promise: "one code redeemed on three nodes at once: exactly one gets tokens",
    run: |context| Box::pin(codes(context)),
};

pub(super) const REFRESH_TOKENS: Line = Line {
    name: "race-refresh",
    promise: "one rotating refresh token used on three nodes at once: it is rotated exactly once, whoever is answered has the same successor, and then it counts no more",
    run: |context| Box::pin(refresh_tokens(context)),
};

pub(super) const CONSENT: Line = Line {
    name: "race-consent",
    promise: "one page of consent accepted on three nodes at once: it is granted exactly once, nobody sees an error",
    run: |context| Box::pin(consent(context)),
};

fn rounds(context: &Context) -> usize {
    context.rounds(50, 1_000)
}

/// A client of each node, with a connection of its own.
fn clients(nodes: &Nodes) -> anyhow::Result<Vec<Client>> {
    nodes.running.iter().map(|node| Ok(Client::new(nodes.site.target_of(node)?))).collect()
}

/// The same request on every node at once.
async fn race(clients: &mut [Client], form: &str) -> anyhow::Result<Vec<Answer>> {
    let answers = join_all(clients.iter_mut().map(|client| client.token(form))).await;
    answers.into_iter().map(|answer| Ok(answer?)).collect()
}

async fn codes(context: &Context) -> anyhow::Result<Finding> {
    let rounds = rounds(context);
    let nodes = Nodes::start(context).await?;
    let (mut clients, mut browser) = (clients(&nodes)?, nodes.browser().await?);
    let mut winners = [0_usize; 4];
    let mut others = Vec::new();
    for _ in 0..rounds {
        let code = browser.open(&authorize(DESK, "")).await?.code()?;
        let answers = race(&mut clients, &world::code(DESK, &code)).await?;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        *winners.get_mut(won).context("three answers")? += 1;
        let other = |answer: &&Answer| !matches!(answer.status, 200 | 400);
        others.extend(answers.iter().filter(other).map(|answer| answer.status));
    }
    let mut finding = Finding::new(format!("{rounds} codes, each redeemed on three nodes at once"));
    let [none, one, two, three] = winners;
    finding.holds(
        one == rounds && others.is_empty(),
        format!("one winner {one} times, none {none}, two {two}, three {three}; other answers than 200 and 400: {others:?}"),
    );
    Ok(finding)
}

async fn refresh_tokens(context: &Context) -> anyhow::Result<Finding> {
    let rounds = rounds(context);
    let nodes = Nodes::start(context).await?;
    let (mut clients, mut browser) = (clients(&nodes)?, nodes.browser().await?);
    let (mut answered, mut once, mut over, mut wrong) = (0, 0, 0, Vec::new());
    for _ in 0..rounds {
        let code = browser.open(&authorize(DESK, "")).await?.code()?;
        let first = clients.first_mut().context("three clients")?;
        let redeemed = first.token(&world::code(DESK, &code)).await?;
        let token = redeemed.text("refresh_token").context("no refresh token")?;
        let answers = race(&mut clients, &world::refresh(&token)).await?;
        let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        wrong.extend(answers.iter().map(|a| a.status).filter(|status| *status != 200));
        answered += won.len();
        let next = won.first().and_then(|answer| answer.text("refresh_token"));
        let next = next.context("nobody was answered")?;
        let client = clients.last_mut().context("three clients")?;
        // Within the minute of grace the token gives its one successor again. Had it been rotated
        // twice it would be two behind the newest, and refused.
        once += usize::from(client.token(&world::refresh(&token)).await?.status == 200);
        let went_on = client.token(&world::refresh(&next)).await?.status == 200;
        over += usize::from(went_on && client.token(&world::refresh(&token)).await?.status == 400);
    }
    let mut finding =
        Finding::new(format!("{rounds} refresh tokens, each used on three nodes at once"));
    finding.holds(
        once == rounds && wrong.is_empty(),
        format!(
            "{answered} of {} answered (others: {wrong:?}); rotated exactly once {once} times",
            rounds * 3
        ),
    );
    finding.holds(over == rounds, format!("refused once its successor was used: {over} times"));
    Ok(finding)
}

async fn consent(context: &Context) -> anyhow::Result<Finding> {
    let rounds = rounds(context);
    let nodes = Nodes::start(context).await?;
    let mut browser = nodes.browser().await?;
    let granted = || -> anyhow::Result<usize> {
        // The change log of what administrators see: kind 13 is an entry of it.
        let counted = nodes.database.sql(
            "behalf",
            "select count(*) from behalf.record where kind = 13 and position('grant consent'::bytea in doc) > 0",
        )?;
        Ok(counted.trim().parse()?)
    };
    let mut beside = Vec::new();
    for node in &nodes.running {
        beside.push(browser.beside(&nodes.site.target_of(node)?).await?);
    }
    let (mut led_on, mut errors, mut twice) = (0, Vec::new(), 0);
    let mut before = granted()?;
    for round in 0..rounds {
        browser.reconnect(&nodes.site.target()?).await?;
        for (other, node) in beside.iter_mut().zip(&nodes.running) {
            other.reconnect(&nodes.site.target_of(node)?).await?;
        }
        let page = world::consent_page(&mut browser).await?;
        let accepted = join_all(beside.iter_mut().map(|other| world::accept(other, &page))).await;
        for accepted in accepted {
            match accepted {
                Ok(Seen::Left(to)) if to.query().is_some_and(|q| q.contains("code=")) => {
                    led_on += 1;
                }
                Ok(Seen::Left(to)) => errors.push(to.to_string()),
                Ok(Seen::Form(_)) => {}
                Err(error) => errors.push(format!("{error:#}").chars().take(200).collect()),
            }
        }
        let after = granted()?;
        ensure!(after > before, "round {round}: nobody granted anything");
        twice += usize::from(after > before + 1);
        before = after;
        let user = nodes.world.users.first().context("no user")?;
        revoke(&nodes, user).await?;
    }
    let mut finding = Finding::new(format!(
        "{rounds} pages of consent, each accepted on three nodes at once, then taken back"
    ));
    finding.holds(
        twice == 0,
        format!("granted exactly once {} times, more often {twice}", rounds - twice),
    );
    errors.truncate(3);
    finding.holds(
        errors.is_empty(),
        format!("{led_on} of {} answers led on with a code; errors: {errors:?}", rounds * 3),
    );
    Ok(finding)
}

/// Takes the user's consent to `shop` back, so that the next page grants something again.
async fn revoke(nodes: &Nodes, user: &str) -> anyhow::Result<()> {
    let node = nodes.running.first().context("no node")?;
    let admin = nodes.site.admin(&node.name);
    let path = format!("/v1/tenants/{}/users/{user}", crate::faults::site::TENANT);
    let id = admin.get(&path).await.done()?["id"].clone();
    let body = serde_json::json!({ "client": world::SHOP, "user": id });
    admin.of_tenant("grants/revoke", &body).await.done()?;
    Ok(())
}
