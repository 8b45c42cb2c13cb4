//! Connections: how each is made and what holds on it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::ClientWrapper;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, timeout, timeout_at},
};
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, Error, Socket, config::TargetSessionAttrs,
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Options, open::OpenError, tls, trouble::Trouble};

/// How long a connection may take to be made, for each host.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// What a statement may take; the server ends it itself.
const STATEMENT: Duration = Duration::from_secs(2);
/// What it may wait for a row: less, so that it is known what it waited for.
const LOCK: Duration = Duration::from_millis(1_500);
/// A transaction whose node has gone holds its rows no longer than this.
const IDLE: Duration = Duration::from_secs(5);
/// A peer that does not even acknowledge is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// A connection with its prepared statements. Dropping it closes the socket at once, whatever the
/// server owes: a server that hangs must not collect connections nobody waits for.
pub(super) type Link = ClientWrapper;

/// A host that has not let us in after this is not waited for alone: the next one is asked too. One
/// that hangs, or whose machine is gone, would otherwise keep everybody from its successor.
const TURN: Duration = Duration::from_millis(300);

/// A commit is durable before it is answered, whatever the server's own default says.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', FALSE)
     WHERE current_setting('synchronous_commit') = 'off'";

type Connected =
    (Client, Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    /// How to reach each host.
    hosts: Vec<Config>,
    tls: MakeRustlsConnect,
    /// What is said first on each.
    session: Arc<str>,
    /// How often the database let a connection wait for nothing.
    hangs: Arc<AtomicU64>,
    /// The deployment's schema, also its channel of news.
    pub(super) schema: String,
}

impl Connector {
    pub(super) fn new(options: &Options) -> Result<Self, OpenError> {
        let mut hosts = options.each_host();
        hosts.iter_mut().for_each(set);
        let (schema, milliseconds) = (options.schema.clone(), |time: Duration| time.as_millis());
        // Not startup options: poolers drop those.
        let session = format!(
            "SET search_path TO {schema}; SET statement_timeout TO {}; SET lock_timeout TO {}; \
             SET idle_in_transaction_session_timeout TO {}; \
             SET default_transaction_isolation TO 'read committed'; {DURABLE}",
            milliseconds(STATEMENT),
            milliseconds(LOCK),
            milliseconds(IDLE),
        );
        let tls = tls::connector(options)?;
        Ok(Self { hosts, tls, session: session.into(), hangs: Arc::default(), schema })
    }

    /// A connection did not answer in time: whatever hangs it hangs the others that were made before,
    /// and none of them should cost somebody else his deadline.
    pub(super) fn hung(&self) {
        self.hangs.fetch_add(1, Ordering::AcqRel);
    }

    /// Changes whenever connections that were made before are better made anew.
    pub(super) fn hangs(&self) -> u64 {
        self.hangs.load(Ordering::Acquire)
    }

    /// Makes a connection; what the server says beside its answers goes to `heard`.
    pub(super) async fn connect(
        &self,
        mut heard: impl FnMut(AsyncMessage) + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), Error> {
        let (client, mut connection) = self.first_that_answers().await?;
        let driven = tokio::spawn(async move {
            // An error closes the client, which says so to whoever uses it.
            while let Some(Ok(message)) =
                std::future::poll_fn(|context| connection.poll_message(context)).await
            {
                heard(message);
            }
        });
        client.batch_execute(&self.session).await?;
        Ok((client, driven))
    }

    /// Asks one host after another, and goes on to the next when one fails or takes its time.
    async fn first_that_answers(&self) -> Result<Connected, Error> {
        let (mut asked, mut hosts, mut failed) = (JoinSet::new(), self.hosts.iter(), None);
        loop {
            if let Some(config) = hosts.next().cloned() {
                let tls = self.tls.clone();
                asked.spawn(async move { config.connect(tls).await });
            }
            let patience = if hosts.len() > 0 { TURN } else { Duration::MAX };
            match timeout(patience, asked.join_next()).await {
                Ok(Some(Ok(Ok(connected)))) => return Ok(connected),
                Ok(Some(Ok(Err(error)))) => failed = Some(error),
                // It is slow, or its task came to no end of its own.
                Err(_) | Ok(Some(Err(_))) => {}
                Ok(None) => break,
            }
        }
        match failed {
            Some(error) => Err(error),
            // A URL names a host, so this is never asked; the driver has words for it.
            None => Config::new().connect(self.tls.clone()).await,
        }
    }

    /// A connection by `deadline`. `warned` is set when the server warns: of a commit that its
    /// standby may not have, for instance.
    pub(super) async fn link(
        &self,
        deadline: Instant,
        warned: &Arc<AtomicBool>,
    ) -> Result<Link, Trouble> {
        let warned = Arc::clone(warned);
        let heard = move |message| {
            if let AsyncMessage::Notice(notice) = message
                && notice.severity() == "WARNING"
            {
                warned.store(true, Ordering::Release);
            }
        };
        let limit = deadline.min(Instant::now() + self.patience());
        let connected = timeout_at(limit, self.connect(heard)).await;
        let (client, driven) = connected.map_err(|_| Trouble::overdue())??;
        Ok(ClientWrapper::new(client, driven))
    }

    /// What connecting may take where the first hosts do not answer.
    pub(super) fn patience(&self) -> Duration {
        CONNECT * u32::try_from(self.hosts.len()).unwrap_or(u32::MAX).clamp(1, 3)
    }
}

/// What holds for every host.
fn set(config: &mut Config) {
    config
        .application_name(concat!("behalf/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .keepalives(true)
        .keepalives_idle(UNACKNOWLEDGED)
        .keepalives_interval(Duration::from_secs(1))
        .keepalives_retries(3)
        .tcp_user_timeout(UNACKNOWLEDGED)
        // Never a standby: what it answers may be old.
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
}
