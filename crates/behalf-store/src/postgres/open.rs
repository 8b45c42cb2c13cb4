//! Opening: connect, look whom one talks to, migrate, listen.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};
use tokio_postgres::{Client, Error, SimpleQueryMessage, error::SqlState};
use uuid::Uuid;

use super::{
    Options,
    connection::{Connector, Link},
    history::{self, Past},
    migrate,
    news::{self, Listening},
    trouble,
    writer::Parts,
};
use crate::told::Told;

/// What the first connection may take: longer than later ones, of which more can be had.
const OPENING: Duration = Duration::from_secs(10);
/// The oldest server that has what is needed.
const OLDEST: i32 = 14;

/// Why a database was not opened. No message holds a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nobody answers there.
    #[error(
        "PostgreSQL cannot be reached at {place}: {cause}; see whether it runs, listens there and lets this host in"
    )]
    Unreachable {
        /// Hosts and database.
        place: String,
        /// What was found.
        cause: String,
    },
    /// The user or password.
    #[error(
        "PostgreSQL at {place} does not let the user in: {cause}; check user and password in storage.url and the server's pg_hba.conf"
    )]
    Access {
        /// Hosts and database.
        place: String,
        /// What was found.
        cause: String,
    },
    /// It is not the server it should be, or whoever signed its certificate is not trusted.
    #[error(
        "the certificate of PostgreSQL at {place} is not accepted: {cause}; the URL's host must be a name in it, and sslrootcert a PEM file of the authority that signed it"
    )]
    Certificate {
        /// Hosts and database.
        place: String,
        /// What was found.
        cause: String,
    },
    /// What is one session here is several there.
    #[error(
        "the pooler at {0} hands a connection to others between two transactions, expected one that keeps it for as long as it lasts: set it to session pooling, or name PostgreSQL itself in storage.url"
    )]
    Pooled(String),
    /// The database does not exist.
    #[error("PostgreSQL at {place}: {cause}; make it first: CREATE DATABASE … OWNER …")]
    NoDatabase {
        /// Hosts and database.
        place: String,
        /// What was found.
        cause: String,
    },
    /// Only standbys, or a database that was made read-only.
    #[error(
        "PostgreSQL at {0} does not take writes, expected a primary: name the primary, or every server of the cluster, in storage.url"
    )]
    ReadOnly(String),
    /// An old server.
    #[error("the database is {found}, expected PostgreSQL {OLDEST} or newer")]
    TooOld {
        /// What it calls itself.
        found: String,
    },
    /// A newer version migrated it.
    #[error(
        "the database has schema {found}, this version works with schemas up to {known}: use the version that migrated it or a newer one"
    )]
    Newer {
        /// Its schema.
        found: i64,
        /// The newest schema this version knows.
        known: i64,
    },
    /// A migration was applied that is not the one of that number.
    #[error(
        "the database's migration {number} is not the one this version knows: it was migrated by a build of its own; restore it from a backup"
    )]
    Edited {
        /// The migration.
        number: i64,
    },
    /// The user may not make what is needed, or not use what somebody else made.
    #[error(
        "the database does not let its user make or use the schema: {0}; use the role that owns the schema, or where there is none let the user own the database or GRANT CREATE ON DATABASE"
    )]
    Privilege(String),
    /// Whom to trust is not known.
    #[error(
        "{from}: {cause}; sslrootcert names a PEM file of the authority that signed the database's certificate"
    )]
    Roots {
        /// The file.
        from: String,
        /// What was found.
        cause: String,
    },
    /// The database refused something else.
    #[error("the database cannot be opened: {0}")]
    Failed(String),
    /// No thread.
    #[error("the thread of the database's connections cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// What opening found.
pub(super) struct Opened {
    pub(super) parts: Parts,
    /// The connection that listens, where the database can.
    pub(super) listening: Option<Listening>,
}

