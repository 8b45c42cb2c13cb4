//! What a database says of itself: facts for whoever judges whether it is fit to hold a directory.
//! Nothing is changed, not even the schema made.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_postgres::{Error, types::FromSqlOwned};

use super::{
    Options,
    connection::{Connector, Link},
    migrate,
    open::{self, OpenError},
};

/// What the whole of it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Round trips that are measured.
const TRIPS: u32 = 5;

/// Facts about a database. What is `None` it did not say: it has no such thing, or its user may
/// not see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Hosts and database.
    pub place: String,
    /// What the server calls itself.
    pub server: String,
    /// Whether that is new enough.
    pub new_enough: bool,
    /// Whether it keeps copies by itself (CockroachDB, YugabyteDB): it has no standbys.
    pub distributed: bool,
    /// Whether every host is this machine.
    pub local: bool,
    /// Whether this connection has TLS.
    pub tls: Option<bool>,
    /// What making the connection took.
    pub connect: Duration,
    /// The shortest of some round trips.
    pub round_trip: Duration,
    /// The server's clock at the end of the survey, in milliseconds since 1970.
    pub clock: i64,
    /// The deployment's schema.
    pub schema: Schema,
    /// `synchronous_commit`: when a commit is answered.
    pub synchronous_commit: Option<String>,
    /// `synchronous_standby_names`: who must have it by then.
    pub synchronous_standby_names: Option<String>,
    /// `fsync`: whether what is written is made durable.
    pub fsync: Option<String>,
    /// `full_page_writes`: whether a page that a crash tore can be made whole.
    pub full_page_writes: Option<String>,
    /// Connections there may be of users who are not superusers.
    pub max_connections: Option<i64>,
    /// Connections there are.
    pub connections: Option<i64>,
    /// The standbys that follow it.
    pub standbys: Option<Vec<Standby>>,
    /// The nodes that listen for its news.
    pub nodes: Option<Vec<Node>>,
}

/// The schema of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The newest migration applied; `None`: there is none yet.
    pub found: Option<i64>,
    /// The newest that this version knows.
    pub known: i64,
    /// Why this version cannot work with it.
    pub refused: Option<String>,
}

/// A standby, as the primary sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standby {
    /// Its `application_name`.
    pub name: String,
    /// `streaming`, `catchup`…; `None`: the user may not see it.
    pub state: Option<String>,
    /// `sync`, `quorum`, `potential` or `async`.
    pub sync_state: Option<String>,
    /// How far its answers lie behind.
    pub lag: Option<Duration>,
}

/// A node that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `behalf/` and its version.
    pub version: String,
    /// From where it comes; `None`: by a Unix socket.
    pub address: Option<String>,
}

/// Asks the database that `options` name. Needs a Tokio runtime.
pub async fn survey(options: &Options) -> Result<Survey, OpenError> {
    let connector = Connector::new(options)?;
    let begun = Instant::now();
    let late =
        |_| OpenError::Unreachable { place: options.place(), cause: "it does not answer".into() };
    let (client, driven) = timeout(PATIENCE, connector.connect(|_| {}))
        .await
        .map_err(late)?
        .map_err(|error| open::refused(options, &error))?;
    let connect = begun.elapsed();
    timeout(PATIENCE, open::no_pooler(options, &connector, &client)).await.map_err(late)??;
    let link = Link::new(client, driven);
    let asked = timeout(PATIENCE, ask(options, &link, connect)).await.map_err(late)?;
    asked.map_err(migrate::failed)
}

async fn ask(options: &Options, link: &Link, connect: Duration) -> Result<Survey, Error> {
    let server: String = link.query_one("SELECT version()", &[]).await?.try_get(0)?;
    let number = setting(link, "server_version_num").await.unwrap_or_default();
    let number_of = async |name| setting(link, name).await?.parse::<i64>().ok();
    let reserved = number_of("superuser_reserved_connections").await.unwrap_or(0);
    let mut round_trip = Duration::MAX;
    for _ in 0..TRIPS {
        let begun = Instant::now();
        link.query_one("SELECT 1", &[]).await?;
        round_trip = round_trip.min(begun.elapsed());
    }
    let schema = migrate::standing(link, &options.schema).await?;
    let (standbys, nodes) = (standbys(link).await, nodes(link, &options.schema).await);
    Ok(Survey {
        place: options.place(),
        new_enough: open::is_new_enough(&server, &number),
        distributed: server.starts_with("CockroachDB") || server.contains("-YB-"),
        server,
        local: options.is_local(),
        tls: one(link, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await,
        connect,
        round_trip,
        schema,
        synchronous_commit: setting(link, "synchronous_commit").await,
        synchronous_standby_names: setting(link, "synchronous_standby_names").await,
        fsync: setting(link, "fsync").await,
        full_page_writes: setting(link, "full_page_writes").await,
        max_connections: number_of("max_connections").await.map(|most| most - reserved),
        connections: one(
            link,
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'",
        )
        .await,
        standbys,
        nodes,
        // Last: the caller looks at his own clock next.
        clock: link
            .query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT", &[])
            .await?
            .try_get(0)?,
    })
}

/// A fact that not every database has.
async fn one<T: FromSqlOwned>(link: &Link, sql: &str) -> Option<T> {
    link.query_one(sql, &[]).await.ok()?.try_get(0).ok()
}

async fn setting(link: &Link, name: &str) -> Option<String> {
    let row = link.query_one("SELECT current_setting($1, TRUE)", &[&name]).await.ok()?;
    row.try_get(0).ok()?
}

async fn standbys(link: &Link) -> Option<Vec<Standby>> {
    let sql = "SELECT application_name, state, sync_state,
                      (extract(epoch FROM replay_lag) * 1000)::BIGINT
               FROM pg_stat_replication ORDER BY application_name";
    let rows = link.query(sql, &[]).await.ok()?;
    let standby = |row: &tokio_postgres::Row| -> Result<Standby, Error> {
        let lag = row.try_get::<_, Option<i64>>(3)?.and_then(|lag| u64::try_from(lag).ok());
        Ok(Standby {
            name: row.try_get::<_, Option<String>>(0)?.unwrap_or_default(),
            state: row.try_get(1)?,
            sync_state: row.try_get(2)?,
            lag: lag.map(Duration::from_millis),
        })
    };
    rows.iter().map(standby).collect::<Result<_, _>>().ok()
}

/// Each node has one connection that listens on the deployment's channel.
async fn nodes(link: &Link, schema: &str) -> Option<Vec<Node>> {
    let sql = "SELECT application_name, host(client_addr) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name LIKE 'behalf/%'
                 AND query = $1 ORDER BY 2, 1";
    let rows = link.query(sql, &[&super::news::listening(schema)]).await.ok()?;
    let node = |row: &tokio_postgres::Row| {
        Ok::<_, Error>(Node { version: row.try_get(0)?, address: row.try_get(1)? })
    };
    rows.iter().map(node).collect::<Result<_, _>>().ok()
}
