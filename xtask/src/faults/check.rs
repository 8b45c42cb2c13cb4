//! Holds what was acknowledged against what is so now.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, bail};

use super::{
    admin::Admin,
    client::{Answer, Client, client_credentials},
    clock,
    cluster::Cluster,
    ledger::{Owed, Secret},
    report::Finding,
    site::Site,
    world::{self, DESK},
};

/// How long after a fault the log may take until it has everything.
const LOG: Duration = Duration::from_secs(30);

/// Checks everything that is owed and adds what was counted.
pub(crate) async fn everything(
    (site, logs): (&Site, &[&str]),
    (owed, since): (&Owed, i64),
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let admins: Vec<Admin> = logs.iter().map(|node| site.admin(node)).collect();
    events(&admins, (owed, since), finding).await?;
    let mut client = Client::new(site.target()?);
    applications(&mut client, owed, finding).await?;
    chains(&mut client, owed, finding).await?;
    codes(&mut client, owed, finding).await
}

/// The log that nodes share, as it lies in the database: each row once, none missing in between.
pub(crate) fn shared_log(database: &Cluster, finding: &mut Finding) -> anyhow::Result<()> {
    let tables = database.sql(
        "behalf",
        "select string_agg('select node, seq, request from behalf.' || tablename, ' union all ')
         from pg_tables where schemaname = 'behalf' and tablename ~ '^sign_in_log_[0-9]+$'",
    )?;
    let counted = database.sql(
        "behalf",
        &format!(
            "with log as ({}), nodes as (select max(seq) - min(seq) + 1 - count(*) as missing from log group by node)
             select (select count(*) from log), (select count(*) from nodes), (select sum(missing) from nodes),
             (select count(*) from (select from log where request <> '00000000-0000-0000-0000-000000000000'
              group by request having count(*) > 1) doubled)",
            tables.trim()
        ),
    )?;
    let counts: Vec<u64> = counted
        .trim()
        .split('|')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .context(counted.clone())?;
    let [rows, nodes, missing, doubled] = counts[..] else { bail!("counted {counted:?}") };
    finding.holds(
        missing == 0 && doubled == 0 && rows > 0,
        format!("shared log: {rows} rows of {nodes} nodes, {missing} numbers missing in between, {doubled} requests twice"),
    );
    Ok(())
}

/// Each decision that was answered has one event.
async fn events(
    admins: &[Admin],
    (owed, since): (&Owed, i64),
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let counted = async || -> anyhow::Result<(usize, usize, usize)> {
        let mut found: HashMap<String, usize> = HashMap::new();
        for admin in admins {
            let events = admin.sign_ins(since).await?;
            // Where nodes share a log each of them answers for all.
            let shared = events.iter().any(|event| event.get("node").is_some());
            for event in events {
                let request = event["requestId"].as_str().unwrap_or_default().to_owned();
                *found.entry(request).or_default() += 1;
            }
            if shared {
                break;
            }
        }
        let lost = owed.decided.iter().filter(|request| !found.contains_key(*request)).count();
        let doubled = found.values().filter(|times| **times > 1).count();
        Ok((lost, doubled, found.len()))
    };
    // Shipping to a shared log takes its time; what is lost stays lost for all of it.
    let complete = clock::until("the log has every event", LOG, async || {
        let counted = counted().await?;
        Ok((counted.0 == 0).then_some(counted))
    });
    let (lost, doubled, all) = match complete.await {
        Ok((counted, _)) => counted,
        Err(_) => counted().await?,
    };
    finding.holds(
        lost == 0 && doubled == 0,
        format!(
            "events: {} answered decisions, {lost} without an event, {doubled} with more than one ({all} events in the log)",
            owed.decided.len()
        ),
    );
    Ok(())
}

/// Applications are as they were acknowledged, none half made.
async fn applications(
    client: &mut Client,
    owed: &Owed,
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let (mut lost, mut kept) = (Vec::new(), [0_usize; 3]);
    for (name, (credentials, secret)) in &owed.apps {
        let answer = asked(client, &client_credentials(credentials)).await?;
        let whole = answer.status == 200;
        let refused = (answer.status, answer.aadsts()) == (401, Some(7_000_215));
        let (right, slot) = match secret {
            Secret::Present => (whole, 0),
            Secret::Removed => (refused, 1),
            Secret::Unknown => (whole || refused, 2),
        };
        if let Some(count) = kept.get_mut(slot) {
            *count += 1;
        }
        if !right {
            lost.push(format!("{name} ({secret:?}): {} {:?}", answer.status, answer.aadsts()));
        }
    }
    let [present, removed, unknown] = kept;
    finding.holds(
        lost.is_empty(),
        format!(
            "directory: {present} applications made, {removed} secrets removed, {unknown} asked to be, {} not as acknowledged {}",
            lost.len(),
            first(&lost)
        ),
    );
    Ok(())
}

/// The newest refresh token of each chain works; one that is older than its predecessor is refused
/// and ends the chain.
async fn chains(client: &mut Client, owed: &Owed, finding: &mut Finding) -> anyhow::Result<()> {
    let (mut lost, mut replayed, mut rotations) = (Vec::new(), Vec::new(), 0);
    for (chain, tokens) in &owed.chains {
        rotations += tokens.len() - 1;
        let Some(newest) = tokens.last() else { continue };
        let answer = asked(client, &world::refresh(newest)).await?;
        // A rotation that nobody heard of counts when its grace is over.
        let may_be_old = owed.unheard.contains(chain) && answer.status == 400;
        if answer.status != 200 && !may_be_old {
            lost.push(format!("{chain}: {} {:?}", answer.status, answer.aadsts()));
        }
        // The newest has a successor now, so the first of three or more is two behind it.
        let Some(first) = tokens.first().filter(|_| tokens.len() > 1) else { continue };
        let answer = asked(client, &world::refresh(first)).await?;
        if answer.status != 400 {
            replayed.push(format!("{chain}: {}", answer.status));
        }
    }
    finding.holds(
        lost.is_empty() && replayed.is_empty(),
        format!(
            "refresh tokens: {} chains with {rotations} rotations ({} ended without an answer), {} newest refused {}, {} used twice {}",
            owed.chains.len(),
            owed.unheard.len(),
            lost.len(),
            first(&lost),
            replayed.len(),
            first(&replayed)
        ),
    );
    Ok(())
}

/// A code that was redeemed is refused.
async fn codes(client: &mut Client, owed: &Owed, finding: &mut Finding) -> anyhow::Result<()> {
    let mut replayed = 0;
    for code in &owed.codes {
        let answer = asked(client, &world::code(DESK, code)).await?;
        replayed += usize::from(answer.status != 400);
    }
    finding.holds(
        replayed == 0,
        format!(
            "codes: {} redeemed, {replayed} redeemed twice; {} pages of consent accepted",
            owed.codes.len(),
            owed.consents
        ),
    );
    Ok(())
}

/// An answer that decides: a node that is just coming back may shed or cut the first tries.
async fn asked(client: &mut Client, form: &str) -> anyhow::Result<Answer> {
    let answer = clock::until("a decision", Duration::from_secs(20), async || {
        let answer = client.token(form).await?;
        Ok((answer.status != 503).then_some(answer))
    });
    Ok(answer.await?.0)
}

fn first(found: &[String]) -> String {
    found.first().map_or_else(String::new, |first| format!("(such as {first})"))
}
