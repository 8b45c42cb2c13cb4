//! Listening: one single-threaded runtime per core, each with its own socket on the same port
//! (performance.md 2.1), TLS by [`crate::tls`], HTTP/1.1 and HTTP/2 within bounds.
//!
//! What arrives here is from anybody: the number of connections, the time for a handshake, a
//! request or an answer to get through, the size of headers and the streams of a connection are
//! all bounded (DS-01 to DS-06).

mod core;
mod forwarded;
mod guard;
mod listener;
mod request;

use std::{
    convert::Infallible, fmt, io, net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration,
};

use axum::{Router, body::Body};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::sync::watch;
use tower::Service;

use self::core::Core;

pub use self::forwarded::{Network, NotANetwork, Proxies};
use crate::tls::Tls;

/// Why the server does not listen, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// Another process has the port.
    #[error("port {} is in use on {}", .0.port(), .0.ip())]
    AddressInUse(SocketAddr),
    /// The port is one for which the process needs a privilege.
    #[error(
        "not allowed to listen on {0}; use a port above 1023, or give the process CAP_NET_BIND_SERVICE"
    )]
    NotAllowed(SocketAddr),
    /// The address is not this machine's, or something else is wrong with it.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where to.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// A thread or its runtime could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A core's listener ended by itself.
    #[error("the server stopped by itself: {0}")]
    Ended(io::Error),
    /// A core's thread panicked.
    #[error("a server thread panicked; the log before this says where")]
    Panicked,
}

/// How long things may take and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Open connections of all cores together. When there are more, those that have been silent
    /// longest are closed.
    pub connections: usize,
    /// Longest TLS handshake.
    pub handshake: Duration,
    /// Longest time from a request's first byte to its answer's first, and from a connection's
    /// start to its first request.
    pub request: Duration,
    /// How long a connection may stay open without a request. Longer than clients keep theirs (60
    /// to 120 seconds, most), so that it is they who close: a request that meets a closing server
    /// fails.
    pub idle: Duration,
    /// Time that requests get to finish after [`Running::shutdown`].
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshake: Duration::from_secs(10),
            request: Duration::from_secs(10),
            idle: Duration::from_mins(10),
            grace: Duration::from_secs(20),
        }
    }
}

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Address to listen on; port 0 takes a free one, the same for all cores.
    pub address: SocketAddr,
    /// The certificate; `None` serves plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Whose word counts for where a request comes from.
    pub proxies: Arc<Proxies>,
    /// Runtimes, one thread each; at least one.
    pub cores: usize,
    /// First word of the threads' names: `http` gives `http-0`, `http-1`.
    pub name: &'static str,
    /// The bounds.
    pub bounds: Bounds,
}

/// A server that accepts connections. Dropping it shuts it down, without waiting.
pub struct Running {
    /// Where it listens: the real port, also when 0 was asked for.
    pub address: SocketAddr,
    threads: Vec<JoinHandle<io::Result<()>>>,
    stop: watch::Sender<bool>,
    alive: watch::Sender<()>,
}

/// What answers requests: an axum router, or something around one.
pub trait Served:
    Service<
        Request<Incoming>,
        Response = Response<Body>,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
}

impl<S> Served for S where
    S: Service<
            Request<Incoming>,
            Response = Response<Body>,
            Error = Infallible,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static
{
}

/// Listens on all cores. `build` is called on each core's thread, inside its runtime, with the
/// core's number from 0; what it spawns lives on that core for as long as the server.
/// `ConnectInfo<SocketAddr>` is there for handlers.
pub fn serve<S: Served>(
    options: &ServeOptions,
    build: impl Fn(usize) -> S + Send + Sync + 'static,
) -> Result<Running, NetError> {
    let cores = options.cores.max(1);
    let (address, listeners) = listener::bind(options.address, cores)?;
    let build = Arc::new(build);
    let (stop, _) = watch::channel(false);
    let (alive, _) = watch::channel(());
    let mut running = Running { address, threads: Vec::with_capacity(cores), stop, alive };
    for (number, listener) in listeners.into_iter().enumerate() {
        let core = Core {
            number,
            listener,
            tls: options.tls.clone(),
            proxies: Arc::clone(&options.proxies),
            bounds: Bounds {
                connections: options.bounds.connections.div_ceil(cores),
                ..options.bounds
            },
            stop: running.stop.clone(),
            alive: running.alive.subscribe(),
        };
        let build = Arc::clone(&build);
        let thread = std::thread::Builder::new()
            .name(format!("{}-{number}", options.name))
            .spawn(move || core.run(&*build));
        match thread {
            Ok(thread) => running.threads.push(thread),
            Err(error) => return Err(NetError::Thread(error)),
        }
    }
    Ok(running)
}

/// Serves `router` in plain HTTP from one thread: for health and metrics, beside the public
/// listener and not stopped by its load.
pub fn serve_plain(
    address: SocketAddr,
    router: Router,
    bounds: Bounds,
) -> Result<Running, NetError> {
    let (cores, proxies) = (1, Arc::default());
    let options = ServeOptions { address, tls: None, proxies, cores, name: "management", bounds };
    serve(&options, move |_| router.clone())
}

impl Running {
    /// Stops accepting. Requests under way get [`Bounds::grace`] to finish, then their connections
    /// are closed.
    pub fn shutdown(&self) {
        self.stop.send_replace(true);
    }

    /// Resolves when the server has ended, asked to or not. [`Running::wait`] then says how.
    pub async fn ended(&self) {
        self.alive.closed().await;
    }

    /// Waits until all cores have ended. One that ends unasked takes the others with it.
    /// Blocks: not for a runtime's thread, unless after [`Running::ended`].
    pub fn wait(mut self) -> Result<(), NetError> {
        let mut outcome = Ok(());
        for thread in std::mem::take(&mut self.threads) {
            let ended = match thread.join() {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(NetError::Ended(error)),
                Err(_) => Err(NetError::Panicked),
            };
            outcome = outcome.and(ended);
        }
        outcome
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
