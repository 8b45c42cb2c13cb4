use std::sync::{
    Mutex,
    mpsc::{Receiver, SyncSender, sync_channel},
};

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written at `level` while `logging` runs.
fn written(level: Level, human: bool, logging: impl FnOnce(&Logging)) -> String {
    let sink = Sink::default();
    let (log, subscriber) = Logging::to(sink.clone(), level, (human, false)).unwrap();
    tracing::subscriber::with_default(subscriber, || logging(&log));
    log.output.flush(Duration::from_secs(10));
    sink.text()
}

#[test]
fn machines_get_one_json_object_a_line() {
    let text = written(Level::Info, false, |_| {
        tracing::info!(target: "behalf_server::net", port = 8443, "listening\nfor connections");
        tracing::warn!(target: "behalf_server::tls", "certificate refused");
    });
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["message"], "listening\nfor connections");
    assert_eq!(lines[0]["port"], 8443);
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[1]["target"], "behalf_server::tls");
}

#[test]
fn people_get_one_line_to_read() {
    let text = written(Level::Info, true, |_| {
        tracing::info!(target: "behalf_server", port = 8443, "listening");
        tracing::debug!(target: "behalf_server", "not at this level");
    });
    assert_eq!(text.lines().count(), 1);
    assert!(text.contains("INFO listening port=8443"), "{text}");
}

#[test]
fn lg_08_at_debug_the_libraries_below_stay_silent() {
    let text = written(Level::Debug, false, |_| {
        tracing::debug!(target: "behalf_server::token", "ours");
        tracing::debug!(target: "h2::codec", "authorization: canary-secret");
        tracing::info!(target: "hyper::proto", "client_secret=canary-secret");
        tracing::trace!(target: "behalf_server", "canary-secret");
        tracing::warn!(target: "rustls", "a warning of theirs");
    });
    assert!(!text.contains("canary-secret"), "{text}");
    assert!(text.contains("ours") && text.contains("a warning of theirs"));
}

#[test]
fn the_level_can_change_while_running() {
    let text = written(Level::Error, false, |log| {
        tracing::info!(target: "behalf_server", "before");
        assert!(log.set_level(Level::Info));
        tracing::info!(target: "behalf_server", "after");
    });
    assert!(!text.contains("before") && text.contains("after"), "{text}");
}

/// An output that says when it is written to and then waits to be let go.
struct Blocked {
    reached: SyncSender<()>,
    go: Receiver<()>,
    text: Sink,
}

impl Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.reached.try_send(());
        let _ = self.go.recv();
        self.text.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn f20_a_blocked_output_costs_lines_and_never_waits() {
    let (reached, at_the_sink) = sync_channel(1);
    let (release, go) = sync_channel(0);
    let text = Sink::default();
    let blocked = Blocked { reached, go, text: text.clone() };
    let (log, subscriber) = Logging::to(blocked, Level::Info, (false, false)).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(target: "behalf_server", "first");
        at_the_sink.recv().unwrap();
        for _ in 0..2_000 {
            tracing::info!(target: "behalf_server", "one of many");
        }
    });
    assert_eq!(log.dropped(), 2_000 - 1_024);
    assert_eq!(log.samples()[0].value.to_string(), "976");
    drop(release);
    log.output.flush(Duration::from_secs(10));
    assert!(text.text().contains(r#""log lines were dropped","lines":976}"#));
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn f20_a_closed_output_is_counted_and_nothing_else() {
    let (log, subscriber) = Logging::to(Closed, Level::Info, (true, false)).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..3 {
            tracing::info!(target: "behalf_server", "into the void");
        }
    });
    log.output.flush(Duration::from_secs(10));
    assert_eq!(log.dropped(), 3);
}

#[test]
fn a_line_is_bounded() {
    let text = written(Level::Info, false, |_| {
        tracing::info!(target: "behalf_server", text = "x".repeat(100_000), "long");
    });
    assert!(text.len() <= 8 * 1_024 + 1 && text.ends_with('\n'), "{}", text.len());
}

#[test]
fn words_are_parsed_and_others_refused() {
    assert_eq!("debug".parse(), Ok(Level::Debug));
    assert_eq!("trace".parse::<Level>(), Err(UnknownLevel));
    assert_eq!("json".parse(), Ok(Format::Json));
    assert_eq!("pretty".parse::<Format>(), Err(UnknownFormat));
}
