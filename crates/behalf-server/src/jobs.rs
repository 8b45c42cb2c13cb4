//! What goes on beside the requests: following other nodes, keys, usage, tallies; the journal's
//! housekeeping is its own.

mod forget;

use std::{sync::Arc, time::Duration};

use behalf_store::{CommitError, Standing, Timing, Unanswered};

use crate::{
    entropy::RequestIds,
    history::{HistoryError, Watch},
    journal::{Lane, Shipper},
    keys::SealKeys,
    state::Server,
};

/// How often small things are looked after.
const TICK: Duration = Duration::from_secs(1);
/// How often records that refuse nothing any more are forgotten.
const SWEEP: Duration = Duration::from_mins(10);
/// How long the end of the process waits for what is left of the sign-in log to be shipped.
const LAST_SHIPMENT: Duration = Duration::from_secs(3);

/// Runs for as long as the process does.
pub(crate) async fn run(server: Arc<Server>) {
    let keys = Arc::clone(&server.keys).run();
    let epochs = Arc::clone(server.tickets.keys()).run();
    tokio::join!(follow(&server), keys, epochs, tick(&server), sweep(&server), ship(&server));
}

/// Keeps up with what other nodes commit, where there may be any.
async fn follow(server: &Server) {
    let clock = Arc::clone(&server.clock);
    let timing =
        Timing { monotonic: Arc::new(move || clock.monotonic()), window: server.degraded_window };
    if let Some(follower) = server.store.follow(timing) {
        follower.run().await;
    }
}

/// Says so once when the standing is another than `before`.
fn tell_standing(now: Standing, before: Standing) {
    if now.as_str() == before.as_str() {
        return;
    }
    match now {
        Standing::Current => tracing::info!("the database is back: everything is served again"),
        Standing::Away { lasting } => tracing::warn!(
            seconds = lasting.as_secs(),
            "the database is away: clients get tokens for themselves from what is remembered, short ones, and everything else is answered 503"
        ),
        Standing::Lost => tracing::error!(
            "the database has been away for longer than storage.degraded_window: no tokens are issued until it is back"
        ),
    }
}

/// What is told of requests that the database did not answer: that there are some, once, and that
/// there are none any more. While it is away the standing says it.
#[derive(Debug, Default)]
struct Troubled {
    /// Those known of.
    count: u64,
    /// Ticks without one, while there is trouble.
    quiet: Option<u32>,
}

/// A line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// This many were not answered.
    Trouble(u64),
    /// None since a while.
    Over,
}

impl Troubled {
    /// Trouble is over when there was none for so many ticks.
    const OVER: u32 = 10;

    fn note(&mut self, count: u64, standing: Standing) -> Option<Word> {
        let new = count - std::mem::replace(&mut self.count, count);
        if standing != Standing::Current {
            self.quiet = None;
            return None;
        }
        match (&mut self.quiet, new) {
            (None, 0) => None,
            (None, _) => {
                self.quiet = Some(0);
                Some(Word::Trouble(new))
            }
            (Some(quiet), 0) if *quiet + 1 < Self::OVER => {
                *quiet += 1;
                None
            }
            (Some(_), 0) => {
                self.quiet = None;
                Some(Word::Over)
            }
            (Some(quiet), _) => {
                *quiet = 0;
                None
            }
        }
    }

    fn tell(&mut self, unanswered: &Unanswered, standing: Standing) {
        match self.note(unanswered.count, standing) {
            Some(Word::Trouble(requests)) => tracing::error!(
                requests,
                error = unanswered.last,
                "the database does not do what requests need: they are answered 503, told one by one at level debug and counted in behalf_store_unanswered_total"
            ),
            Some(Word::Over) => tracing::info!("the database does again what requests need"),
            None => {}
        }
    }
}

async fn tick(server: &Server) {
    let lane = server.journal.lane();
    let ids = RequestIds::new(Arc::clone(&server.entropy));
    let mut standing = Standing::Current;
    let mut history = Watch::new(Arc::clone(&server.ended));
    let mut troubled = Troubled::default();
    loop {
        tokio::time::sleep(TICK).await;
        let before = std::mem::replace(&mut standing, server.store.standing());
        tell_standing(standing, before);
        troubled.tell(&server.store.unanswered(), standing);
        server.write_tallies(&lane, &ids);
        if standing == Standing::Current {
            server.write_usage(false).await;
            settle(&mut history, server.tickets.keys()).await;
        }
    }
}

