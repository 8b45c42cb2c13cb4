//! F1 and F2 of the fault table: the process is killed under load at a moment drawn from a seed;
//! every other time the power goes too.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    cut::{Disk, Undone},
    support::{Admin, Answer, Credentials, Deployment, Serving, api, bare, form, post},
};

/// Kept-alive connections of the load.
const CONNECTIONS: usize = 8;

/// Told to whoever looks on: a response, or a step of the administrator.
enum Heard {
    Answered {
        request: String,
        status: u16,
    },
    Made {
        name: String,
        credentials: Credentials,
    },
    /// Sent; whether it was done is not known unless `Removed` follows.
    Removing(String),
    Removed(String),
}

/// What is known of an application whose making was acknowledged.
struct App {
    credentials: Credentials,
    secret: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secret {
    Present,
    Unknown,
    Removed,
}

/// Promise, deed, count.
#[derive(Default)]
struct Counts {
    answered: usize,
    events: usize,
    made: usize,
    removed: usize,
    undone: Undone,
    restarts: Vec<Duration>,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut restarts = self.restarts.clone();
        restarts.sort_unstable();
        let at = |percent: usize| restarts[(restarts.len() - 1) * percent / 100];
        writeln!(f, "promise: nothing acknowledged and no event of an answer is lost")?;
        writeln!(
            f,
            "done:    {} times SIGKILL under load, every other time a power cut ({} unsynced writes undone, {} bytes put back)",
            restarts.len(),
            self.undone.writes,
            self.undone.bytes
        )?;
        writeln!(
            f,
            "counted: {} answers, each with one event ({} events in all); {} applications made and {} secrets removed, none lost",
            self.answered, self.events, self.made, self.removed
        )?;
        write!(f, "ready again after {:?} (median), {:?} (p99)", at(50), at(99))
    }
}

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }
}

/// A number that the long form sets.
fn setting(name: &str, default: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "cargo xtask faults chooses length and seed")]
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn what_was_answered_survives_kill_nine_and_power_cuts() {
    let (cycles, seed) = (setting("BEHALF_FAULTS_CYCLES", 6), setting("BEHALF_FAULTS_SEED", 1));
    println!("seed {seed}, {cycles} cycles");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    println!("{}", runtime.block_on(Ordeal::run(cycles, Dice(seed))));
}

/// One deployment through all its deaths.
struct Ordeal {
    deployment: Deployment,
    disk: Disk,
    known: BTreeMap<String, App>,
    /// No event that was checked is newer.
    checked: i64,
    counts: Counts,
}

impl Ordeal {
    async fn run(cycles: u64, mut dice: Dice) -> Counts {
        let deployment = Deployment::new();
        let disk = Disk::new(deployment.path(), &deployment.data());
        let counts = Counts::default();
        let mut this = Self { deployment, disk, known: BTreeMap::new(), checked: 0, counts };
        let mut serving = this.start();
        let admin = this.deployment.admin();
        admin.apply(api()).await.unwrap();
        let daemon = admin.make("daemon").await.unwrap();
        for cycle in 0..cycles {
            let after = 1 + dice.below(400);
            let heard = this.load_and_kill(serving, &daemon, (cycle, after)).await;
            if cycle % 2 == 1 {
                let undone = this.disk.cut();
                this.counts.undone.writes += undone.writes;
                this.counts.undone.bytes += undone.bytes;
            } else {
                this.disk.keep();
            }
            serving = this.start();
            this.counts.restarts.push(serving.ready);
            this.check(&serving, heard).await;
        }
        for name in this.known.keys().cloned().collect::<Vec<_>>() {
            this.check_app(&serving, &name).await;
        }
        serving.terminate();
        assert_eq!(serving.wait(), Some(0));
        this.counts
    }

    fn start(&self) -> Serving {
        self.deployment.serve(&self.disk.environment())
    }

