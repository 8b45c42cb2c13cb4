//! A database file that is damaged: a bit, a page, its end.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, FileExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    Line,
    embedded::{NODE, alone},
};
use crate::{
    client::https::get,
    faults::{
        Context,
        client::{Client, client_credentials},
        clock,
        dice::Dice,
        ledger::Credentials,
        report::Finding,
        site::{ROLE, Site, TENANT},
        world,
    },
};

/// `SQLite`'s page.
const PAGE: u64 = 4_096;
/// Applications whose answers are known.
const APPLICATIONS: usize = 12;

pub(super) const CORRUPT: Line = Line {
    name: "embedded-corrupt",
    promise: "SQLite, a damaged file: the node refuses loudly, at its start or at the request that meets the damage; it never answers with wrong data; a backup made while it served brings everything back",
    run: |context| Box::pin(corrupt(context)),
};

/// What damage came to.
#[derive(Debug, Default)]
struct Outcomes {
    /// The node did not start.
    refused: usize,
    /// It started and answered some requests with 5xx, the others rightly.
    partly: usize,
    /// It answered everything rightly.
    harmless: usize,
    /// It answered something that is not so.
    wrong: Vec<String>,
}

async fn corrupt(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(24, 2_000);
    let mut dice = Dice::new(context.seed, CORRUPT.name);
    let (site, node, _) = alone(context).await?;
    let mut known = Vec::new();
    for number in 0..APPLICATIONS {
        let made = site.admin(NODE).apply(world::daemon(&format!("app-{number}"))).await;
        known.push(world::made(made)?);
    }
    let keys = keys(&site).await?;
    let backup = site.folder().join("backup").display().to_string();
    let (made, said) = site.operate(NODE, &["backup", "--to", &backup])?;
    ensure!(made, "behalf backup: {said}");
    node.terminate().await?;
    let good = site.folder().join("good");
    copy(&site.data(NODE), &good)?;
    let (mut outcomes, mut damage) = (Outcomes::default(), [0; 4]);
    for _ in 0..rounds {
        let data = site.data(NODE);
        fs::remove_dir_all(&data)?;
        copy(&good, &data)?;
        let kind = dice.index(damage.len());
        let what = hurt(&data.join("behalf.db"), kind, &mut dice)?;
        if let Some(count) = damage.get_mut(kind) {
            *count += 1;
        }
        tried(&site, (&known, &keys), &what, &mut outcomes).await?;
    }
    let [bits, zeroes, noise, cuts] = damage;
    let mut finding = Finding::new(format!(
        "{rounds} copies of a database with {APPLICATIONS} daemons: {bits} with one bit turned, {zeroes} with a page of zeroes, {noise} with a page of noise, {cuts} cut short; a node started on each"
    ));
    finding.counted(format!(
        "{} refused at the start, {} refused at some request and right at the others, {} harmless",
        outcomes.refused, outcomes.partly, outcomes.harmless
    ));
    let wrong = &outcomes.wrong;
    finding.holds(
        wrong.is_empty(),
        format!("{} answered with wrong data {:?}", wrong.len(), wrong.first()),
    );
    restored(&site, (&known, &keys), &backup, &mut finding).await?;
    Ok(finding)
}

/// Restores the backup in place of the last damaged copy.
async fn restored(
    site: &Site,
    expected: (&[Credentials], &Value),
    backup: &str,
    finding: &mut Finding,
) -> anyhow::Result<()> {
    fs::remove_dir_all(site.data(NODE))?;
    fs::DirBuilder::new().mode(0o700).create(site.data(NODE))?;
    let (done, said) = site.operate(NODE, &["restore", "--from", backup])?;
    ensure!(done, "behalf restore: {said}");
    let mut outcomes = Outcomes::default();
    tried(site, expected, "restored", &mut outcomes).await?;
    finding.holds(
        outcomes.harmless == 1,
        format!(
            "restored from the backup: every application and key is as it was: {}",
            outcomes.harmless == 1
        ),
    );
    Ok(())
}

/// Damages a file; says how.
fn hurt(path: &Path, kind: usize, dice: &mut Dice) -> anyhow::Result<String> {
    let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let page = dice.below(length / PAGE) * PAGE;
    match kind {
        0 => {
            let (at, bit) = (dice.below(length), dice.below(8));
            let mut byte = [0];
            file.read_exact_at(&mut byte, at)?;
            file.write_all_at(&[byte[0] ^ (1 << bit)], at)?;
            Ok(format!("bit {bit} of byte {at}"))
        }
        1 => {
            file.write_all_at(&[0; 4_096], page)?;
            Ok(format!("zeroes at {page}"))
        }
        2 => {
            let noise: Vec<u8> = (0..PAGE).map(|_| dice.below(256).to_le_bytes()[0]).collect();
            file.write_all_at(&noise, page)?;
            Ok(format!("noise at {page}"))
        }
        _ => {
            let left = dice.below(length);
            file.set_len(left)?;
            Ok(format!("cut to {left} of {length} bytes"))
        }
    }
}

/// Starts a node on damaged data and asks for everything that is known.
async fn tried(
    site: &Site,
    (known, keys): (&[Credentials], &Value),
    what: &str,
    outcomes: &mut Outcomes,
) -> anyhow::Result<()> {
    let Ok(mut node) = site.start(NODE).await else {
        outcomes.refused += 1;
        return Ok(());
    };
    let mut client = Client::new(site.target_of(&node)?);
    let (mut refused, mut wrong) = (0, None);
    for credentials in known {
        let asked = client.token(&client_credentials(credentials)).await;
        match asked {
            Ok(answer) if answer.status >= 500 => refused += 1,
            Ok(answer) if answer.status == 200 => {
                let right = has_role(&answer.body)?;
                if !right {
                    wrong = Some("a token without its role".to_owned());
                }
            }
            Ok(answer) => wrong = Some(format!("{} {:?}", answer.status, answer.aadsts())),
            // A node that gives up is loud enough.
            Err(_) => refused += 1,
        }
    }
    let shown = self::keys(site).await;
    if shown.is_ok_and(|shown| shown != *keys) {
        wrong.get_or_insert_with(|| "other keys are published".to_owned());
    }
    match wrong {
        Some(wrong) => outcomes.wrong.push(format!("{what}: {wrong}")),
        None if refused > 0 || !node.runs() => outcomes.partly += 1,
        None => outcomes.harmless += 1,
    }
    Ok(())
}

fn has_role(body: &Value) -> anyhow::Result<bool> {
    let token = body["access_token"].as_str().context("no token")?;
    let claims = token.split('.').nth(1).context("no JWT")?;
    let claims: Value = serde_json::from_slice(&behalf_jose::base64url::decode(claims)?)?;
    Ok(claims["roles"] == serde_json::json!([ROLE]))
}

/// The published keys.
async fn keys(site: &Site) -> anyhow::Result<Value> {
    let mut client = Client::new(site.target()?);
    let request = get(&format!("/{TENANT}/discovery/v2.0/keys"));
    let (keys, _) = clock::until("keys are published", Duration::from_secs(5), async || {
        let answer = client.ask(&request).await?;
        ensure!(answer.status == 200, "{}", answer.status);
        Ok(Some(answer.body))
    })
    .await?;
    Ok(keys)
}

/// The data of a node that does not run.
fn copy(from: &Path, to: &PathBuf) -> anyhow::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
