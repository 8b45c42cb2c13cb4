//! The database that holds the directory: named by a URL, opened as a backend of the store.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

#[cfg(feature = "postgres")]
use behalf_store::postgres;
#[cfg(feature = "postgres")]
pub use behalf_store::postgres::{Node, Schema, Standby, Survey};
use behalf_store::{Backend, sqlite};

/// A database as a URL names it. `Debug` and `Display` show no password.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// SQLite: a file of this process alone.
    Sqlite(PathBuf),
    /// PostgreSQL, or what speaks its wire: shared by many nodes.
    #[cfg(feature = "postgres")]
    Postgres(postgres::Options),
}

/// Why a text names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADatabase {
    /// Another scheme.
    #[error("not a URL that begins with sqlite:/// or postgres://")]
    Scheme,
    /// What a relative path meant would depend on where the server is started.
    #[error("not an absolute path of a file")]
    RelativePath,
    /// SQLite's URL is a path and nothing else.
    #[error("the path holds ?, # or %, which this URL cannot have")]
    NotPlain,
    /// PostgreSQL's URL is wrong.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Postgres(#[from] postgres::UrlError),
    /// Left out when this program was built.
    #[cfg(not(feature = "postgres"))]
    #[error("this program was built without PostgreSQL (cargo feature `postgres`)")]
    NoPostgres,
}

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
}

impl Database {
    /// The database of `sqlite:///absolute/path` or `postgres://user:password@host/name`.
    pub fn parse(url: &str) -> Result<Self, NotADatabase> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            #[cfg(feature = "postgres")]
            return Ok(Self::Postgres(postgres::Options::parse(url)?));
            #[cfg(not(feature = "postgres"))]
            return Err(NotADatabase::NoPostgres);
        }
        let path = url.strip_prefix("sqlite://").ok_or(NotADatabase::Scheme)?;
        if !path.starts_with('/') || path.ends_with('/') {
            return Err(NotADatabase::RelativePath);
        }
        if path.contains(['?', '#', '%']) {
            return Err(NotADatabase::NotPlain);
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }

    /// Its file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => None,
        }
    }

    /// Opens it; a file that is missing is made, a database's schema is brought up to date.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "a file opens at once, a server does not")
    )]
    pub async fn open(&self) -> Result<Arc<dyn Backend>, OpenError> {
        Ok(match self {
            Self::Sqlite(path) => Arc::new(sqlite::Sqlite::open(path)?),
            #[cfg(feature = "postgres")]
            Self::Postgres(options) => Arc::new(postgres::Postgres::open(options).await?),
        })
    }
}

#[cfg(feature = "postgres")]
impl Database {
    /// What the server that has it says of itself; nothing is changed. `None`: it is a file.
    pub async fn survey(&self) -> Option<Result<Survey, OpenError>> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(options) => {
                Some(postgres::survey(options).await.map_err(OpenError::from))
            }
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            #[cfg(feature = "postgres")]
            Self::Postgres(options) => write!(f, "postgres://{}", options.place()),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
