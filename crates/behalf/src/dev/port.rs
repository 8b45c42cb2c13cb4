//! Whether a port is free, and who has it if not.

use std::{
    fmt, fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::Path,
};

use crate::failure::Failure;

/// The addresses to listen on: `address` and, for the IPv4 loopback, the IPv6 one too, since
/// `localhost` means either. Port 0 picks one that is free on all of them.
///
/// The server's listeners share their port, so another instance would not notice; asking for the
/// port alone first tells.
pub(crate) fn claim(address: IpAddr, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    const ATTEMPTS: usize = 16;
    let with_ipv6 = address == IpAddr::V4(Ipv4Addr::LOCALHOST) && has_ipv6();
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let first = TcpListener::bind((address, port)).and_then(|listener| listener.local_addr());
        let first = first.map_err(|cause| taken(address, port, &cause))?;
        if !with_ipv6 {
            return Ok(vec![first]);
        }
        let second = SocketAddr::from((Ipv6Addr::LOCALHOST, first.port()));
        match TcpListener::bind(second) {
            Ok(_) => return Ok(vec![first, second]),
            Err(cause) => last = Some(taken(second.ip(), first.port(), &cause)),
        }
        if port != 0 {
            break;
        }
    }
    Err(last.unwrap_or_else(|| Failure::environment("no free port was found")))
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

fn taken(address: IpAddr, port: u16, cause: &io::Error) -> Failure {
    let other = if port == 9443 { 8443 } else { 9443 };
    let fix = format!("behalf dev --port {other}");
    match cause.kind() {
        io::ErrorKind::AddrInUse => match owner(Path::new("/proc"), port) {
            Some(owner) => Failure::environment(format!("port {port} is in use by {owner}")),
            None => Failure::environment(format!("port {port} is in use by another program")),
        }
        .fix(fix),
        io::ErrorKind::PermissionDenied => Failure::new(
            crate::failure::Exit::Denied,
            format!("port {port} needs more rights: {cause}"),
        )
        .fix(fix),
        _ => Failure::environment(format!("cannot listen on {address} port {port}: {cause}"))
            .fix(fix),
    }
}

/// A process that listens.
#[derive(Debug, PartialEq, Eq)]
struct Owner {
    name: String,
    pid: u32,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (pid {})", self.name, self.pid)
    }
}

/// Who listens on `port`, as far as `/proc` shows it: other users' processes are not.
fn owner(proc: &Path, port: u16) -> Option<Owner> {
    let sockets: Vec<String> = ["net/tcp", "net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(proc.join(table)).ok())
        .flat_map(|table| listeners(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    let processes = fs::read_dir(proc).ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find_map(|pid: u32| {
        let process = proc.join(pid.to_string());
        let holds = |target: &Path| sockets.iter().any(|socket| Path::new(socket) == target);
        let mut open = fs::read_dir(process.join("fd")).ok()?.flatten();
        let found = open.any(|fd| fs::read_link(fd.path()).is_ok_and(|target| holds(&target)));
        let name = fs::read_to_string(process.join("comm")).ok()?.trim_end().to_owned();
        found.then_some(Owner { name, pid })
    })
}

/// The inodes of sockets that listen on `port`, of a table as in proc(5): the second column is the
/// local address in hexadecimal, the fourth the state (0A: listening), the tenth the inode.
fn listeners(table: &str, port: u16) -> Vec<u64> {
    let suffix = format!(":{port:04X}");
    let inode = |line: &str| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let listens = columns.get(1)?.ends_with(&suffix) && *columns.get(3)? == "0A";
        listens.then(|| columns.get(9)?.parse().ok()).flatten()
    };
    table.lines().filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gives_the_listeners_of_a_port() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1
   1: 0100007F:20FB 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4243 1
   2: 0100007F:20FC 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4244 1
";
        assert_eq!(listeners(table, 8443), [4242]);
        assert_eq!(listeners("garbage\n\n0: x", 8443), [0_u64; 0]);
    }

    #[test]
    fn port_0_picks_one_and_a_taken_one_is_an_error_that_names_the_owner() {
        let addresses = claim(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
        assert!(addresses.iter().all(|a| a.ip().is_loopback() && a.port() == addresses[0].port()));
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let error = claim(Ipv4Addr::LOCALHOST.into(), port).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port} is in use by ")), "{error}");
        assert!(error.ends_with("Try: behalf dev --port 9443"), "{error}");
        if cfg!(target_os = "linux") {
            assert!(error.contains(&format!("(pid {})", std::process::id())), "{error}");
        }
    }
}
