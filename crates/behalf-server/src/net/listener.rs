//! One listening socket per core, all on the same port.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::NetError;

/// Connections that wait to be accepted, per core; the system may allow fewer.
const BACKLOG: i32 = 1_024;

/// Binds `cores` sockets to `address`.
///
/// On Linux each has its own queue (`SO_REUSEPORT`), so the system spreads connections and cores
/// share nothing; elsewhere they accept from one queue together.
pub(super) fn bind(
    address: SocketAddr,
    cores: usize,
) -> Result<(SocketAddr, Vec<TcpListener>), NetError> {
    let named = |error| refused(address, error);
    let first = bound(address, false).map_err(named)?;
    let actual = first.local_addr().map_err(named)?;
    let actual = actual.as_socket().unwrap_or(address);
    let listeners = listeners(first, actual, cores).map_err(named)?;
    Ok((actual, listeners))
}

#[cfg(target_os = "linux")]
fn listeners(first: Socket, address: SocketAddr, cores: usize) -> io::Result<Vec<TcpListener>> {
    // Bound without sharing, so that another server on this port, of this program too, is an error;
    // shared only now, so that our own others get in.
    first.set_reuse_port(true)?;
    let mut sockets = vec![first];
    for _ in 1..cores {
        sockets.push(bound(address, true)?);
    }
    sockets.into_iter().map(listening).collect()
}

#[cfg(not(target_os = "linux"))]
fn listeners(first: Socket, _address: SocketAddr, cores: usize) -> io::Result<Vec<TcpListener>> {
    let listener = listening(first)?;
    let mut listeners = (1..cores).map(|_| listener.try_clone()).collect::<io::Result<Vec<_>>>()?;
    listeners.push(listener);
    Ok(listeners)
}

fn bound(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the process before it. Windows gives the
    // option another meaning: there it would let a stranger in.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(target_os = "linux")]
    socket.set_reuse_port(shared)?;
    #[cfg(not(target_os = "linux"))]
    let _ = shared;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listening(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn refused(address: SocketAddr, error: io::Error) -> NetError {
    match error.kind() {
        io::ErrorKind::AddrInUse => NetError::AddressInUse(address),
        io::ErrorKind::PermissionDenied => NetError::NotAllowed(address),
        _ => NetError::Listen { address, error },
    }
}
