//! What a running server is made of. Everything a handler needs arrives through [`Core`]; nothing
//! is a static.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use behalf_core::{
    event::{ClientRef, Grant, SignInEvent},
    id::RequestId,
    pairwise::PairwiseKey,
    secret::Pepper,
};
use behalf_protocol::error::AadSts;
use behalf_store::{ReadError, Standing, Store};
use http::{Extensions, HeaderMap, Response, Uri};

use crate::{
    clock::SharedClock,
    device_grants::DeviceGrants,
    discovery::Metadata,
    entropy::{RequestIds, SharedEntropy},
    error::ErrorAnswer,
    facts::{Facts, Remembered, TenantFacts},
    history::Ended,
    journal::{Destination, Journal, Lane, Shed, Tallies},
    keys::{KeyRing, LONGEST_TOKEN, MasterKey, Signer},
    limits::Limits,
    request::Circumstances,
    session::Authentication,
    telemetry::Metrics,
    tickets::Tickets,
    unserved,
};

/// One deployment's node: shared by all its cores.
#[derive(Debug)]
pub struct Server {
    /// `https://host[:port]`, in lower case, without a trailing slash.
    pub public_url: String,
    /// The public URL and the former ones: whom assertions may be addressed to.
    pub addressees: Vec<String>,
    /// What metadata answers are made of.
    pub metadata: Metadata,
    /// The time.
    pub clock: SharedClock,
    /// Randomness.
    pub entropy: SharedEntropy,
    /// The directory.
    pub store: Store,
    /// Since when what counts once was begun that counts: the last restore, or the last time that the
    /// database may have lost a use.
    pub ended: Arc<Ended>,
    /// What wraps what lies in the store, and seals backups of it.
    pub master: Arc<MasterKey>,
    /// The directory in memory.
    pub facts: Facts,
    /// Signing keys.
    pub keys: Arc<KeyRing>,
    /// The key of secret hashes.
    pub pepper: Arc<Pepper>,
    /// The key of pairwise subjects.
    pub pairwise: Arc<PairwiseKey>,
    /// Codes, refresh tokens, sessions.
    pub tickets: Tickets,
    /// Devices that wait for their users.
    pub(crate) device_grants: DeviceGrants,
    /// What users sign in with.
    pub authentication: Authentication,
    /// The sign-in log.
    pub journal: Journal,
    /// Where the sign-in log is shipped to, where nodes share one.
    pub shipping: Option<Destination>,
    /// Requests that were turned away undecided.
    pub tallies: Tallies,
    /// Rate limits.
    pub limits: Limits,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
    /// How long the database may be away before nothing is issued any more; zero: not at all.
    pub degraded_window: Duration,
    /// Who may read on an error page what happened.
    pub error_pages: ErrorPages,
}

/// Who may read on an error page what happened, where the text tells of the directory
/// (experience.md 2.6). Everybody sees the code, the ids and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorPages {
    /// Administrators of the directory that it is about.
    #[default]
    ForAdministrators,
    /// Everybody: in development there is nobody else.
    ForEverybody,
}

/// How long tokens live where the resource chose nothing.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// The least.
    pub base: Duration,
    /// Up to this much more, so that clients that started together do not renew together.
    pub jitter: Duration,
}

/// The shortest life of a token whose client and resource handle claims challenges.
const CHALLENGED_TOKEN: Duration = Duration::from_hours(20);

impl Server {
    /// The lifetime of the token of request `id`, whose random bits spread it evenly. Where client
    /// and resource handle claims challenges (`challenged`) it is 20 to 28 hours: the resource can
    /// end it at any time (protocol 8.8).
    pub(crate) fn token_lifetime(&self, id: RequestId, challenged: bool) -> Duration {
        let [.., a, b, c, d] = id.bytes();
        let random = u64::from(u32::from_be_bytes([a, b, c, d]));
        let (base, jitter) = if challenged {
            (CHALLENGED_TOKEN, LONGEST_TOKEN.saturating_sub(CHALLENGED_TOKEN))
        } else {
            (self.lifetimes.base, self.lifetimes.jitter)
        };
        let spread = Duration::from_secs(random % (jitter.as_secs() + 1));
        base.saturating_add(spread).min(LONGEST_TOKEN)
    }
}

