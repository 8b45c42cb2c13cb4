//! A TCP proxy before the database that loses what a test wants lost.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use behalf_store::postgres::Options;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::database;

/// What happens to what passes. Those of a `COMMIT` happen once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The next `COMMIT` and what was sent with it never arrives, and the connection is cut.
    CommitLost,
    /// The next `COMMIT` arrives and is obeyed, but its answer is lost with the connection.
    AnswerLost,
    /// As before, and nobody is let in after it.
    AnswerLostForGood,
}

pub(crate) struct Proxy {
    port: u16,
    fault: Arc<AtomicU8>,
    /// While it holds `true` nothing passes, in either direction.
    hanging: watch::Sender<bool>,
    closed: watch::Sender<bool>,
}

#[derive(Clone)]
struct Pass {
    fault: Arc<AtomicU8>,
    hanging: watch::Receiver<bool>,
    closed: watch::Sender<bool>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (hanging, hangs) = watch::channel(false);
        let closed = watch::Sender::new(false);
        let fault = Arc::new(AtomicU8::new(Fault::None as u8));
        let pass = Pass { fault: Arc::clone(&fault), hanging: hangs, closed: closed.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !*pass.closed.borrow() {
                    tokio::spawn(pass.clone().connection(client));
                }
            }
        });
        Self { port, fault, hanging, closed }
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// Whether the fault that was set has happened.
    pub(crate) fn happened(&self) -> bool {
        self.fault.load(Ordering::SeqCst) == Fault::None as u8
    }

    pub(crate) fn hang(&self, hanging: bool) {
        self.hanging.send_replace(hanging);
    }

    /// Lets connections in again.
    pub(crate) fn reopen(&self) {
        self.closed.send_replace(false);
    }

    /// The database behind the proxy, with this schema.
    pub(crate) fn options(&self, schema: &str) -> Options {
        Self::options_of(&format!("127.0.0.1:{}", self.port), schema)
    }

    /// The same, and the database itself as a second host.
    pub(crate) fn first_of_two(&self, schema: &str) -> Options {
        let config: tokio_postgres::Config = database::url().parse().unwrap();
        let second = config.get_ports()[0];
        Self::options_of(&format!("127.0.0.1:{},127.0.0.1:{second}", self.port), schema)
    }

    fn options_of(hosts: &str, schema: &str) -> Options {
        let config: tokio_postgres::Config = database::url().parse().unwrap();
        let password = String::from_utf8(config.get_password().unwrap().to_vec()).unwrap();
        let url = format!(
            "postgres://{}:{password}@{hosts}/{}?schema={schema}",
            config.get_user().unwrap(),
            config.get_dbname().unwrap()
        );
        Options::parse(&url).unwrap()
    }
}

impl Pass {
    async fn connection(self, client: TcpStream) {
        let config: tokio_postgres::Config = database::url().parse().unwrap();
        let server = TcpStream::connect(("127.0.0.1", config.get_ports()[0])).await.unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let cut = watch::Sender::new(false);
        tokio::select! {
            () = self.clone().asked(from_client, to_server, cut.clone()) => {}
            () = self.answered(from_server, to_client, cut) => {}
        }
    }

    async fn passes(&mut self) {
        self.hanging.wait_for(|hanging| !hanging).await.unwrap();
    }

    async fn asked(
        mut self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        cut: watch::Sender<bool>,
    ) {
        let mut buffer = vec![0; 1 << 20];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            self.passes().await;
            let sent = &buffer[..length];
            let commits = sent.windows(7).any(|window| window == b"COMMIT\0");
            let fault = self.fault.load(Ordering::SeqCst);
            if commits && fault != Fault::None as u8 {
                if fault == Fault::AnswerLostForGood as u8 {
                    self.closed.send_replace(true);
                }
                if fault != Fault::CommitLost as u8 {
                    cut.send_replace(true);
                    to.write_all(sent).await.unwrap();
                    // The other direction ends the connection when the answer has come.
                    return std::future::pending().await;
                }
                self.fault.store(Fault::None as u8, Ordering::SeqCst);
                return;
            }
            if to.write_all(sent).await.is_err() {
                return;
            }
        }
    }

    async fn answered(
        mut self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        cut: watch::Sender<bool>,
    ) {
        let mut buffer = vec![0; 1 << 20];
        let mut lost: Vec<u8> = Vec::new();
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            self.passes().await;
            if *cut.borrow() {
                lost.extend(&buffer[..length]);
                if lost.windows(7).any(|window| window == b"COMMIT\0") {
                    self.fault.store(Fault::None as u8, Ordering::SeqCst);
                    return;
                }
            } else if to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    }
}
