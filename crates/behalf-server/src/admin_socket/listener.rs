//! The socket: made so that nobody else can ever connect to it, and checked again at each
//! connection.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::serve::Listener;
use tokio::net::{UnixListener, UnixStream, unix::SocketAddr};

use super::routes;
use crate::state::Server;

/// The socket's name in the data folder.
pub const SOCKET: &str = "admin.sock";
/// Where it is made before it gets its name; short, because socket paths are.
const NURSERY: &str = ".s";

/// Why the socket cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the admin socket {} cannot be made: {source}; its folder must belong to this user and its path have less than 104 bytes", path.display())]
pub struct BindError {
    /// Where.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The admin socket of a data folder. Removed when dropped.
#[derive(Debug)]
pub struct AdminSocket {
    listener: OwnersOnly,
    /// Removed after the listener is closed.
    file: Removed,
}

impl AdminSocket {
    /// Makes the socket in `data`, in place of one that a server which has died left there. Whoever
    /// holds the store's lock may do so.
    pub fn bind(data: &Path) -> Result<Self, BindError> {
        let path = data.join(SOCKET);
        match listen(data, &path) {
            Ok(listener) => Ok(Self { listener, file: Removed(path) }),
            Err(source) => Err(BindError { path, source }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file.0
    }

    /// Serves `server` until `stop` resolves and the requests under way are answered.
    pub async fn serve(
        self,
        server: Arc<Server>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self { listener, file: _removed } = self;
        axum::serve(listener, routes::router(server)).with_graceful_shutdown(stop).await
    }
}

/// Binds in a folder that only its owner may enter, and renames what has its mode already: whatever
/// the umask, there is no moment at which another user could connect.
fn listen(data: &Path, path: &Path) -> io::Result<OwnersOnly> {
    let nursery = data.join(NURSERY);
    match fs::remove_dir_all(&nursery) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(&nursery)?;
    let newborn = nursery.join("s");
    let listener = UnixListener::bind(&newborn)?;
    fs::set_permissions(&newborn, Permissions::from_mode(0o600))?;
    let owner = fs::metadata(&newborn)?.uid();
    fs::rename(&newborn, path)?;
    fs::remove_dir(&nursery)?;
    Ok(OwnersOnly { listener, owner })
}

/// Takes connections of the socket's owner and of root; others are closed unread. The file's mode
/// says the same, but a mode can be changed by mistake.
#[derive(Debug)]
pub(super) struct OwnersOnly {
    listener: UnixListener,
    owner: u32,
}

impl OwnersOnly {
    pub(super) fn admits(&self, user: u32) -> bool {
        user == self.owner || user == 0
    }

    #[cfg(test)]
    pub(super) fn of(listener: UnixListener, owner: u32) -> Self {
        Self { listener, owner }
    }
}

impl Listener for OwnersOnly {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            match stream.peer_cred() {
                Ok(peer) if self.admits(peer.uid()) => return (stream, address),
                Ok(peer) => {
                    tracing::warn!(user = peer.uid(), "refused a user at the admin socket");
                }
                Err(error) => {
                    tracing::warn!(%error, "refused a nameless caller at the admin socket");
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A file that is removed in the end.
#[derive(Debug)]
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // The next server puts its own in place of one that is left.
        let _left = fs::remove_file(&self.0);
    }
}
