//! Users: they sign in once, then codes are redeemed, refresh tokens rotated, pages accepted.

use std::time::Duration;

use super::{Shared, Tally};
use crate::{
    client::browser::{Browser, Seen},
    faults::{
        client::{Answer, Client, Unheard},
        clock,
        ledger::Entry,
        world::{self, DESK},
    },
};

/// How often the token of one code is rotated.
const ROTATIONS: usize = 4;
/// How long a browser waits for a page, and a client for a token in place of its own.
const PATIENCE: Duration = Duration::from_secs(15);

/// One user's life.
pub(super) async fn live(shared: Shared, user: String, run: String) -> anyhow::Result<()> {
    let mut client = Client::new(shared.target.clone());
    let mut browser: Option<Browser> = None;
    for round in 0_u64.. {
        if !shared.goes_on() {
            return Ok(());
        }
        let paged = tokio::time::timeout(PATIENCE, code(&shared, &mut browser, &user, round)).await;
        let Some(code) = paged.ok().and_then(Result::ok) else {
            // A 503 or a broken connection: the page was not shown, nothing is owed.
            Tally::add(&shared.counts.delegated.unreached);
            browser = None;
            tokio::time::sleep(super::BACK_OFF).await;
            continue;
        };
        let chain = format!("{run}-{round}");
        chain_of(&shared, &mut client, &code, &chain).await?;
    }
    Ok(())
}

/// A code for the user; every third time he consents to something on the way.
async fn code(
    shared: &Shared,
    browser: &mut Option<Browser>,
    user: &str,
    round: u64,
) -> anyhow::Result<String> {
    let Some(here) = browser else {
        let mut new = Browser::new(&shared.target, &shared.origin).await?;
        let code = world::sign_in(&mut new, user).await?;
        *browser = Some(new);
        return Ok(code);
    };
    // Its connection may have been closed since; what it remembers is in its cookies.
    here.reconnect(&shared.target).await?;
    if round % 3 == 2 {
        let page = world::consent_page(here).await?;
        if let Seen::Left(_) = world::accept(here, &page).await? {
            shared.ledger.note(&Entry::Consented { user: user.to_owned() })?;
        }
    }
    world::another_code(here).await
}

/// Redeems a code and rotates what comes of it.
async fn chain_of(
    shared: &Shared,
    client: &mut Client,
    code: &str,
    chain: &str,
) -> anyhow::Result<()> {
    let tally = &shared.counts.delegated;
    let asked = client.token(&world::code(DESK, code)).await;
    if !shared.judge(tally, &asked, ("a code", 200)).await? {
        return Ok(());
    }
    shared.ledger.note(&Entry::Redeemed { code: code.to_owned() })?;
    let Some(mut token) = refresh_token(&asked) else { return Ok(()) };
    shared.ledger.note(&Entry::Rotated { chain: chain.to_owned(), token: token.clone() })?;
    for _ in 0..ROTATIONS {
        let chain = chain.to_owned();
        match rotated(shared, client, &token).await? {
            Some(next) => {
                token.clone_from(&next);
                shared.ledger.note(&Entry::Rotated { chain, token: next })?;
            }
            None => return shared.ledger.note(&Entry::Unheard { chain }),
        }
    }
    Ok(())
}

/// Rotates a token. Whoever hears nothing, or is told to come again, asks again with the same one:
/// within the minute of grace it counts. `None` when there was no answer for too long.
async fn rotated(
    shared: &Shared,
    client: &mut Client,
    token: &str,
) -> anyhow::Result<Option<String>> {
    let begun = clock::now();
    loop {
        let asked = client.token(&world::refresh(token)).await;
        if shared.judge(&shared.counts.delegated, &asked, ("a refresh token", 200)).await? {
            return Ok(refresh_token(&asked));
        }
        if !shared.goes_on() || begun.elapsed() > PATIENCE {
            return Ok(None);
        }
    }
}

fn refresh_token(asked: &Result<Answer, Unheard>) -> Option<String> {
    asked.as_ref().ok()?.text("refresh_token")
}