/// Opens the database: it is reachable, takes writes, is new enough and has the schema.
pub(super) async fn open(
    options: &Options,
    told: Told,
    away: Arc<AtomicBool>,
    news: Arc<Notify>,
    past: Arc<Past>,
) -> Result<Opened, OpenError> {
    let connector = Connector::new(options)?;
    let connect = connector.connect(|_| {});
    let unreachable = |cause: &str| {
        let (place, cause) = (options.place(), cause.to_owned());
        OpenError::Unreachable { place, cause }
    };
    let (client, driven) = timeout(OPENING, connect)
        .await
        .map_err(|_| unreachable("it does not answer"))?
        .map_err(|error| refused(options, &error))?;
    timeout(OPENING, no_pooler(options, &connector, &client))
        .await
        .map_err(|_| unreachable("it does not answer"))??;
    let mut link = Link::new(client, driven);
    let failed = |error: Error| OpenError::Failed(trouble::text(&error));
    look(&link).await?;
    migrate::migrate(&mut link, &options.schema).await?;
    let id: Uuid = link
        .query_one("SELECT gen_random_uuid()", &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    tidy(&link).await.map_err(failed)?;
    history::look(&link, id, &past).await.map_err(failed)?;
    // What cannot listen is asked by the clock alone.
    let listening =
        timeout(OPENING, news::listen(&connector, &news)).await.ok().and_then(Result::ok);
    let channel = listening.is_some();
    Ok(Opened { parts: Parts { connector, told, away, news, channel, id, past }, listening })
}

/// Sees that no pooler gives the session of `client` to others between its transactions: what a
/// node prepares, sets and listens for would be lost there, or meet strangers.
pub(super) async fn no_pooler(
    options: &Options,
    connector: &Connector,
    client: &Client,
) -> Result<(), OpenError> {
    match keeps_session(connector, client).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenError::Pooled(options.place())),
        // A pooler of statements refuses transactions.
        Err(error) if error.code() == Some(&SqlState::PROTOCOL_VIOLATION) => {
            Err(OpenError::Pooled(options.place()))
        }
        Err(error) => Err(refused(options, &error)),
    }
}

async fn keeps_session(connector: &Connector, one: &Client) -> Result<bool, Error> {
    let (other, _driven) = connector.connect(|_| {}).await?;
    one.batch_execute("BEGIN").await?;
    let mine = session_of(one).await?;
    other.batch_execute("BEGIN").await?;
    one.batch_execute("COMMIT").await?;
    other.batch_execute("COMMIT").await?;
    // Whether a pooler hands out what was returned first or last, one of two is another's.
    Ok(session_of(one).await? == mine && session_of(one).await? == mine)
}

/// The server's process behind a connection. Nothing is prepared for it, which poolers confuse.
async fn session_of(client: &Client) -> Result<Option<String>, Error> {
    let said = client.simple_query("SELECT pg_backend_pid()").await?;
    Ok(said.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

/// Whom we talk to.
async fn look(link: &Link) -> Result<(), OpenError> {
    let failed = |error: Error| OpenError::Failed(trouble::text(&error));
    let row = link
        .query_one("SELECT version(), current_setting('server_version_num')", &[])
        .await
        .map_err(failed)?;
    let (name, number): (&str, &str) =
        (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
    if is_new_enough(name, number) {
        return Ok(());
    }
    Err(OpenError::TooOld { found: name.to_owned() })
}

/// Databases that speak PostgreSQL's wire give a PostgreSQL version too; CockroachDB always the
/// same one, whatever it can.
pub(super) fn is_new_enough(name: &str, number: &str) -> bool {
    let major = number.parse::<i32>().unwrap_or(0) / 10_000;
    major >= OLDEST || name.starts_with("CockroachDB")
}

/// Removes what writers left behind that are long gone. A row is of use for the seconds in which
/// its writer may ask for it.
async fn tidy(link: &Link) -> Result<u64, Error> {
    link.execute("DELETE FROM batch WHERE at < now() - INTERVAL '7 days'", &[]).await
}

/// What a refused connection means.
pub(super) fn refused(options: &Options, error: &Error) -> OpenError {
    let (place, cause) = (options.place(), trouble::text(error));
    let Some(code) = error.code() else {
        let source: Option<&io::Error> =
            std::error::Error::source(error).and_then(|source| source.downcast_ref());
        if source.is_some_and(|io| io.kind() == io::ErrorKind::PermissionDenied)
            && cause.contains("does not allow writes")
        {
            return OpenError::ReadOnly(place);
        }
        let within = source.and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref());
        if let Some(rustls::Error::InvalidCertificate(_)) = within {
            return OpenError::Certificate { place, cause };
        }
        if cause.contains("password") {
            return OpenError::Access { place, cause };
        }
        return OpenError::Unreachable { place, cause };
    };
    if *code == SqlState::INVALID_CATALOG_NAME {
        return OpenError::NoDatabase { place, cause };
    }
    if code.code().starts_with("28") {
        return OpenError::Access { place, cause };
    }
    OpenError::Unreachable { place, cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_told_from_others_that_speak_the_wire() {
        assert!(is_new_enough("PostgreSQL 15.3 (Debian 15.3-1)", "150003"));
        assert!(is_new_enough("PostgreSQL 14.0 on x86_64", "140000"));
        assert!(is_new_enough("CockroachDB CCL v25.2.0", "130000"));
        assert!(is_new_enough("PostgreSQL 15.12-YB-2025.1.0.0-b0", "150012"));
        assert!(!is_new_enough("PostgreSQL 13.9", "130009"));
        assert!(!is_new_enough("PostgreSQL 11.2-YB-2.20", "110002"));
        assert!(!is_new_enough("Something", "new"));
    }
}
