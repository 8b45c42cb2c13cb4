//! `docs/reference/errors.md` is written from the catalogue. This test fails when they differ and
//! leaves the right page beside the build.

use std::fmt::Write as _;
use std::path::Path;

use behalf_protocol::error::AadSts;

const INTRODUCTION: &str = "\
# Errors

<!-- Written from crates/behalf-protocol/src/error/aadsts/table.rs; its test `errors_page` fails when they differ. -->

Every refusal of the token endpoint, of the device code endpoint and of metadata is one JSON object:

```json
{
  \"error\": \"invalid_client\",
  \"error_description\": \"AADSTS7000215: <what happened and what to do> Trace ID: <guid> Correlation ID: <guid> Timestamp: 2026-11-22 12:42:20Z\",
  \"error_codes\": [7000215],
  \"timestamp\": \"2026-11-22 12:42:20Z\",
  \"trace_id\": \"<guid>\",
  \"correlation_id\": \"<guid>\",
  \"error_uri\": \"https://<this server>/error?code=7000215\"
}
```

- Programs branch on `error`; the numbers are for people and for searching.
- `trace_id` is also the header `x-ms-request-id`, and `behalf log --request <trace_id>` shows the request with every check and the first that failed.
- `correlation_id` is the `client-request-id` the client sent, when it was a GUID.
- `error_uri` is absent where the table says so, as in Entra.
- The same number can come with two values of `error` or two statuses; all are listed.
- `suberror` tells clients that a user must act (`consent_required`, `basic_action`) or that a refresh token is worthless (`bad_token`). `claims`, when present, is a string of JSON to send back to the authorization endpoint.
- The authorization endpoint sends `error`, `error_description` and `state` to the redirect URI once client and URI are trusted, and shows a page before; the status is that of the page.

";

fn page() -> String {
    let mut kinds = AadSts::ALL.to_vec();
    kinds.sort_by_key(|kind| kind.code());
    let mut page = INTRODUCTION.to_owned();
    page.push_str(
        "| code | `error` | `suberror` | status | `error_uri` |\n| --- | --- | --- | --- | --- |\n",
    );
    for kind in &kinds {
        let (code, error, status) = (kind.code(), kind.oauth().as_str(), kind.status());
        let uri = if kind.has_error_uri() { "yes" } else { "no" };
        let suberror = kind.suberror().map_or_else(String::new, |name| format!("`{name}`"));
        let _ = writeln!(
            page,
            "| [{code}](#aadsts{code}) | `{error}` | {suberror} | {status} | {uri} |"
        );
    }
    for same_code in kinds.chunk_by(|a, b| a.code() == b.code()) {
        let code = same_code.first().map_or(0, |kind| kind.code());
        let _ = write!(page, "\n## AADSTS{code}\n");
        for kind in same_code {
            let (error, status) = (kind.oauth().as_str(), kind.status());
            let _ = write!(page, "\n`{error}`, {status}. {}\n\n{}\n", kind.cause(), kind.fix());
        }
    }
    page
}

#[test]
fn the_reference_page_is_the_catalogue() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/errors.md");
    let expected = page();
    if std::fs::read_to_string(&kept).ok().as_deref() == Some(&expected) {
        return;
    }
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("errors.md");
    std::fs::write(&written, &expected).expect("the build's temporary directory is writable");
    panic!(
        "docs/reference/errors.md is not the catalogue: cp {} {}",
        written.display(),
        kept.display()
    );
}
