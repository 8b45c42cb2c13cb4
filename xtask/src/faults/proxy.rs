//! A TCP proxy before the database that delays, hangs, refuses and cuts.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What happens to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They go through.
    Pass,
    /// They go through after this long.
    Delay(Duration),
    /// They wait, for as long as this lasts; nobody is told.
    Hang,
    /// There are none: every connection is closed, and each new one at once.
    Refuse,
}

#[derive(Debug, Clone, Copy)]
struct Order {
    mode: Mode,
    /// Connections of an older generation are closed.
    generation: u64,
}

#[derive(Debug)]
struct Shared {
    orders: watch::Receiver<Order>,
    /// Bytes that still go through towards the database before its connection is cut; the maximum:
    /// no limit.
    budget: AtomicU64,
    /// Whether what is said on connections that `LISTEN` is lost.
    deaf: AtomicBool,
}

/// A listening proxy; stops when dropped.
pub(crate) struct Proxy {
    /// Where nodes connect.
    pub(crate) address: SocketAddr,
    orders: watch::Sender<Order>,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Stands before `target`.
    pub(crate) async fn start(target: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (orders, receiver) = watch::channel(Order { mode: Mode::Pass, generation: 0 });
        let shared = Arc::new(Shared {
            orders: receiver,
            budget: AtomicU64::new(u64::MAX),
            deaf: AtomicBool::new(false),
        });
        let given = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, target, Arc::clone(&given)));
            }
        });
        Ok(Self { address, orders, shared, accepting })
    }

    /// From now on, also on connections that are open.
    pub(crate) fn set(&self, mode: Mode) {
        self.orders.send_modify(|order| order.mode = mode);
    }

    /// Closes every connection there is; new ones are as the mode says.
    pub(crate) fn cut(&self) {
        self.orders.send_modify(|order| order.generation += 1);
    }

    /// Lets `bytes` through towards the database, then cuts the connection that had the last one,
    /// once.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.shared.budget.store(bytes, Ordering::SeqCst);
    }

    /// Loses what the database says on connections that `LISTEN`, without closing them.
    pub(crate) fn deafen(&self, deaf: bool) {
        self.shared.deaf.store(deaf, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.set(Mode::Refuse);
    }
}

async fn carry(client: TcpStream, target: SocketAddr, shared: Arc<Shared>) {
    let mut orders = shared.orders.clone();
    let generation = orders.borrow().generation;
    if orders.borrow().mode == Mode::Refuse {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    drop((client.set_nodelay(true), server.set_nodelay(true)));
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let listens = AtomicBool::new(false);
    let (up, down) = (Pump::new(&shared, &listens), Pump::new(&shared, &listens));
    tokio::select! {
        () = up.up(from_client, to_server) => {}
        () = down.down(from_server, to_client) => {}
        _ = orders.wait_for(|o| o.generation != generation || o.mode == Mode::Refuse) => {}
    }
}

/// One direction of a connection.
struct Pump<'a> {
    shared: &'a Shared,
    listens: &'a AtomicBool,
    orders: watch::Receiver<Order>,
}

impl<'a> Pump<'a> {
    fn new(shared: &'a Shared, listens: &'a AtomicBool) -> Self {
        Self { shared, listens, orders: shared.orders.clone() }
    }

    async fn up(mut self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut buffer = vec![0; 16 << 10];
        while let Some(length) = self.read(&mut from, &mut buffer).await {
            let bytes = buffer.get(..length).unwrap_or_default();
            if bytes.windows(6).any(|word| word.eq_ignore_ascii_case(b"listen")) {
                self.listens.store(true, Ordering::SeqCst);
            }
            let (through, cut) = self.spend(length);
            let sent = to.write_all(bytes.get(..through).unwrap_or_default()).await;
            if sent.is_err() || cut {
                return;
            }
        }
    }

    async fn down(mut self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut buffer = vec![0; 16 << 10];
        while let Some(length) = self.read(&mut from, &mut buffer).await {
            let lost =
                self.listens.load(Ordering::SeqCst) && self.shared.deaf.load(Ordering::SeqCst);
            let bytes = buffer.get(..length).unwrap_or_default();
            if !lost && to.write_all(bytes).await.is_err() {
                return;
            }
        }
    }

    /// Bytes, once they may go on; `None` at the end.
    async fn read(&mut self, from: &mut (impl AsyncRead + Unpin), to: &mut [u8]) -> Option<usize> {
        let length = from.read(to).await.ok().filter(|length| *length > 0)?;
        let mode = self.orders.borrow_and_update().mode;
        if let Mode::Delay(delay) = mode {
            tokio::time::sleep(delay).await;
        }
        self.orders.wait_for(|order| order.mode != Mode::Hang).await.ok()?;
        Some(length)
    }

    /// How much of `length` goes through, and whether the connection ends there.
    fn spend(&self, length: usize) -> (usize, bool) {
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        let spent = self.shared.budget.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            match left {
                u64::MAX => None,
                left if left > wanted => Some(left - wanted),
                // The cut is made now, and only once.
                _ => Some(u64::MAX),
            }
        });
        match spent {
            Ok(left) if left <= wanted => (usize::try_from(left).unwrap_or(length), true),
            _ => (length, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    /// What comes back of `said` within a moment: `None` when the connection is closed.
    async fn say(stream: &mut TcpStream, said: &str) -> Option<String> {
        stream.write_all(said.as_bytes()).await.ok()?;
        let mut heard = vec![0; 64];
        match tokio::time::timeout(MOMENT, stream.read(&mut heard)).await {
            Ok(Ok(0) | Err(_)) => None,
            Ok(Ok(length)) => Some(String::from_utf8(heard[..length].to_vec()).unwrap()),
            Err(_) => Some(String::new()),
        }
    }

    #[tokio::test]
    async fn it_passes_hangs_and_goes_on() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(say(&mut stream, "a").await.as_deref(), Some("a"));
        proxy.set(Mode::Hang);
        assert_eq!(say(&mut stream, "b").await.as_deref(), Some(""));
        proxy.set(Mode::Pass);
        let mut rest = [0];
        stream.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"b", "what hung is not lost");
    }

    #[tokio::test]
    async fn it_refuses_and_cuts() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(say(&mut stream, "a").await.as_deref(), Some("a"));
        proxy.cut();
        assert_eq!(say(&mut stream, "b").await, None);
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(say(&mut stream, "c").await.as_deref(), Some("c"), "a new one passes");
        proxy.set(Mode::Refuse);
        assert_eq!(say(&mut stream, "d").await, None);
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(say(&mut stream, "e").await, None);
    }

    #[tokio::test]
    async fn it_cuts_in_the_middle_once() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        proxy.cut_after(5);
        assert_eq!(say(&mut stream, "abc").await.as_deref(), Some("abc"));
        let _ = say(&mut stream, "defg").await;
        assert_eq!(say(&mut stream, "h").await, None, "cut after five bytes");
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(say(&mut stream, "a long line").await.as_deref(), Some("a long line"));
    }

    #[tokio::test]
    async fn it_loses_what_a_listener_would_hear() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        proxy.deafen(true);
        let mut other = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(say(&mut other, "select").await.as_deref(), Some("select"));
        let mut listener = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(say(&mut listener, "LISTEN news").await.as_deref(), Some(""));
        proxy.deafen(false);
        assert_eq!(say(&mut listener, "x").await.as_deref(), Some("x"));
    }
}
