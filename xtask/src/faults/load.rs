//! A mixed load through the balancer, every acknowledgement of which is taken down.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;

use super::{
    admin::{Admin, Said},
    client::{Answer, Client, Unheard, client_credentials},
    ledger::{Credentials, Entry, Ledger},
    site::Site,
    world::{self, World},
};
use crate::client::https::Target;

mod users;

/// Between two requests of a connection that was turned away or cut off, as a client would wait.
const BACK_OFF: Duration = Duration::from_millis(20);

/// How many of each kind ask at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mix {
    /// Daemons that ask for app-only tokens.
    pub(crate) daemons: usize,
    /// Daemons with a wrong secret.
    pub(crate) strangers: usize,
    /// Users who sign in, redeem codes, refresh and consent.
    pub(crate) users: usize,
    /// Operators who make applications and take secrets away.
    pub(crate) operators: usize,
    /// Between two requests of one of them.
    pub(crate) pause: Duration,
}

impl Default for Mix {
    fn default() -> Self {
        Self { daemons: 3, strangers: 1, users: 2, operators: 1, pause: Duration::from_millis(2) }
    }
}

/// How requests of one kind ended.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// As they should.
    pub(crate) answered: AtomicU64,
    /// 503 with `Retry-After`.
    pub(crate) shed: AtomicU64,
    /// Any other status.
    pub(crate) wrong: AtomicU64,
    /// Not sent: nobody was there.
    pub(crate) unreached: AtomicU64,
    /// Sent, and closed before there was a byte of the answer.
    pub(crate) broken: AtomicU64,
    /// Ended in the middle of the answer.
    pub(crate) cut: AtomicU64,
}

/// All kinds.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// App-only tokens.
    pub(crate) tokens: Tally,
    /// Codes, refresh tokens, pages.
    pub(crate) delegated: Tally,
    /// Changes of the directory.
    pub(crate) directory: Tally,
    /// The first few surprises.
    surprises: Mutex<Vec<String>>,
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::SeqCst)
}

impl Tally {
    pub(crate) fn answered(&self) -> u64 {
        read(&self.answered)
    }

    pub(crate) fn shed(&self) -> u64 {
        read(&self.shed)
    }

    pub(crate) fn wrong(&self) -> u64 {
        read(&self.wrong)
    }

    /// Whether every request was answered as it should.
    pub(crate) fn is_clean(&self) -> bool {
        self.shed() + self.wrong() + self.broken() + self.unreached() == 0
    }

    /// Sent, and not answered as a whole.
    pub(crate) fn broken(&self) -> u64 {
        read(&self.broken) + self.cut()
    }

    pub(crate) fn unreached(&self) -> u64 {
        read(&self.unreached)
    }

    pub(crate) fn cut(&self) -> u64 {
        read(&self.cut)
    }

    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

impl fmt::Display for Tally {
    /// What was answered, and whatever else there was.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered", self.answered())?;
        let others = [
            (self.shed(), "told 503"),
            (self.wrong(), "wrong"),
            (self.broken(), "broken off"),
            (self.unreached(), "not sent because nobody was there"),
        ];
        for (count, what) in others.iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        Ok(())
    }
}

impl Counts {
    /// Requests that were sent and not answered, of all kinds.
    pub(crate) fn broken(&self) -> u64 {
        self.tokens.broken() + self.delegated.broken() + self.directory.broken()
    }

    /// Whether app-only tokens and everything else were answered as they should.
    pub(crate) fn is_clean(&self) -> bool {
        self.tokens.is_clean() && self.wrong() == 0
    }

    /// Requests with an answer that they should not have, of all kinds.
    pub(crate) fn wrong(&self) -> u64 {
        self.tokens.wrong() + self.delegated.wrong() + self.directory.wrong()
    }

