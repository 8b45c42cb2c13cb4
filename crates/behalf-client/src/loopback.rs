//! Where the browser brings the code: a listener on this machine, for one answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::redirect::{Pending, Verdict};
use crate::secret::Secret;

/// The longest request that is read: codes of Entra reach 2 KiB.
const MAX_REQUEST: usize = 16 * 1024;
/// How long a connection may take for its request. Browsers open some that stay silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause after a connection that could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many connections are heard at once.
const MAX_CONNECTIONS: usize = 32;

const DONE: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=width=device-width><title>Signed in</title>\
    <p>You are signed in. You can close this window.";
const FAILED: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=width=device-width><title>Not signed in</title>\
    <p>You are not signed in. The program that sent you here says why.";
const STRAY: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=width=device-width><title>Not found</title>\
    <p>This address waits for the end of a sign-in, which this is not.";

/// A socket on 127.0.0.1 with a port of its own (RFC 8252 section 7.3).
pub(crate) struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    pub(crate) async fn open() -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::Listener(error.to_string());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port })
    }

    /// The redirect URI. Servers take any port for a registered `http://localhost`.
    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Waits for the answer of `pending`; anything else is told that it is not expected. The socket
    /// is closed with the answer.
    pub(crate) async fn answer(self, pending: Pending) -> Result<Secret, Error> {
        let pending = Arc::new(pending);
        let (sender, mut answers) = mpsc::channel(1);
        // Ends with this call, and with it every connection.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(answer) = answers.recv() => return answer,
                accepted = self.listener.accept() => {
                    let Ok((stream, _)) = accepted else {
                        // Out of file descriptors, perhaps: that may pass.
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    };
                    while connections.try_join_next().is_some() {}
                    if connections.len() < MAX_CONNECTIONS {
                        let (pending, sender) = (Arc::clone(&pending), sender.clone());
                        connections.spawn(async move {
                            let heard = tokio::time::timeout(PATIENCE, hear(stream, &pending));
                            if let Ok(Some(answer)) = heard.await {
                                // Only the first answer is waited for.
                                let _ = sender.send(answer).await;
                            }
                        });
                    }
                }
            }
        }
    }
}

/// Reads one request and answers it; gives what it brought.
async fn hear(mut stream: TcpStream, pending: &Pending) -> Option<Result<Secret, Error>> {
    let mut request = Vec::new();
    let mut buffer = [0; 2048];
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 && request.len() + count <= MAX_REQUEST => {
                request.extend_from_slice(buffer.get(..count)?);
            }
            _ => return None,
        }
    }
    let request = String::from_utf8(request).ok()?;
    let target = request.strip_prefix("GET ").and_then(|rest| rest.split(' ').next());
    let verdict = target.map_or(Verdict::Stray, |target| pending.judge(target));
    let (status, page) = match &verdict {
        Verdict::Stray => ("404 Not Found", STRAY),
        Verdict::Answer(Ok(_)) => ("200 OK", DONE),
        Verdict::Answer(Err(_)) => ("200 OK", FAILED),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\n\
         content-length: {}\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
         content-security-policy: default-src 'none'\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    // The browser may be gone; what it brought counts all the same.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    match verdict {
        Verdict::Stray => None,
        Verdict::Answer(answer) => Some(answer),
    }
}
