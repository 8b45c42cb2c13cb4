//! A schema of its own for each test, in the database that `BEHALF_TEST_POSTGRES` names.

use std::sync::atomic::{AtomicU32, Ordering};

use behalf_store::postgres::Options;
use tokio_postgres::{Client, NoTls};

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// The database's URL.
#[expect(clippy::disallowed_methods, reason = "how ./test names its cluster")]
pub(crate) fn url() -> String {
    let named = std::env::var("BEHALF_TEST_POSTGRES");
    assert!(named.is_ok(), "BEHALF_TEST_POSTGRES names no database: run ./test postgres");
    named.unwrap()
}

/// A connection beside the backend's.
pub(crate) async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The name of a schema that is not there yet.
pub(crate) async fn fresh() -> String {
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let schema = format!("test_{}_{number}", std::process::id());
    let drop = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
    client(&url()).await.batch_execute(&drop).await.unwrap();
    schema
}

/// The database with this schema.
pub(crate) fn options(schema: &str) -> Options {
    Options::parse(&format!("{}?schema={schema}", url())).unwrap()
}
