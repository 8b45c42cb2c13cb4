//! A machine that is busy with something else.

use std::{
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::process::Signal;
use tokio::task::JoinSet;

use super::{Line, embedded::alone};
use crate::{
    bench::process_time,
    client::https::Target,
    faults::{
        Context,
        client::{Client, client_credentials},
        clock,
        node::Node,
        process::{Process, guarded},
        report::{Finding, Times},
    },
};

/// Processes that do nothing but take CPU time.
const BUSY: usize = 8;
/// Clients that ask without a pause.
const CLIENTS: usize = 4;
/// How long the node may take to be as fast as before.
const RECOVERY: Duration = Duration::from_secs(1);

pub(super) const CPU: Line = Line {
    name: "cpu-starved",
    promise: "eight busy processes beside the node: every request is answered with its token but one in a thousand, which are told to come again; half as many as its share of the cores makes at the least, and it is as fast again within 1 s of their end",
    run: |context| Box::pin(starved(context)),
};

/// What clients got in a stretch of time.
struct Stretch {
    answered: u64,
    rate: f64,
    /// Answers for each second of the node's CPU time.
    goodput: f64,
    /// CPU seconds of the node for each second.
    share: f64,
    times: Times,
}

/// Clients that ask without a pause.
struct Clients {
    answered: Arc<AtomicU64>,
    /// Told 503 with `Retry-After`.
    shed: Arc<AtomicU64>,
    otherwise: Arc<Mutex<Vec<String>>>,
    times: Arc<Mutex<Times>>,
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

async fn starved(context: &Context) -> anyhow::Result<Finding> {
    let length = context.rounds(Duration::from_secs(2), Duration::from_mins(1));
    let (site, mut node, world) = alone(context).await?;
    let form = client_credentials(&world.daemon);
    // What else the machine does must not decide.
    let again = context.rounds(0.5, 0.9);
    let clients = Clients::start(&site.target_of(&node)?, &form);
    clients.during(&node, length / 2).await?;
    let before = clients.during(&node, length).await?;
    let busy: Vec<Process> = (0..BUSY).map(|_| spin()).collect::<Result<_, _>>()?;
    let meanwhile = clients.during(&node, length).await?;
    drop(busy);
    let recovered = clients.as_before(before.rate * again, clock::now()).await;
    let after = clients.during(&node, length).await?;
    let (shed, otherwise) = clients.end().await?;
    let mut finding = Finding::new(format!(
        "one node, {CLIENTS} clients without a pause; {BUSY} processes that spin for {} s",
        length.as_secs()
    ));
    report([&before, &meanwhile, &after], (shed, &otherwise), again / 2.0, &mut finding);
    let told = match &recovered {
        Ok(took) => {
            format!("{again} of the tokens/s of before {} ms after their end", took.as_millis())
        }
        Err(error) => format!("{error:#}"),
    };
    let allowed = context.allowed(RECOVERY);
    finding.holds(recovered.is_ok_and(|took| took <= allowed), told);
    finding.holds(node.runs(), "the node lives");
    Ok(finding)
}

/// What was answered, and how much of what a fair share of the cores makes: `least` of it at least.
fn report(
    [before, meanwhile, after]: [&Stretch; 3],
    (shed, otherwise): (u64, &[String]),
    least: f64,
    finding: &mut Finding,
) {
    for (when, stretch) in [("before", before), ("meanwhile", meanwhile), ("after", after)] {
        finding.counted(format!(
            "{when}: {:.0} tokens/s, {:.0} for each CPU second, {:.2} of a core; {}",
            stretch.rate, stretch.goodput, stretch.share, stretch.times
        ));
    }
    let all = before.answered + meanwhile.answered + after.answered;
    finding.holds(
        otherwise.is_empty() && meanwhile.answered > 0 && shed <= all / 1_000,
        format!(
            "{all} answered with a token, {shed} told 503, {} otherwise {:?}",
            otherwise.len(),
            otherwise.first()
        ),
    );
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let fair = ratio(cores, cores + BUSY);
    let (kept, of_fair) = (meanwhile.goodput / before.goodput, meanwhile.rate / before.rate / fair);
    finding.holds(
        kept >= 0.5 && of_fair >= least,
        format!(
            "for each CPU second {kept:.2} of what it was before; for each second {of_fair:.2} of what an equal share of {cores} cores ({fair:.2}) would make"
        ),
    );
}

#[expect(clippy::cast_precision_loss, reason = "a machine has fewer than 2^52 cores")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// A process that does nothing but take CPU time.
fn spin() -> anyhow::Result<Process> {
    let mut command = guarded("KILL", Path::new("sh"));
    command.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
    Process::start(&mut command, Signal::KILL)
}

impl Clients {
    fn start(target: &Target, form: &str) -> Self {
        let mut this = Self {
            answered: Arc::default(),
            shed: Arc::default(),
            otherwise: Arc::default(),
            times: Arc::default(),
            stop: Arc::default(),
            tasks: JoinSet::new(),
        };
        for _ in 0..CLIENTS {
            let (target, form) = (target.clone(), form.to_owned());
            let (answered, otherwise) = (Arc::clone(&this.answered), Arc::clone(&this.otherwise));
            let (times, stop) = (Arc::clone(&this.times), Arc::clone(&this.stop));
            let shed = Arc::clone(&this.shed);
            this.tasks.spawn(async move {
                let mut client = Client::new(target);
                while !stop.load(Ordering::SeqCst) {
                    let begun = clock::now();
                    let told = match client.token(&form).await {
                        Ok(answer) if answer.status == 200 => {
                            answered.fetch_add(1, Ordering::SeqCst);
                            lock(&times).push(begun.elapsed());
                            continue;
                        }
                        Ok(answer) if answer.status == 503 && answer.retry_after => {
                            shed.fetch_add(1, Ordering::SeqCst);
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            continue;
                        }
                        Ok(answer) => format!("{} {}", answer.status, answer.body),
                        Err(unheard) => unheard.to_string(),
                    };
                    lock(&otherwise).push(told);
                }
            });
        }
        this
    }

    /// Counts for a while.
    async fn during(&self, node: &Node, length: Duration) -> anyhow::Result<Stretch> {
        let (begun, cpu) = (clock::now(), process_time(node.id())?);
        let before = self.answered.load(Ordering::SeqCst);
        *lock(&self.times) = Times::default();
        clock::stretch(length).await;
        let answered = self.answered.load(Ordering::SeqCst) - before;
        let (took, cpu) = (begun.elapsed(), process_time(node.id())?.saturating_sub(cpu));
        let times = lock(&self.times).clone();
        let of = |time: Duration| {
            f64::from(u32::try_from(answered).unwrap_or(u32::MAX)) / time.as_secs_f64()
        };
        let share = cpu.as_secs_f64() / took.as_secs_f64();
        Ok(Stretch { answered, rate: of(took), goodput: of(cpu), share, times })
    }

    /// Until `wanted` are answered a second; how long that was after `ended`.
    async fn as_before(&self, wanted: f64, ended: Instant) -> anyhow::Result<Duration> {
        const SAMPLE: Duration = Duration::from_millis(200);
        clock::until("as fast as before", 20 * RECOVERY, async || {
            let (begun, count) = (clock::now(), self.answered.load(Ordering::SeqCst));
            clock::stretch(SAMPLE).await;
            let more = self.answered.load(Ordering::SeqCst) - count;
            let rate = f64::from(u32::try_from(more)?) / begun.elapsed().as_secs_f64();
            Ok((rate >= wanted).then_some(()))
        })
        .await?;
        Ok(ended.elapsed())
    }

    /// Lets them end; how many were told to come again, and what was answered otherwise.
    async fn end(mut self) -> anyhow::Result<(u64, Vec<String>)> {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.context("a client")?;
        }
        Ok((self.shed.load(Ordering::SeqCst), lock(&self.otherwise).clone()))
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
