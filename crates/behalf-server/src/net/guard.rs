//! Watches over the connections of one core: closes those that are slow or silent for too long,
//! and the longest silent when there are too many.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum_server::accept::Accept;
use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

use super::{Bounds, request::Timed};

/// No request under way.
const IDLE: u64 = u64::MAX;

/// The open connections of one core.
#[derive(Debug)]
pub(super) struct Connections {
    bounds: Bounds,
    started: Instant,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
}

/// What is known of one connection. Times are milliseconds since the core started.
#[derive(Debug)]
pub(super) struct Connection {
    /// When bytes last went in or out.
    active: AtomicU64,
    /// Since when the other side owes something: the rest of a request (or we its answer), or the
    /// acceptance of bytes we want to send.
    pending: AtomicU64,
    /// HTTP/2: bytes that come in need not be part of a request, nor be answered.
    many: AtomicBool,
    closed: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Connection {
    /// From now on requests are timed one by one, by [`Timed`].
    pub(super) fn carries_many(&self) {
        if !self.many.swap(true, Ordering::Relaxed) {
            self.pending.store(IDLE, Ordering::Relaxed);
        }
    }

    /// The other side owes something since `now`, unless it did before.
    fn owed(&self, now: u64) {
        let (set, otherwise) = (Ordering::Relaxed, Ordering::Relaxed);
        // Fails when it was owed already.
        let _ = self.pending.compare_exchange(IDLE, now, set, otherwise);
    }
}

impl Connections {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, started: Instant::now(), open: Mutex::default() })
    }

    /// Closes, again and again, what has been slow or silent for too long.
    pub(super) async fn sweep(self: Arc<Self>) {
        let period = self.bounds.request.min(self.bounds.idle) / 4;
        let period = period.clamp(Duration::from_millis(2), Duration::from_secs(1));
        let mut ticks = tokio::time::interval(period);
        loop {
            ticks.tick().await;
            let now = self.now();
            let (request, idle) = (millis(self.bounds.request), millis(self.bounds.idle));
            self.close(|connection| {
                let pending = connection.pending.load(Ordering::Relaxed);
                let active = connection.active.load(Ordering::Relaxed);
                let slow = pending != IDLE && now.saturating_sub(pending) >= request;
                slow || now.saturating_sub(active) >= idle
            });
        }
    }

    /// Closes the longest silent sixty-fourth of all connections, sparing those that were active
    /// within a tenth of a request's time.
    pub(super) fn make_room(&self) {
        let spared = self.now().saturating_sub(millis(self.bounds.request / 10));
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let active = |connection: &Arc<Connection>| connection.active.load(Ordering::Relaxed);
        let mut silent: Vec<u64> =
            open.connections.values().map(active).filter(|at| *at <= spared).collect();
        drop(open);
        if silent.is_empty() {
            return;
        }
        let share = (silent.len() / 64).min(silent.len() - 1);
        let (_, oldest, _) = silent.select_nth_unstable(share);
        let oldest = *oldest;
        self.close(|connection| connection.active.load(Ordering::Relaxed) <= oldest);
    }

    /// Admits a connection; `None` when there are too many and none is silent.
    fn admit(&self) -> Option<(u64, Arc<Connection>)> {
        if self.count() >= self.bounds.connections {
            self.make_room();
        }
        let now = self.now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.connections.len() >= self.bounds.connections {
            return None;
        }
        let connection = Arc::new(Connection {
            active: AtomicU64::new(now),
            pending: AtomicU64::new(now),
            many: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        });
        let id = open.next;
        open.next += 1;
        open.connections.insert(id, Arc::clone(&connection));
        Some((id, connection))
    }

    fn close(&self, which: impl Fn(&Connection) -> bool) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let closed: Vec<_> =
            open.connections.extract_if(|_, connection| which(connection)).collect();
        drop(open);
        for (_, connection) in closed {
            connection.closed.store(true, Ordering::Release);
            connection.reader.wake();
            connection.writer.wake();
        }
    }

    fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).connections.len()
    }

    fn forget(&self, id: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).connections.remove(&id);
    }

    fn now(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Admits connections to a core.
#[derive(Debug, Clone)]
pub(super) struct Guard(Arc<Connections>);

impl Guard {
    pub(super) fn new(connections: Arc<Connections>) -> Self {
        Self(connections)
    }
}

impl<S> Accept<TcpStream, S> for Guard {
    type Stream = Guarded;
    type Service = Timed<S>;
    type Future = std::future::Ready<io::Result<(Guarded, Timed<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Some((id, connection)) = self.0.admit() else {
            return std::future::ready(Err(io::Error::other("too many connections")));
        };
        let service = Timed {
            inner: service,
            connection: Arc::clone(&connection),
            request: self.0.bounds.request,
        };
        let connections = Arc::clone(&self.0);
        let guarded = Guarded { stream, id, connection, connections };
        // Answers are written at once; waiting for more would only delay them.
        std::future::ready(guarded.stream.set_nodelay(true).map(|()| (guarded, service)))
    }
}

/// A connection that notes when it was active and ends when it is told to.
#[derive(Debug)]
pub(super) struct Guarded {
    stream: TcpStream,
    id: u64,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Guarded {
    fn check(&self) -> io::Result<()> {
        if self.connection.closed.load(Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "closed: slow or silent too long"));
        }
        Ok(())
    }

    /// Bytes came in: a request is under way, since now unless it was before.
    fn came_in(&self) {
        let now = self.connections.now();
        self.connection.active.store(now, Ordering::Relaxed);
        if !self.connection.many.load(Ordering::Relaxed) {
            self.connection.owed(now);
        }
    }

    /// Bytes went out: it was answered.
    fn went_out(&self) {
        self.connection.active.store(self.connections.now(), Ordering::Relaxed);
        self.connection.pending.store(IDLE, Ordering::Relaxed);
    }

    fn written(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &outcome {
            Poll::Ready(Ok(1..)) => self.went_out(),
            Poll::Ready(_) => {}
            Poll::Pending => self.connection.owed(self.connections.now()),
        }
        outcome
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Registered before the check: whoever closes in between wakes us.
        self.connection.reader.register(cx.waker());
        self.check()?;
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.came_in();
        }
        outcome
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection.writer.register(cx.waker());
        self.check()?;
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection.writer.register(cx.waker());
        self.check()?;
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.written(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.connections.forget(self.id);
    }
}