    /// Everything heard until the process was dead, killed after `after` answers.
    async fn load_and_kill(
        &self,
        serving: Serving,
        daemon: &Credentials,
        (cycle, after): (u64, u64),
    ) -> Vec<Heard> {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        for connection in 0..CONNECTIONS {
            let client = self.deployment.client();
            let url = serving.token_url();
            tasks.spawn(ask(client, url, request(connection, daemon), tell.clone()));
        }
        tasks.spawn(administer(self.deployment.admin(), cycle, tell));
        let (mut heard, mut answers) = (Vec::new(), 0);
        while answers < after {
            let next = told.recv().await.expect("the server answers until it is killed");
            answers += u64::from(matches!(next, Heard::Answered { .. }));
            heard.push(next);
        }
        serving.kill();
        // What had been sent before the end still counts as acknowledged.
        while let Some(next) = told.recv().await {
            heard.push(next);
        }
        tasks.join_all().await;
        heard
    }

    async fn check(&mut self, serving: &Serving, heard: Vec<Heard>) {
        let events = self.deployment.admin().sign_ins(self.checked - 60_000).await;
        let mut logged: HashMap<&str, usize> = HashMap::new();
        for event in &events {
            *logged.entry(event["requestId"].as_str().unwrap()).or_default() += 1;
        }
        if let Some(newest) = events.iter().filter_map(|event| event["time"].as_i64()).max() {
            self.counts.events +=
                events.iter().filter(|event| event["time"].as_i64() > Some(self.checked)).count();
            self.checked = newest;
        }
        let mut changed = Vec::new();
        for one in heard {
            match one {
                Heard::Answered { request, status } => {
                    assert!(matches!(status, 200 | 400 | 401), "{request}: {status}");
                    assert_eq!(logged.get(&*request), Some(&1), "events of {request} ({status})");
                    self.counts.answered += 1;
                }
                Heard::Made { name, credentials } => {
                    self.counts.made += 1;
                    changed.push(name.clone());
                    self.known.insert(name, App { credentials, secret: Secret::Present });
                }
                Heard::Removing(name) => {
                    self.known.get_mut(&name).unwrap().secret = Secret::Unknown;
                }
                Heard::Removed(name) => {
                    self.counts.removed += 1;
                    self.known.get_mut(&name).unwrap().secret = Secret::Removed;
                }
            }
        }
        for name in changed {
            self.check_app(serving, &name).await;
        }
    }

    /// Whether an application is as it was acknowledged; nothing is half applied.
    async fn check_app(&self, serving: &Serving, name: &str) {
        let app = &self.known[name];
        let client = self.deployment.client();
        let answer = post(&client, &serving.token_url(), form(&app.credentials)).await.unwrap();
        let refused = |answer: &Answer| (answer.status, answer.aadsts()) == (401, Some(7_000_215));
        let right = match app.secret {
            Secret::Present => answer.is_whole(),
            Secret::Removed => refused(&answer),
            Secret::Unknown => answer.is_whole() || refused(&answer),
        };
        assert!(right, "{name}, secret {:?}: {answer:?}", app.secret);
    }
}

/// What a connection asks for, again and again.
fn request(connection: usize, daemon: &Credentials) -> String {
    let nobody = "00000000-0000-4000-8000-000000000009".to_owned();
    let with = |id: &String, secret: &str| {
        form(&Credentials { id: id.clone(), secret: secret.to_owned() })
    };
    match connection % 4 {
        0 => with(&daemon.id, "wrong"),
        1 => with(&nobody, "wrong"),
        _ => form(daemon),
    }
}

async fn ask(
    client: reqwest::Client,
    url: String,
    form: String,
    tell: mpsc::UnboundedSender<Heard>,
) {
    while let Ok(Answer { request, status, .. }) = post(&client, &url, form.clone()).await {
        if tell.send(Heard::Answered { request, status }).is_err() {
            return;
        }
    }
}

/// Makes daemons and takes every other one's secret away, until nobody answers.
async fn administer(admin: Admin, cycle: u64, tell: mpsc::UnboundedSender<Heard>) {
    for number in 0.. {
        let name = format!("daemon-{cycle}-{number}");
        let Some(credentials) = admin.make(&name).await else { return };
        let _ = tell.send(Heard::Made { name: name.clone(), credentials });
        if number % 2 == 1 {
            let _ = tell.send(Heard::Removing(name.clone()));
            if admin.apply(bare(&name)).await.is_none() {
                return;
            }
            let _ = tell.send(Heard::Removed(name));
        }
    }
}
