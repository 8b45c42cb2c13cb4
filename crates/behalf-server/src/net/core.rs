//! One core: its thread, its runtime, its listener.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use axum_server::{
    Handle, Server,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::{rt::TokioExecutor, server::conn::auto::Builder};
use tokio::sync::watch;

use super::{
    Bounds, Served,
    forwarded::{Called, Proxies},
    guard::{Connections, Guard},
};
use crate::tls::Tls;

/// Bytes of a request's head that are read: an `Authorization` header with a certificate assertion
/// takes some 4 KiB.
const HEAD_MAX: usize = 32 * 1024;
/// Streams of one HTTP/2 connection at once (RFC 9113 5.1.2).
const STREAMS_MAX: u32 = 100;
/// Streams a client may open and reset before the connection is closed (CVE-2023-44487).
const RESETS_MAX: usize = 20;
/// What a client may send ahead on one stream: the largest body that is read.
const STREAM_WINDOW: u32 = 64 * 1024;
/// What a client may send ahead on one connection.
const CONNECTION_WINDOW: u32 = 256 * 1024;

pub(super) struct Core {
    pub(super) number: usize,
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) proxies: Arc<Proxies>,
    pub(super) bounds: Bounds,
    /// Tells all cores to stop.
    pub(super) stop: watch::Sender<bool>,
    /// Held as long as the core runs; that it is gone is what [`super::Running::ended`] sees.
    pub(super) alive: watch::Receiver<()>,
}

impl Core {
    /// Serves until told to stop. Called on the core's own thread.
    pub(super) fn run<S: Served>(
        self,
        build: &(dyn Fn(usize) -> S + Send + Sync),
    ) -> io::Result<()> {
        let _others = TakeAlong(self.stop.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.serve(build))
    }

    async fn serve<S: Served>(self, build: &(dyn Fn(usize) -> S + Send + Sync)) -> io::Result<()> {
        let Self { number, listener, tls, proxies, bounds, stop, alive } = self;
        let service = build(number);
        let service = tower::service_fn(move |peer: SocketAddr| {
            let service = Called::new(service.clone(), peer, Arc::clone(&proxies));
            std::future::ready(Ok::<_, Infallible>(service))
        });
        let connections = Connections::new(bounds);
        let handle = Handle::new();
        tokio::spawn(Arc::clone(&connections).sweep());
        tokio::spawn(end(handle.clone(), stop.subscribe(), bounds));
        let full = Arc::clone(&connections);
        let mut server = axum_server::from_tcp(listener)?
            .handle(handle)
            .first_request_timeout(bounds.request)
            // Most often there are no file descriptors left (F18): make room.
            .accept_error_handler(move |_, error| {
                tracing::debug!(%error, "a connection could not be accepted");
                if error.raw_os_error().is_some() {
                    full.make_room();
                }
            });
        bound_http(server.http_builder());
        let guard = Guard::new(connections);
        let outcome = match tls {
            Some(tls) => {
                let rustls = RustlsAcceptor::new(RustlsConfig::from_config(tls.config()));
                let acceptor = rustls.handshake_timeout(bounds.handshake).acceptor(guard);
                with(server, acceptor).serve(service).await
            }
            None => with(server, guard).serve(service).await,
        };
        drop(alive);
        outcome
    }
}

/// Stops the other cores when one ends, by a panic too: half a server is worse than a restart.
struct TakeAlong(watch::Sender<bool>);

impl Drop for TakeAlong {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

fn with<A, B>(server: Server<SocketAddr, A>, acceptor: B) -> Server<SocketAddr, B> {
    server.acceptor(acceptor)
}

fn bound_http(builder: &mut Builder<TokioExecutor>) {
    // Slow heads are the guard's business: this timeout would end idle connections too.
    builder.http1().header_read_timeout(None).max_buf_size(HEAD_MAX).max_headers(64);
    builder
        .http2()
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(RESETS_MAX)
        .max_header_list_size(u32::try_from(HEAD_MAX).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(HEAD_MAX);
}

/// Ends the server when it is told to stop.
async fn end(handle: Handle<SocketAddr>, mut stopped: watch::Receiver<bool>, bounds: Bounds) {
    // It never fails: the core itself holds a sender.
    let _ = stopped.wait_for(|stopped| *stopped).await;
    handle.graceful_shutdown(Some(bounds.grace));
    tokio::time::sleep(bounds.grace).await;
    // While strangers keep connecting, the accept loop may not have seen the first call.
    handle.shutdown();
}
