//! Connections: how each is made and what holds on it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::ClientWrapper;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_postgres::{AsyncMessage, Client, Config, Error, config::TargetSessionAttrs};
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

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    hosts: u32,
    /// What is said first on each.
    session: Arc<str>,
    /// The deployment's schema, also its channel of news.
    pub(super) schema: String,
}

impl Connector {
    pub(super) fn new(options: &Options) -> Result<Self, OpenError> {
        let mut config = Config::clone(&options.config);
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
        let (schema, milliseconds) = (options.schema.clone(), |time: Duration| time.as_millis());
        // Not startup options: poolers drop those.
        let session = format!(
            "SET search_path TO {schema}; SET statement_timeout TO {}; SET lock_timeout TO {}; \
             SET idle_in_transaction_session_timeout TO {}; \
             SET default_transaction_isolation TO 'read committed'",
            milliseconds(STATEMENT),
            milliseconds(LOCK),
            milliseconds(IDLE),
        );
        let tls = tls::connector(options)?;
        Ok(Self { config, tls, hosts: options.hosts(), session: session.into(), schema })
    }

    /// Makes a connection; what the server says beside its answers goes to `heard`.
    pub(super) async fn connect(
        &self,
        mut heard: impl FnMut(AsyncMessage) + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), Error> {
        let (client, mut connection) = self.config.connect(self.tls.clone()).await?;
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
        CONNECT * self.hosts.clamp(1, 3)
    }
}
