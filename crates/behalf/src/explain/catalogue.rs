//! The rows of the error catalogue, as they are told.

use std::fmt::Write as _;

use behalf_protocol::error::AadSts;
use serde::Serialize;

use crate::failure::{Exit, Failure};

/// One way to be refused with a number.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    code: u32,
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suberror: Option<&'static str>,
    status: u16,
    cause: &'static str,
    fix: &'static str,
}

/// Every way to be refused with this number.
pub(super) fn rows(code: u32) -> Result<Vec<Row>, Failure> {
    let rows: Vec<Row> = AadSts::by_code(code).map(row).collect();
    if rows.is_empty() { Err(unknown(&code.to_string())) } else { Ok(rows) }
}

fn row(kind: AadSts) -> Row {
    Row {
        code: kind.code(),
        error: kind.oauth().as_str(),
        suberror: kind.suberror(),
        status: kind.status(),
        cause: kind.cause(),
        fix: kind.fix(),
    }
}

/// A number that is not in the catalogue.
pub(super) fn unknown(code: &str) -> Failure {
    let what = format!("behalf has no code {code}: it is not among those it answers with");
    Failure::new(Exit::NotFound, what).fix("docs/reference/errors.md, which lists them")
}

/// The rows for people.
pub(super) fn text(code: u32, rows: &[Row]) -> String {
    let mut text = format!("AADSTS{code}\n");
    for row in rows {
        let suberror = row.suberror.map(|name| format!(" ({name})")).unwrap_or_default();
        let _ = write!(
            text,
            "\n  {}{suberror}, {}\n  {}\n  Fix: {}\n",
            row.error, row.status, row.cause, row.fix
        );
    }
    let _ =
        write!(text, "\nThe newest request that was refused so: behalf explain {code} --last\n");
    text
}
