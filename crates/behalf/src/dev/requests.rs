//! One line for each request, for a person who watches.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use behalf_core::time::Timestamp;
use behalf_server::clock::SharedClock;

use crate::output;

/// Longest path that is shown.
const PATH_MAX: usize = 100;

/// Tells of the request once it is answered.
pub(crate) async fn tell(
    State(clock): State<SharedClock>,
    request: Request,
    next: Next,
) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let began = clock.monotonic();
    let response = next.run(request).await;
    let took = clock.monotonic().saturating_sub(began);
    output::note(&format!(
        "{}  {method} {}  {}  {:.1} ms",
        time_of_day(clock.now()),
        shown(&path),
        response.status().as_u16(),
        took.as_secs_f64() * 1e3
    ));
    response
}

/// UTC, to the second.
fn time_of_day(now: Timestamp) -> String {
    let seconds = now.unix_seconds().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A path as a terminal may show it: what a stranger sends must not steer it.
fn shown(path: &str) -> String {
    path.chars().take(PATH_MAX).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_plain() {
        assert_eq!(time_of_day(Timestamp(1_790_000_000_123)), "14:13:20Z");
        assert_eq!(shown("/acme.test\x1b[2J\u{202e}"), "/acme.test?[2J?");
        assert_eq!(shown(&"/".repeat(500)).len(), PATH_MAX);
    }
}
