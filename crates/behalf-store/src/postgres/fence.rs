//! Whether a batch whose `COMMIT` was sent but not answered happened.
//!
//! Every transaction inserts a row of its own, (writer, n). To ask, the same row is inserted as a
//! fence, on another connection:
//!
//! - It is there already: the transaction happened, and the row says which number the counter had.
//! - It is not: the fence is there now, and the transaction, should its server still be at it, fails
//!   on it. It did not happen and never can.
//! - The transaction is still under way: the insert waits for its end and then knows.
//!
//! The answer to the fence may be lost too; asked again it is the same, because a row tells whether
//! it is a transaction's or a fence. And the fence always writes, so that its own commit waits for
//! the synchronous standby: what it reports as committed is on the standby as well, which the lost
//! `COMMIT` may not have waited for.

use tokio_postgres::Error;
use uuid::Uuid;

use super::connection::Link;
use crate::stored::counted;

const FENCE: &str = "INSERT INTO batch (writer, n, seq, fenced) VALUES ($1, $2, 0, TRUE)
     ON CONFLICT (writer, n) DO UPDATE SET asked = TRUE RETURNING fenced, seq";

/// Settles batch `n` of `writer`: the counter as the batch left it, or `None` if the batch did not
/// happen and never can.
pub(super) async fn settle(link: &Link, writer: Uuid, n: i64) -> Result<Option<u64>, Error> {
    let statement = link.prepare_cached(FENCE).await?;
    let row = link.query_one(&statement, &[&writer, &n]).await?;
    let fenced: bool = row.try_get(0)?;
    Ok(if fenced { None } else { Some(counted(row.try_get(1)?)) })
}