/// Forgets what refuses nothing any more. It may take its time, and nothing waits for it.
async fn sweep(server: &Server) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(error) = forget::forget_expired(&server.store, server.clock.now()).await {
            tracing::warn!(%error, "expired records could not be forgotten");
        }
    }
}

/// Deals with a database that has changed hands.
async fn settle(history: &mut Watch, keys: &SealKeys) {
    match history.look(keys).await {
        // Another node deals with it at the same moment; the next look sees what it did.
        Ok(()) | Err(HistoryError::Commit(CommitError::Conflict { .. })) => {}
        Err(error) => tracing::warn!(
            %error,
            "the database has changed hands, and it is not settled yet what that ends"
        ),
    }
}

/// Ships the sign-in log, where nodes share one.
async fn ship(server: &Server) {
    if let Some(shipper) = server.shipper() {
        shipper.run().await;
    }
}

impl Server {
    fn shipper(&self) -> Option<Shipper> {
        self.journal.shipper(self.shipping.clone()?, Arc::clone(&self.entropy))
    }

    /// Writes what is still in memory and closes the sign-in log: the last thing before the process
    /// ends, when no request is under way any more.
    pub async fn finish(&self) {
        self.write_tallies(&self.journal.lane(), &RequestIds::new(Arc::clone(&self.entropy)));
        self.write_usage(true).await;
        self.journal.close();
        if let Some(shipper) = self.shipper()
            && !matches!(tokio::time::timeout(LAST_SHIPMENT, shipper.finish()).await, Ok(true))
        {
            tracing::warn!(
                "the sign-in log's newest rows are not shipped to the database; they are in this \
                 node's journal and go when it starts again"
            );
        }
    }

    fn write_tallies(&self, lane: &Lane, ids: &RequestIds) {
        let lost: u64 = self
            .tallies
            .take(self.clock.now(), ids)
            .into_iter()
            .filter_map(|tally| lane.submit_tally(&tally).is_err().then_some(tally.count))
            .sum();
        if lost > 0 {
            // One line a second, however many callers there were: the disk may be full.
            tracing::warn!(
                count = lost,
                "requests that were turned away are not counted: the sign-in log is full"
            );
        }
    }

    async fn write_usage(&self, all: bool) {
        if let Err(error) = self.store.flush_usage(self.clock.now(), all).await {
            tracing::warn!(%error, "when credentials were last used could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWAY: Standing = Standing::Away { lasting: Duration::from_secs(11) };

    /// What is told while the count is so at one tick after another.
    fn told(counts: impl IntoIterator<Item = (u64, Standing)>) -> Vec<Word> {
        let mut troubled = Troubled::default();
        counts.into_iter().filter_map(|(count, standing)| troubled.note(count, standing)).collect()
    }

    #[test]
    fn trouble_is_told_once_however_many_requests_meet_it() {
        let counts = [0, 0, 700, 1_400, 1_400, 2_100, 2_800].map(|n| (n, Standing::Current));
        assert_eq!(told(counts), [Word::Trouble(700)]);
    }

    #[test]
    fn that_it_is_over_is_told_after_ten_quiet_seconds_and_then_it_may_come_again() {
        let quiet = |count| std::iter::repeat_n((count, Standing::Current), 10);
        let counts = [(5, Standing::Current)].into_iter().chain(quiet(5)).chain(quiet(5));
        assert_eq!(told(counts), [Word::Trouble(5), Word::Over]);
        let short = [(5, Standing::Current)].into_iter().chain(quiet(5).skip(1));
        let again = short.chain([(6, Standing::Current)]).chain(quiet(6));
        assert_eq!(told(again), [Word::Trouble(5), Word::Over], "nine seconds are not enough");
    }

    #[test]
    fn while_it_is_away_the_standing_says_it() {
        let counts = [(5, Standing::Current), (9, AWAY), (20, AWAY), (20, Standing::Current)];
        assert_eq!(told(counts), [Word::Trouble(5)]);
        assert_eq!(told([(9, Standing::Lost)]), []);
    }
}
