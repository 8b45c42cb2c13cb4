//! Backups that are made under load and restored elsewhere.

use std::{fs, process::Stdio, sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::{
    Line,
    embedded::{NODE, settle},
};
use crate::{
    client::{
        browser::Browser,
        https::{Target, get},
    },
    faults::{
        Context,
        client::{Client, client_credentials},
        clock,
        dice::Dice,
        ledger::{Credentials, Ledger},
        load::{Load, Mix},
        node::Options,
        process::Process,
        report::{Finding, Times},
        site::{Site, Storage, TENANT},
        world::{self, DESK, World},
    },
};

/// Where backups are restored.
const ELSEWHERE: &str = "elsewhere";

pub(super) const RESTORE: Line = Line {
    name: "backup-restore",
    promise: "backups made under load, restored elsewhere: all that was acknowledged before, nothing of after; no code, refresh token or session of before counts; a half restore is never served, the next one is whole",
    run: |context| Box::pin(restores(context)),
};

/// What was so around a backup.
struct Round {
    /// Made before the backup was begun.
    before: Credentials,
    /// Its secret was removed before.
    removed: Credentials,
    /// Made after the backup was done.
    after: Credentials,
    /// Redeemed before.
    code: String,
    /// Of a session of before, and nobody redeemed it.
    unused: String,
    /// The refresh tokens of the code, oldest first: the last but one was rotated after the backup.
    tokens: Vec<String>,
    /// Who is signed in.
    browser: Browser,
    /// What was published.
    keys: Value,
}

/// What was counted.
#[derive(Default)]
struct Counted {
    /// What should not be so.
    wrong: Vec<String>,
    killed: usize,
    /// Killed before the store held anything.
    empty: usize,
    /// Killed in the middle.
    halves: usize,
    records: u64,
    backup: Times,
    restored: Times,
    /// How long the latest restore took.
    latest: Duration,
}

async fn restores(context: &Context) -> anyhow::Result<Finding> {
    let rounds = context.rounds(3, 200);
    let mut dice = Dice::new(context.seed, RESTORE.name);
    let site = Site::new(context, Storage::Embedded).await?;
    let node = site.start(NODE).await?;
    let world = World::make(&site, NODE, 3).await?;
    let since = clock::wall_millis();
    let ledger = Arc::new(Ledger::new(&site.folder().join("acknowledged"))?);
    let mix = Mix { pause: Duration::from_millis(10), ..Mix::default() };
    let load = Load::start((&site, &[NODE]), &world, mix, (&ledger, "load"))?;
    let mut counted = Counted::default();
    for number in 0..rounds {
        let file = site.folder().join("backup").display().to_string();
        let around = around((&site, &world), &file, number, &mut counted).await?;
        if number % 2 == 1 {
            interrupted(&site, &file, &mut dice, &mut counted).await?;
        }
        let begun = clock::now();
        let (done, said) = site.operate(ELSEWHERE, &["restore", "--from", &file])?;
        ensure!(done, "behalf restore: {said}");
        counted.latest = begun.elapsed();
        counted.restored.push(counted.latest);
        let words = said.split_whitespace().skip_while(|word| *word != "restored");
        let records: u64 = words.into_iter().nth(1).context(said.clone())?.parse()?;
        counted.records = counted.records.max(records);
        elsewhere((&site, &world), around, number, &mut counted).await?;
        fs::remove_dir_all(site.data(ELSEWHERE))?;
        fs::remove_file(&file)?;
    }
    let counts = load.stop().await?;
    let mut finding = Finding::new(format!(
        "{rounds} backups of one node under load, each restored into a new folder ({} times after a restore was killed at a moment drawn from the seed), checked, and served by another node",
        counted.killed
    ));
    finding.counted(format!(
        "up to {} records; backups: {}; restores: {}; of the killed ones {} were half done and refused to be served, {} had not begun",
        counted.records, counted.backup, counted.restored, counted.halves, counted.empty
    ));
    finding.holds(
        counted.wrong.is_empty(),
        format!(
            "{} things otherwise than promised {:?}",
            counted.wrong.len(),
            counted.wrong.first()
        ),
    );
    finding.holds(
        counts.wrong() + counts.broken() == 0,
        format!(
            "the load meanwhile: tokens {}, users {}, changes {} {:?}",
            counts.tokens,
            counts.delegated,
            counts.directory,
            counts.surprises()
        ),
    );
    settle(ledger, &site, since, &mut finding).await?;
    drop(node);
    Ok(finding)
}

/// Makes a backup, and things before and after it.
async fn around(
    (site, world): (&Site, &World),
    file: &str,
    number: usize,
    counted: &mut Counted,
) -> anyhow::Result<Round> {
    let admin = site.admin(NODE);
    let make = async |when: &str| {
        let name = format!("{when}-{number}");
        world::made(world::make_daemon(&admin, &name).await).with_context(|| name.clone())
    };
    let (before, removed) = (make("before").await?, make("removed").await?);
    admin.apply(world::bare(&format!("removed-{number}"))).await.done()?;
    let user = world.users.last().context("no user")?;
    let mut client = Client::new(site.target()?);
    let mut browser = Browser::new(&site.target()?, &site.origin()).await?;
    let code = world::sign_in(&mut browser, user).await?;
    let mut tokens = vec![grant(&mut client, &world::code(DESK, &code)).await?];
    rotate(&mut client, &mut tokens).await?;
    let unused = world::another_code(&mut browser).await?;
    let keys = keys(&mut client).await?;
    let begun = clock::now();
    let (done, said) = site.operate(NODE, &["backup", "--to", file])?;
    ensure!(done, "behalf backup: {said}");
    counted.backup.push(begun.elapsed());
    rotate(&mut client, &mut tokens).await?;
    let after = make("after").await?;
    Ok(Round { before, removed, after, code, unused, tokens, browser, keys })
}

/// Restores, and is killed meanwhile. What is there then is whole, or nobody serves it.
async fn interrupted(
    site: &Site,
    file: &str,
    dice: &mut Dice,
    counted: &mut Counted,
) -> anyhow::Result<()> {
    let mut command = site.operator(ELSEWHERE, &["restore", "--from", file]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut restore = Process::start(&mut command, Signal::KILL)?;
    clock::stretch(dice.between(Duration::ZERO, counted.latest)).await;
    let whole = !restore.runs();
    restore.kill()?;
    let there = fs::exists(site.data(ELSEWHERE).join("behalf.db"))?;
    counted.killed += 1;
    counted.empty += usize::from(!there);
    if there && !whole {
        // Between its last commit and its last word it is whole as well.
        match site.start_apart(ELSEWHERE, &Options::default()).await {
            Err(refused) => {
                let told = format!("{refused:#}");
                if !told.contains("behalf restore") {
                    counted.wrong.push(format!("a half restore is refused with {told:?}"));
                }
                counted.halves += 1;
                return Ok(());
            }
            Ok(_serving) => served_whole(site, counted).await?,
        }
    }
    if there {
        fs::remove_dir_all(site.data(ELSEWHERE))?;
    }
    Ok(())
}

/// What is served after an interruption is a whole restore, or a store in which none was begun.
async fn served_whole(site: &Site, counted: &mut Counted) -> anyhow::Result<()> {
    let (done, epochs) = site.operate(ELSEWHERE, &["key", "list", "--seal"])?;
    ensure!(done, "behalf key list: {epochs}");
    let tenants = site.admin(ELSEWHERE).get("/v1/tenants").await.done()?;
    if tenants == serde_json::json!([]) {
        counted.empty += 1;
    } else if !epochs.contains("revoked") {
        counted.wrong.push("a half restore is served".to_owned());
    }
    Ok(())
}

/// Starts a node on what was restored and asks for everything that is known.
async fn elsewhere(
    (site, world): (&Site, &World),
    around: Round,
    number: usize,
    counted: &mut Counted,
) -> anyhow::Result<()> {
    let node = site.start_apart(ELSEWHERE, &Options::default()).await?;
    let target = site.target_of(&node)?;
    let mut client = Client::new(target.clone());
    let mut wrong = |what: &str| counted.wrong.push(format!("round {number}: {what}"));
    for (what, credentials, expected) in [
        ("made before", &around.before, (200, None)),
        ("a secret removed before", &around.removed, (401, Some(7_000_215))),
        ("made after", &around.after, (400, Some(700_016))),
    ] {
        let answer = client.token(&client_credentials(credentials)).await?;
        let found = (answer.status, answer.aadsts());
        if found != expected {
            wrong(&format!("{what}: {found:?} instead of {expected:?}"));
        }
    }
    let codes = [&around.code, &around.unused].map(|code| world::code(DESK, code));
    let tokens = around.tokens.iter().map(|token| world::refresh(token));
    for (index, form) in codes.into_iter().chain(tokens).enumerate() {
        let answer = client.token(&form).await?;
        if answer.status != 400 {
            wrong(&format!("code or refresh token {index} of before: {}", answer.status));
        }
    }
    if keys(&mut client).await? != around.keys {
        wrong("other signing keys are published");
    }
    if signed_in(&around.browser, &target).await? {
        wrong("a session of before counts");
    }
    let mut browser = Browser::new(&target, &site.origin()).await?;
    let user = world.users.last().context("no user")?;
    let code = world::sign_in(&mut browser, user).await?;
    grant(&mut client, &world::code(DESK, &code)).await.context("a user signs in anew")?;
    let (sound, said) = site.operate(ELSEWHERE, &["storage", "check"])?;
    if !sound {
        wrong(&format!("behalf storage check: {said}"));
    }
    // Where the backup was made, the same tokens go on.
    let newest = around.tokens.last().context("no token")?;
    let mut source = Client::new(site.target()?);
    grant(&mut source, &world::refresh(newest)).await.context("at the source")?;
    ensure!(node.terminate().await?.success(), "the restored node did not end in order");
    Ok(())
}

/// Whether a browser gets a code without signing in.
async fn signed_in(browser: &Browser, target: &Target) -> anyhow::Result<bool> {
    let mut browser = browser.beside(target).await?;
    Ok(world::another_code(&mut browser).await.is_ok())
}

/// Redeems; the refresh token.
async fn grant(client: &mut Client, form: &str) -> anyhow::Result<String> {
    let answer = client.token(form).await?;
    match answer.text("refresh_token") {
        Some(token) if answer.status == 200 => Ok(token),
        _ => bail!("{} {}", answer.status, answer.body),
    }
}

async fn rotate(client: &mut Client, tokens: &mut Vec<String>) -> anyhow::Result<()> {
    let newest = tokens.last().context("no token")?;
    tokens.push(grant(client, &world::refresh(newest)).await?);
    Ok(())
}

/// The published keys.
async fn keys(client: &mut Client) -> anyhow::Result<Value> {
    let answer = client.ask(&get(&format!("/{TENANT}/discovery/v2.0/keys"))).await?;
    ensure!(answer.status == 200, "no keys are published: {}", answer.status);
    Ok(answer.body)
}
