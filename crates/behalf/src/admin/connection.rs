//! The connection to a server's admin socket: one for each request.

use std::{
    io,
    path::{Path, PathBuf},
};

use behalf_server::admin_socket::{SOCKET, wire};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;

/// Longest answer, in bytes.
const ANSWER_MAX: usize = 256 << 20;
/// Longest refusal.
const REFUSAL_MAX: usize = 4 << 20;

/// Why the server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// Nobody listens there.
    #[error("no server is running on {}: start `behalf serve`, or name its data folder", path.display())]
    NoServer {
        /// The socket.
        path: PathBuf,
    },
    /// The socket belongs to somebody else.
    #[error("{} belongs to another user: run this as the user the server runs as, or as root", path.display())]
    Denied {
        /// The socket.
        path: PathBuf,
    },
    /// The connection broke, or the answer was no answer.
    #[error("the server's admin socket did not answer as expected: {0}")]
    Broken(String),
    /// The server refused.
    #[error("{message}")]
    Refused {
        /// 400, 404, 409 or 503.
        status: StatusCode,
        /// What was found, what was expected, what to do.
        message: String,
    },
}

pub(super) fn broken(error: impl std::fmt::Display) -> AdminError {
    AdminError::Broken(error.to_string())
}

/// The admin socket of a data folder. Each request is a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    path: PathBuf,
}

impl Admin {
    /// The socket of the server whose data lies in `data`.
    pub(crate) fn of(data: &Path) -> Self {
        Self { path: data.join(SOCKET) }
    }

    /// Whether a server listens there; an error when one does but not for this user.
    pub(crate) async fn is_up(&self) -> Result<bool, AdminError> {
        match self.connect().await {
            Ok(_) => Ok(true),
            Err(AdminError::NoServer { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AdminError> {
        let body = serde_json::to_vec(body).map_err(broken)?;
        self.send(Method::POST, path, body.into()).await
    }

    async fn connect(&self) -> Result<UnixStream, AdminError> {
        let path = || self.path.clone();
        UnixStream::connect(&self.path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                AdminError::NoServer { path: path() }
            }
            io::ErrorKind::PermissionDenied => AdminError::Denied { path: path() },
            _ => broken(error),
        })
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, AdminError> {
        let mut answer = self.begin(method, path, body).await?;
        let mut body = Vec::new();
        while let Some(piece) = answer.next().await? {
            if body.len() + piece.len() > ANSWER_MAX {
                return Err(broken("an answer longer than 256 MiB"));
            }
            body.extend_from_slice(&piece);
        }
        serde_json::from_slice(&body).map_err(broken)
    }

    /// Sends a request and hands out its answer as it comes.
    pub(super) async fn begin(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer, AdminError> {
        let io = TokioIo::new(self.connect().await?);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(io).await.map_err(broken)?;
        let connection = Aborted(tokio::spawn(connection));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "behalf")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(broken)?;
        let answer = sender.send_request(request).await.map_err(broken)?;
        let (status, body) = (answer.status(), answer.into_body());
        if status.is_success() {
            return Ok(Answer { body, _connection: connection });
        }
        let body = Limited::new(body, REFUSAL_MAX).collect().await.map_err(broken)?.to_bytes();
        let failure = serde_json::from_slice::<wire::Failure>(&body);
        let message = failure.map_or_else(
            |_| String::from_utf8_lossy(&body).chars().take(500).collect(),
            |failure| failure.message,
        );
        Err(AdminError::Refused { status, message })
    }
}

/// An answer as it comes.
pub(crate) struct Answer {
    body: Incoming,
    _connection: Aborted,
}

/// Ends when nobody reads the answer any more.
struct Aborted(tokio::task::JoinHandle<hyper::Result<()>>);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Answer {
    /// The next piece; `None`: that was all of it. One that breaks off is an error.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, AdminError> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(piece) = frame.map_err(broken)?.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_absent_server_is_told_from_one_that_died() {
        let folder = tempfile::tempdir().unwrap();
        let admin = Admin::of(folder.path());
        assert!(!admin.is_up().await.unwrap());
        drop(tokio::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap());
        assert!(!admin.is_up().await.unwrap(), "a socket nobody listens at");
        let error = admin.status().await.unwrap_err().to_string();
        assert!(error.contains("no server is running on"), "{error}");
    }

    #[tokio::test]
    async fn answers_that_are_none_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let answers = [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 20\r\n\r\n{\"message\":\"nobody\"}",
            "nonsense\r\n\r\n",
        ];
        let serving = tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await.unwrap();
                let mut rest = Vec::new();
                let _closed = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
            }
        });
        let admin = Admin::of(folder.path());
        assert!(matches!(admin.status().await, Err(AdminError::Broken(_))));
        let refused = admin.status().await.unwrap_err();
        assert!(
            matches!(&refused, AdminError::Refused { status, message }
                if *status == StatusCode::NOT_FOUND && message == "nobody"),
            "{refused:?}"
        );
        assert!(matches!(admin.status().await, Err(AdminError::Broken(_))));
        serving.await.unwrap();
    }
}
