//! The threads that compare passwords, and the queue before them.

use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

use behalf_core::user::{PasswordHash, PresentedPassword, User};
use tokio::sync::oneshot;

use super::{
    VerifiedPassword, WrongPassword,
    hash::{Memory, Parameters, Phc, Salt},
};
use crate::entropy::{Entropy, random};

/// How many passwords may be looked at, and wait to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Threads, at least one; each keeps the memory of one hash.
    pub threads: usize,
    /// Passwords that wait. Beyond them callers are sent away.
    pub queue: usize,
    /// What a hash costs today.
    pub parameters: Parameters,
}

impl Default for Options {
    /// One thread: signing has the other cores, and forty sign-ins a second are a company's.
    fn default() -> Self {
        Self { threads: 1, queue: 64, parameters: Parameters::default() }
    }
}

impl Options {
    /// The default on a machine of `cores`: a quarter of them.
    pub fn on(cores: usize) -> Self {
        Self { threads: (cores / 4).max(1), ..Self::default() }
    }
}

/// Too many passwords wait already: nothing was looked at, come again (503).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked: try again in a few seconds")]
pub struct Busy;

/// Compares passwords. Its threads end when it is dropped.
pub struct Passwords {
    shared: Arc<Shared>,
    options: Options,
    pub(super) nobody: Phc,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    closed: bool,
}

struct Job {
    password: PresentedPassword,
    work: Work,
}

/// What is done with a password.
enum Work {
    Compare { with: Phc, answer: oneshot::Sender<bool> },
    Hash { salt: Salt, answer: oneshot::Sender<Option<PasswordHash>> },
}

impl Job {
    /// Whoever asked has gone.
    fn is_closed(&self) -> bool {
        match &self.work {
            Work::Compare { answer, .. } => answer.is_closed(),
            Work::Hash { answer, .. } => answer.is_closed(),
        }
    }
}

impl Passwords {
    /// Starts the threads.
    pub fn start(options: Options, entropy: &dyn Entropy) -> io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), work: Condvar::new() });
        let nobody = Phc::of_nobody(options.parameters, random(entropy));
        let passwords = Self { shared, options, nobody };
        for number in 0..options.threads {
            let (shared, parameters) = (Arc::clone(&passwords.shared), options.parameters);
            thread::Builder::new().name(format!("password-{number}")).spawn(move || {
                yield_to_others();
                shared.run(parameters);
            })?;
        }
        Ok(passwords)
    }

    /// What a hash costs today.
    pub fn parameters(&self) -> Parameters {
        self.options.parameters
    }

    /// Whether `password` is that of `user`; `None` where the name is nobody's, which costs the
    /// same. Says nothing of whether he is disabled: that is to be looked at after this, so that
    /// only he learns it (50057).
    ///
    /// The outer error: nothing was looked at.
    pub async fn check(
        &self,
        user: Option<&User>,
        password: &PresentedPassword,
    ) -> Result<Result<VerifiedPassword, WrongPassword>, Busy> {
        let stored = user.and_then(|user| Some((user, user.password.as_ref()?)));
        let stored = stored.and_then(|(user, hash)| Some((user, hash, Phc::parse(&hash.0)?)));
        let compared_with = stored.as_ref().map_or(&self.nobody, |(_, _, phc)| phc).clone();
        let matches = self.ask(password.clone(), compared_with).await?;
        Ok(match stored {
            Some((user, hash, phc)) if matches => Ok(VerifiedPassword {
                tenant: user.tenant,
                user: user.id,
                hash: hash.clone(),
                outdated: phc.parameters != self.options.parameters,
            }),
            _ => Err(WrongPassword),
        })
    }

    pub(super) async fn ask(
        &self,
        password: PresentedPassword,
        compared_with: Phc,
    ) -> Result<bool, Busy> {
        let (answer, answered) = oneshot::channel();
        self.queue(Job { password, work: Work::Compare { with: compared_with, answer } })?;
        answered.await.map_err(|_| Busy)
    }

    /// The hash of a password that was right, with today's parameters and this salt. `None` only
    /// for parameters that Argon2 does not know.
    pub async fn hash(
        &self,
        password: PresentedPassword,
        salt: Salt,
    ) -> Result<Option<PasswordHash>, Busy> {
        let (answer, answered) = oneshot::channel();
        self.queue(Job { password, work: Work::Hash { salt, answer } })?;
        answered.await.map_err(|_| Busy)
    }

    fn queue(&self, job: Job) -> Result<(), Busy> {
        {
            let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.waiting.len() >= self.options.queue {
                // Those whose callers have gone take no place.
                state.waiting.retain(|job| !job.is_closed());
            }
            if state.waiting.len() >= self.options.queue {
                return Err(Busy);
            }
            state.waiting.push_back(job);
        }
        self.shared.work.notify_one();
        Ok(())
    }
}

impl Drop for Passwords {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        state.waiting.clear();
        self.shared.work.notify_all();
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Shared {
    fn run(&self, parameters: Parameters) {
        let mut memory = Memory::default();
        while let Some(job) = self.next() {
            if job.is_closed() {
                continue;
            }
            let password = job.password.expose();
            // Who has gone meanwhile needs no answer.
            match job.work {
                Work::Compare { with, answer } => {
                    let _ = answer.send(with.matches(password, &mut memory));
                }
                Work::Hash { salt, answer } => {
                    let made = Phc::make(password, salt, parameters, &mut memory);
                    let _ = answer.send(made.map(|phc| PasswordHash(phc.text())));
                }
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.closed {
                return None;
            }
            if let Some(job) = state.waiting.pop_front() {
                return Some(job);
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Lets every other thread go first: ten steps down, on Linux, where a thread has its own priority.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    {
        // A system that forbids it has its reasons; the passwords are compared all the same.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 10);
    }
}
