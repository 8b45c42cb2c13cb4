//! Log lines on their way out: a bounded buffer and a thread that empties it.
//!
//! Whoever logs never waits. When what reads the log is slow or gone, lines are dropped and
//! counted, and the count is written as soon as writing works again.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait at most.
const LINES: usize = 1_024;
/// Longest line in bytes; what is beyond is cut.
const LINE_MAX: usize = 8 * 1_024;

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Where lines are put. Cloning shares the buffer.
#[derive(Clone)]
pub(super) struct Output {
    lines: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Output {
    /// Starts the thread that writes to `sink`, and says how many lines were dropped in words that
    /// `missing` makes of the number. It ends when the last `Output` is gone.
    pub(super) fn to(
        sink: impl Write + Send + 'static,
        missing: fn(u64) -> String,
    ) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&dropped);
        thread::Builder::new().name("log".into()).spawn(move || {
            write(sink, &waiting, (&count, missing));
        })?;
        Ok(Self { lines, dropped })
    }

    /// Lines dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was logged before is written, but no longer than `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let (done, wait) = sync_channel(1);
        let lines = self.lines.clone();
        // The buffer may be full behind a blocked output: then only this thread waits for room.
        let asked = thread::Builder::new().spawn(move || lines.send(Message::Flush(done)));
        if asked.is_ok() {
            let _: Result<(), RecvTimeoutError> = wait.recv_timeout(patience);
        }
    }
}

fn write(
    mut sink: impl Write,
    waiting: &Receiver<Message>,
    (dropped, missing): (&AtomicU64, fn(u64) -> String),
) {
    let mut reported = 0;
    while let Ok(message) = waiting.recv() {
        match message {
            Message::Line(line) => {
                // A closed output stays closed; its lines count as dropped.
                if sink.write_all(&line).and_then(|()| sink.flush()).is_err() {
                    dropped.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                let now = dropped.load(Ordering::Relaxed);
                if now > reported {
                    let _ = writeln!(sink, "{}", missing(now - reported));
                    reported = now;
                }
            }
            Message::Flush(done) => {
                let _ = done.try_send(());
            }
        }
    }
}

/// One line while it is being formatted.
pub(super) struct Line<'a> {
    output: &'a Output,
    text: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LINE_MAX.saturating_sub(self.text.len());
        self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut line = std::mem::take(&mut self.text);
        if line.is_empty() {
            return;
        }
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        match self.output.lines.try_send(Message::Line(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.output.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { output: self, text: Vec::with_capacity(256) }
    }
}
