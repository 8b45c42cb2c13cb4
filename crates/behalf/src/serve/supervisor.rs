//! Tells the service manager that started the server how far it is (`sd_notify`), so that it
//! starts the next node, or sends requests, when this one answers them.

#[cfg(target_os = "linux")]
use std::os::{linux::net::SocketAddrExt as _, unix::ffi::OsStrExt as _};
use std::{
    ffi::OsString,
    io,
    os::unix::net::{SocketAddr, UnixDatagram},
};

use crate::environment::Environment;

/// Who started the server, if it wants to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Supervisor(Option<OsString>);

impl Supervisor {
    /// The one named in `NOTIFY_SOCKET`.
    pub(crate) fn of(environment: &Environment) -> Self {
        Self(environment.path("NOTIFY_SOCKET").map(Into::into))
    }

    /// Requests are answered from now on.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// Requests under way are finished, then the process ends.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Who does not hear it waits, and ends the server in the end; so it is said in the log.
    fn tell(&self, state: &str) {
        let Some(socket) = &self.0 else { return };
        if let Err(error) = send(socket, state) {
            tracing::warn!(%error, state, "the service manager could not be told");
        }
    }
}

fn send(socket: &OsString, state: &str) -> io::Result<()> {
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address(socket)?)?;
    Ok(())
}

/// A path, or a name of Linux' abstract namespace, which is written with an `@` before it.
fn address(socket: &OsString) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = socket.as_bytes().strip_prefix(b"@") {
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(at: &UnixDatagram) -> String {
        let mut bytes = [0; 64];
        let length = at.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_manager_hears_of_it_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("behalf-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        let of = |socket: &str| Supervisor::of(&Environment::from([("NOTIFY_SOCKET", socket)]));
        of(path.to_str().unwrap()).ready();
        assert_eq!(heard(&by_path), "READY=1");
        of(&format!("@{name}")).stopping();
        assert_eq!(heard(&by_name), "STOPPING=1");
    }

    #[test]
    fn nobody_there_stops_nothing() {
        Supervisor::default().ready();
        Supervisor::of(&Environment::from([("NOTIFY_SOCKET", "/nowhere/at/all")])).ready();
    }
}
