//! A TCP balancer: round robin, passes a dead node over, can drain one.
//!
//! It knows nothing of what it carries. A connection that breaks with its node breaks for the
//! client too, as with any balancer that does not end TLS.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::clock;

/// How long a node may take to accept a connection.
const CONNECT: Duration = Duration::from_millis(500);

/// What stands behind it.
#[derive(Debug)]
struct Backend {
    name: String,
    address: Option<SocketAddr>,
    draining: bool,
    carried: usize,
    given: usize,
}

#[derive(Debug, Default)]
struct Backends {
    all: Vec<Backend>,
    next: usize,
}

/// A listening balancer; stops when dropped.
pub(crate) struct Balancer {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    backends: Arc<Mutex<Backends>>,
    accepting: JoinHandle<()>,
}

fn lock(backends: &Mutex<Backends>) -> MutexGuard<'_, Backends> {
    backends.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Balancer {
    /// Listens on a port that the system chooses.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let backends = Arc::new(Mutex::new(Backends::default()));
        let shared = Arc::clone(&backends);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, backends, accepting })
    }

    /// Sends connections to `name` at `address` from now on.
    pub(crate) fn put(&self, name: &str, address: SocketAddr) {
        let mut backends = lock(&self.backends);
        if let Some(known) = backends.all.iter_mut().find(|backend| backend.name == name) {
            known.address = Some(address);
            known.draining = false;
            return;
        }
        let name = name.to_owned();
        let (carried, given) = (0, 0);
        backends.all.push(Backend {
            name,
            address: Some(address),
            draining: false,
            carried,
            given,
        });
    }

    /// Sends `name` no new connections.
    pub(crate) fn drain(&self, name: &str) {
        let mut backends = lock(&self.backends);
        for backend in backends.all.iter_mut().filter(|backend| backend.name == name) {
            backend.draining = true;
        }
    }

    /// Waits until no connection of a drained node is left.
    pub(crate) async fn drained(&self, name: &str, bound: Duration) -> anyhow::Result<()> {
        clock::until(&format!("{name} is drained"), bound, async || {
            Ok((self.carried(name) == 0).then_some(()))
        })
        .await?;
        Ok(())
    }

    /// Open connections of a node.
    pub(crate) fn carried(&self, name: &str) -> usize {
        self.counts(name).0
    }

    /// Open connections of a node, and how many it was ever given.
    pub(crate) fn counts(&self, name: &str) -> (usize, usize) {
        let backends = lock(&self.backends);
        let found = backends.all.iter().find(|backend| backend.name == name);
        found.map_or((0, 0), |found| (found.carried, found.given))
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The next node that takes new connections; `tries` nodes were passed over before.
fn next(backends: &Mutex<Backends>) -> Option<(usize, SocketAddr)> {
    let mut backends = lock(backends);
    let count = backends.all.len();
    for _ in 0..count {
        let index = backends.next % count;
        backends.next = backends.next.wrapping_add(1);
        if let Some(Backend { address: Some(address), draining: false, .. }) =
            backends.all.get(index)
        {
            return Some((index, *address));
        }
    }
    None
}

async fn carry(mut client: TcpStream, backends: Arc<Mutex<Backends>>) {
    let tries = lock(&backends).all.len();
    for _ in 0..tries {
        let Some((index, address)) = next(&backends) else { return };
        let connected = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
        let Ok(Ok(mut node)) = connected else { continue };
        drop((client.set_nodelay(true), node.set_nodelay(true)));
        let _carried = Carried::new(&backends, index);
        drop(tokio::io::copy_bidirectional(&mut client, &mut node).await);
        return;
    }
}

/// Counts a connection for as long as it is carried.
struct Carried<'a> {
    backends: &'a Mutex<Backends>,
    index: usize,
}

impl<'a> Carried<'a> {
    fn new(backends: &'a Mutex<Backends>, index: usize) -> Self {
        if let Some(backend) = lock(backends).all.get_mut(index) {
            backend.carried += 1;
            backend.given += 1;
        }
        Self { backends, index }
    }
}

impl Drop for Carried<'_> {
    fn drop(&mut self) {
        if let Some(backend) = lock(self.backends).all.get_mut(self.index) {
            backend.carried -= 1;
        }
    }
}

/// An address nobody else has now. For programs that cannot be told to choose one themselves.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    Ok(listener.context("no free port")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Says its name to whoever connects, then closes.
    async fn sayer(name: &'static str) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(name.as_bytes()).await.unwrap();
            }
        });
        (address, task)
    }

    async fn heard(balancer: &Balancer) -> String {
        let mut stream = TcpStream::connect(balancer.address).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn it_goes_round_passes_the_dead_over_and_drains() {
        let balancer = Balancer::start().await.unwrap();
        assert_eq!(heard(&balancer).await, "", "nobody is there");
        let ((a, _a), (b, task)) = (sayer("a").await, sayer("b").await);
        balancer.put("a", a);
        balancer.put("b", b);
        let mut both = [heard(&balancer).await, heard(&balancer).await];
        both.sort();
        assert_eq!(both, ["a", "b"]);

        task.abort();
        let _ = task.await;
        assert_eq!([heard(&balancer).await, heard(&balancer).await], ["a", "a"]);

        let (b, _b) = sayer("b").await;
        balancer.put("b", b);
        balancer.drain("a");
        balancer.drained("a", Duration::from_secs(5)).await.unwrap();
        assert_eq!([heard(&balancer).await, heard(&balancer).await], ["b", "b"]);
    }
}
