//! The schema: numbered migrations, embedded, each applied once in a transaction of its own.
//!
//! They expand and contract: a migration says from which schema on a version can still work with
//! it, so that a node of the version before runs on beside the first node of the next.

use std::{collections::BTreeMap, time::Duration};

use tokio_postgres::{Error, error::SqlState};

use super::{connection::Link, open::OpenError, survey::Schema, trouble};
use crate::stored::checksum;

struct Migration {
    number: i64,
    /// The oldest schema whose versions can work with this one.
    compatible_from: i64,
    text: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, compatible_from: 1, text: include_str!("migrations/0001_records.sql") },
    // Adds what the version before has no use for.
    Migration {
        number: 2,
        compatible_from: 1,
        text: include_str!("migrations/0002_sign_in_log.sql"),
    },
];

/// Tries to make the table of migrations where several nodes start at once.
const TRIES: u32 = 50;

const THERE: &str =
    "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'migration'";

/// A migration in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Applied {
    checksum: i64,
    compatible_from: i64,
}

/// The newest schema this version knows.
fn known() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

/// Brings the schema to what this version knows. Of several nodes that start at once one does, the
/// others wait for it.
pub(super) async fn migrate(link: &mut Link, schema: &str) -> Result<(), OpenError> {
    found(link, schema).await?;
    let applied = read(&*link, schema).await.map_err(failed)?;
    check(&applied)?;
    for migration in MIGRATIONS {
        if !applied.contains_key(&migration.number) {
            apply(link, migration).await?;
        }
    }
    Ok(())
}

/// What the schema is, without a change to it.
pub(super) async fn standing(link: &Link, schema: &str) -> Result<Schema, Error> {
    if link.query_opt(THERE, &[&schema]).await?.is_none() {
        return Ok(Schema { found: None, known: known(), refused: None });
    }
    let applied = read(link, schema).await?;
    let refused = check(&applied).err().map(|error| error.to_string());
    let found = applied.keys().last().copied().filter(|newest| *newest > 0);
    Ok(Schema { found, known: known(), refused })
}

/// Makes the schema and its table of migrations where they are not there yet. Row 0 is what is
/// locked.
async fn found(link: &Link, schema: &str) -> Result<(), OpenError> {
    let make = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         CREATE TABLE IF NOT EXISTS {schema}.migration (
             number BIGINT PRIMARY KEY, checksum BIGINT NOT NULL, compatible_from BIGINT NOT NULL);
         INSERT INTO {schema}.migration (number, checksum, compatible_from) VALUES (0, 0, 0)
             ON CONFLICT DO NOTHING"
    );
    let mut last = None;
    for _ in 0..TRIES {
        if link.query_opt(THERE, &[&schema]).await.map_err(failed)?.is_some() {
            return Ok(());
        }
        match link.batch_execute(&make).await {
            Ok(()) => return Ok(()),
            // Two who make the same at once meet in the catalogue, whatever IF NOT EXISTS says.
            Err(error) if is_race(&error) => last = Some(error),
            Err(error) => return Err(failed(error)),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(last.map_or_else(|| OpenError::Failed("the schema cannot be made".into()), failed))
}

fn is_race(error: &Error) -> bool {
    let races = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_SCHEMA,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    error.code().is_some_and(|code| races.contains(code))
}

/// The schema is named: who may not use it is told so, and not that there is no such table.
async fn read(
    client: &tokio_postgres::Client,
    schema: &str,
) -> Result<BTreeMap<i64, Applied>, Error> {
    let all = format!("SELECT number, checksum, compatible_from FROM {schema}.migration");
    let rows = client.query(&all, &[]).await?;
    let applied = |row: &tokio_postgres::Row| {
        let (checksum, compatible_from) = (row.try_get(1)?, row.try_get(2)?);
        Ok((row.try_get(0)?, Applied { checksum, compatible_from }))
    };
    rows.iter().map(applied).collect()
}

/// Whether this version can work with what was applied.
fn check(applied: &BTreeMap<i64, Applied>) -> Result<(), OpenError> {
    for (number, found) in applied.iter().filter(|(number, _)| **number > 0) {
        let migration = MIGRATIONS.iter().find(|migration| migration.number == *number);
        match migration {
            Some(migration) if checksum(migration.text) != found.checksum => {
                return Err(OpenError::Edited { number: *number });
            }
            None if found.compatible_from > known() => {
                return Err(OpenError::Newer { found: *number, known: known() });
            }
            _ => {}
        }
    }
    Ok(())
}

async fn apply(link: &mut Link, migration: &Migration) -> Result<(), OpenError> {
    let client: &mut tokio_postgres::Client = link;
    let transaction = client.transaction().await.map_err(failed)?;
    // A migration may take long, and so may waiting for one.
    transaction
        .batch_execute(
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
             SELECT number FROM migration WHERE number = 0 FOR UPDATE",
        )
        .await
        .map_err(failed)?;
    let done = "SELECT 1 FROM migration WHERE number = $1";
    if transaction.query_opt(done, &[&migration.number]).await.map_err(failed)?.is_some() {
        return Ok(());
    }
    transaction.batch_execute(migration.text).await.map_err(failed)?;
    let note = "INSERT INTO migration (number, checksum, compatible_from) VALUES ($1, $2, $3)";
    let sum = checksum(migration.text);
    let row: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&migration.number, &sum, &migration.compatible_from];
    transaction.execute(note, &row).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn failed(error: Error) -> OpenError {
    if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return OpenError::Privilege(trouble::text(&error));
    }
    OpenError::Failed(trouble::text(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(rows: &[(i64, i64, i64)]) -> BTreeMap<i64, Applied> {
        let row = |(number, checksum, compatible_from): &(i64, i64, i64)| {
            (*number, Applied { checksum: *checksum, compatible_from: *compatible_from })
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn migrations_are_numbered_without_gaps() {
        let numbers: Vec<_> = MIGRATIONS.iter().map(|migration| migration.number).collect();
        assert_eq!(numbers, (1..=known()).collect::<Vec<_>>());
    }

    #[test]
    fn a_newer_schema_that_is_compatible_is_no_obstacle() {
        assert!(check(&applied(&[(0, 0, 0), (known() + 1, 7, known())])).is_ok());
    }

    #[test]
    fn a_newer_schema_that_is_not_is_refused() {
        let next = known() + 1;
        let refused = check(&applied(&[(next, 7, next)])).unwrap_err();
        let said = format!(
            "the database has schema {next}, this version works with schemas up to {}: \
             use the version that migrated it or a newer one",
            known()
        );
        assert_eq!(refused.to_string(), said);
    }

    #[test]
    fn an_edited_migration_is_refused() {
        let refused = check(&applied(&[(1, 7, 1)]));
        assert!(matches!(refused, Err(OpenError::Edited { number: 1 })));
    }
}