/// Why it is not known which tenant a name names.
#[derive(Debug)]
pub(crate) enum Unresolved {
    /// Too many unknown names from one address; seconds to wait.
    Throttled(u64),
    /// The directory cannot be read.
    Unreadable(ReadError),
}

impl From<ReadError> for Unresolved {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error)
    }
}

/// Why a request is not granted, where `R` is what it can be refused for.
#[derive(Debug)]
pub(crate) enum Denied<R> {
    /// It was decided so.
    Refused(R),
    /// Too much was asked; seconds to wait.
    Throttled(u64),
    /// The store cannot be read or written: nothing was decided.
    Unavailable,
}

impl<R> From<ReadError> for Denied<R> {
    fn from(error: ReadError) -> Self {
        unserved::tell(&error, "a request could not read the directory");
        Self::Unavailable
    }
}

impl<R> From<Unresolved> for Denied<R> {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::Throttled(wait) => Self::Throttled(wait),
            Unresolved::Unreadable(error) => error.into(),
        }
    }
}

/// One core's share: the server, and what is the core's own.
#[derive(Debug)]
pub struct Core {
    /// The node.
    pub server: Arc<Server>,
    /// This core's queue of signatures.
    pub signer: Signer,
    /// This core's way into the journal.
    pub journal: Lane,
    ids: RequestIds,
}

impl Core {
    /// A core of `server` that signs with `signer`.
    pub fn new(server: Arc<Server>, signer: Signer) -> Self {
        let journal = server.journal.lane();
        let ids = RequestIds::new(Arc::clone(&server.entropy));
        Self { server, signer, journal, ids }
    }

    /// Gives a request its ids.
    pub(crate) fn circumstances(&self, parts: (&Uri, &HeaderMap, &Extensions)) -> Circumstances {
        let now = self.server.clock.now();
        let own = self.ids.next(now).0;
        Circumstances::of(self.ids.next(now), (now, self.server.clock.monotonic()), own, parts)
    }

    /// The tenant that `segment` names. A name that is not remembered is looked up, unless the
    /// caller's address has used up its share of requests that name nobody: who makes names up
    /// does not reach the store with each of them.
    pub(crate) async fn tenant(
        &self,
        segment: &str,
        request: &Circumstances,
    ) -> Result<Option<Arc<TenantFacts>>, Unresolved> {
        let Server { facts, limits, .. } = &*self.server;
        match facts.remembered_tenant(segment) {
            Remembered::Tenant(tenant) => Ok(Some(tenant)),
            Remembered::NoTenant => Ok(None),
            Remembered::Nothing => {
                match limits.failing(request.address, ClientRef::Absent, request.now) {
                    Some(wait) => Err(Unresolved::Throttled(wait)),
                    None => Ok(facts.read_tenant(segment).await?),
                }
            }
        }
    }

    /// Counts a request whose event is in the log and whose answer is about to leave.
    pub(crate) fn decided(&self, event: &SignInEvent, request: &Circumstances) {
        let metrics = &self.server.metrics;
        metrics.decided(event);
        // People think while their requests are under way.
        if event.grant != Grant::Authorize {
            let arrived = request.arrived;
            metrics.took(event.grant, self.server.clock.monotonic().saturating_sub(arrived));
        }
    }

    /// Answers a request that reaches no decision: counted, and logged once a second.
    pub(crate) fn turn_away(
        &self,
        kind: Shed,
        answer: &ErrorAnswer<'_>,
        request: &Circumstances,
    ) -> Response<Body> {
        self.server.tallies.count(kind, request.address);
        self.server.metrics.shed(kind.as_str());
        answer.respond(&self.server.public_url, request)
    }

    /// Whether what must be read or written anew can be begun.
    pub(crate) fn is_current(&self) -> bool {
        self.server.store.standing() == Standing::Current
    }

    /// Answers 503: nothing was decided, the client should come again.
    pub(crate) fn unavailable(&self, kind: Shed, request: &Circumstances) -> Response<Body> {
        // One to four seconds, by the id's random bits: clients do not come back all at once.
        let [.., last] = request.id.bytes();
        let answer = ErrorAnswer::of(AadSts::Unavailable).after(1 + u64::from(last % 4));
        self.turn_away(kind, &answer, request)
    }
}