    pub(crate) fn surprises(&self) -> Vec<String> {
        self.surprises.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn surprised(&self, what: String) {
        let mut surprises = self.surprises.lock().unwrap_or_else(PoisonError::into_inner);
        if surprises.len() < 5 {
            surprises.push(what);
        }
    }
}

/// What every task of the load has.
#[derive(Clone)]
struct Shared {
    target: Target,
    origin: String,
    counts: Arc<Counts>,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    pause: Duration,
}

/// A load that runs; its tasks end with it.
pub(crate) struct Load {
    pub(crate) counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Load {
    /// Starts asking. Operators change the directory at `operated` nodes, in turn.
    pub(crate) fn start(
        (site, operated): (&Site, &[&str]),
        world: &World,
        mix: Mix,
        (ledger, run): (&Arc<Ledger>, &str),
    ) -> anyhow::Result<Self> {
        let (counts, stop) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
        let shared = Shared {
            target: site.target()?,
            origin: site.origin(),
            counts: Arc::clone(&counts),
            ledger: Arc::clone(ledger),
            stop: Arc::clone(&stop),
            pause: mix.pause,
        };
        let mut tasks = JoinSet::new();
        for _ in 0..mix.daemons {
            tasks.spawn(daemon(shared.clone(), world.daemon.clone(), 200));
        }
        for _ in 0..mix.strangers {
            let stranger = Credentials { secret: "wrong".to_owned(), ..world.daemon.clone() };
            tasks.spawn(daemon(shared.clone(), stranger, 401));
        }
        for (number, user) in world.users.iter().take(mix.users).enumerate() {
            tasks.spawn(users::live(shared.clone(), user.clone(), format!("{run}-{number}")));
        }
        for number in 0..mix.operators {
            let admins = operated.iter().map(|node| site.admin(node)).collect();
            tasks.spawn(operator(shared.clone(), admins, format!("{run}-{number}")));
        }
        Ok(Self { counts, stop, tasks })
    }

    /// Lets what is under way end.
    pub(crate) async fn stop(mut self) -> anyhow::Result<Arc<Counts>> {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(self.counts)
    }
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    /// Counts an answer, takes its decision down, and waits as long as a client would.
    async fn judge(
        &self,
        tally: &Tally,
        asked: &Result<Answer, Unheard>,
        (what, expected): (&str, u16),
    ) -> anyhow::Result<bool> {
        let mut pause = self.pause;
        let good = match asked {
            Err(unheard) => {
                Tally::add(match unheard {
                    Unheard::Unreached => &tally.unreached,
                    Unheard::Closed | Unheard::Late => &tally.broken,
                    Unheard::Cut => &tally.cut,
                });
                pause = BACK_OFF;
                false
            }
            Ok(answer) if answer.status == expected => {
                Tally::add(&tally.answered);
                self.ledger.note(&Entry::Decided { request: answer.request.clone() })?;
                true
            }
            Ok(answer) if answer.status == 503 && answer.retry_after => {
                Tally::add(&tally.shed);
                pause = BACK_OFF;
                false
            }
            Ok(answer) => {
                Tally::add(&tally.wrong);
                self.counts.surprised(format!("{what}: {} {}", answer.status, told(answer)));
                pause = BACK_OFF;
                false
            }
        };
        tokio::time::sleep(pause).await;
        Ok(good)
    }
}

fn told(answer: &Answer) -> String {
    let text = answer.text("error_description").unwrap_or_else(|| answer.body.to_string());
    text.chars().take(160).collect()
}

/// Asks for app-only tokens.
async fn daemon(shared: Shared, who: Credentials, expected: u16) -> anyhow::Result<()> {
    let (mut client, form) = (Client::new(shared.target.clone()), client_credentials(&who));
    while shared.goes_on() {
        let asked = client.token(&form).await;
        shared.judge(&shared.counts.tokens, &asked, ("client_credentials", expected)).await?;
    }
    Ok(())
}

/// Makes daemons and takes every other one's secret away, at one node after the other.
async fn operator(shared: Shared, admins: Vec<Admin>, run: String) -> anyhow::Result<()> {
    let tally = &shared.counts.directory;
    let count = |said: &Said| match said {
        Said::Done(_) => Tally::add(&tally.answered),
        // A manifest that was applied in part says why it went no further.
        Said::Refused(503 | 200, _) => Tally::add(&tally.shed),
        Said::Nothing => Tally::add(&tally.broken),
        Said::Unreached => Tally::add(&tally.unreached),
        Said::Refused(status, message) => {
            Tally::add(&tally.wrong);
            shared.counts.surprised(format!("a change: {status} {message}"));
        }
    };
    for (number, admin) in admins.iter().cycle().enumerate() {
        if !shared.goes_on() {
            break;
        }
        let app = format!("daemon-{run}-{number}");
        let said = world::make_daemon(admin, &app).await;
        count(&said);
        tokio::time::sleep(shared.pause.max(BACK_OFF)).await;
        let Ok(credentials) = world::made(said) else { continue };
        shared.ledger.note(&Entry::Made { app: app.clone(), credentials })?;
        if number % 2 == 1 {
            shared.ledger.note(&Entry::Removing { app: app.clone() })?;
            let said = admin.apply(world::bare(&app)).await;
            count(&said);
            if matches!(said, Said::Done(_)) {
                shared.ledger.note(&Entry::Removed { app })?;
            }
        }
    }
    Ok(())
}
