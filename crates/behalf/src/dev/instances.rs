//! Running dev instances: a file each in the dev folder, locked for as long as its process lives.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::{
    dev::{folder::DevFolder, ready::Ready},
    environment::Environment,
    failure::Failure,
    files,
};

const LONGEST: u64 = 1 << 20;

/// This process's entry; it disappears with it.
pub(crate) struct Registered {
    path: PathBuf,
    // The lock by which others know that this process lives, however it may end.
    _lock: File,
}

/// Lists this process as the instance on `port`.
pub(crate) fn register(dev_folder: &Path, port: u16, ready: &Ready) -> io::Result<Registered> {
    let folder = dev_folder.join("instances");
    files::private_folder(&folder)?;
    let path = folder.join(format!("{port}.json"));
    let lock = files::replace_locked(&path, ready.line()?.as_bytes())?;
    Ok(Registered { path, _lock: lock })
}

impl Drop for Registered {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes an entry and what lies beside it.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir_all(path.with_extension(""));
}

/// The folder of the instance on `port`, made empty: its admin socket lies there.
pub(crate) fn make_folder(dev_folder: &Path, port: u16) -> io::Result<PathBuf> {
    let folder = dev_folder.join("instances").join(port.to_string());
    match fs::remove_dir_all(&folder) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    files::private_folder(&folder)?;
    Ok(folder)
}

/// Where the admin socket of `ready` lies.
pub(crate) fn folder_of(environment: &Environment, ready: &Ready) -> Option<PathBuf> {
    let port = url::Url::parse(&ready.base_url).ok()?.port_or_known_default()?;
    Some(DevFolder::existing(environment)?.join("instances").join(port.to_string()))
}

/// Every live instance of `dev_folder`, by port. Entries of processes that were killed are removed.
pub(crate) fn live(dev_folder: &Path) -> Vec<Ready> {
    let Ok(entries) = fs::read_dir(dev_folder.join("instances")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().filter_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Option<Ready> {
    let file = File::open(path).ok()?;
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        // Nobody holds it: its process is gone.
        remove(path);
        return None;
    }
    serde_json::from_str(&files::read_text(path, LONGEST).ok()?).ok()
}

/// The instance a command means that names none: the only one that runs.
pub(crate) fn the_only(environment: &Environment) -> Result<Ready, Failure> {
    let mut live = DevFolder::existing(environment).map(|folder| live(&folder)).unwrap_or_default();
    if live.len() > 1 {
        let urls: Vec<&str> = live.iter().map(|ready| ready.base_url.as_str()).collect();
        return Err(Failure::environment(format!(
            "{} dev instances are running: {}",
            urls.len(),
            urls.join(", ")
        ))
        .fix("name one with --server URL or BEHALF_URL"));
    }
    live.pop().ok_or_else(|| {
        Failure::environment("no dev instance is running")
            .fix("behalf dev in another terminal, or name a server with --server URL or BEHALF_URL")
    })
}

/// The running instance at `url`, whatever loopback name it is called by.
pub(crate) fn at(environment: &Environment, url: &str) -> Option<Ready> {
    let asked = url::Url::parse(url).ok()?;
    let loopback = match asked.host()? {
        url::Host::Domain(name) => crate::dev::host::is_local_name(name),
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    let port_of = |url: &url::Url| url.port_or_known_default();
    let same = |ready: &Ready| {
        ready.base_url == url.trim_end_matches('/')
            || loopback
                && url::Url::parse(&ready.base_url)
                    .is_ok_and(|own| port_of(&own) == port_of(&asked))
    };
    live(&DevFolder::existing(environment)?).into_iter().find(same)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::dev::ready::tests::ready;

    fn at_port(port: u16) -> Ready {
        Ready { base_url: format!("https://localhost:{port}"), ..ready() }
    }

    #[test]
    fn an_entry_lives_as_long_as_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let first = register(folder.path(), 8443, &at_port(8443)).unwrap();
        let path = folder.path().join("instances/8443.json");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(live(folder.path()), [at_port(8443)]);
        drop(first);
        assert!(!path.exists());
        // What a killed process leaves behind is nobody's.
        at_port(9443).write(&folder.path().join("instances/9443.json")).unwrap();
        assert_eq!(live(folder.path()), []);
        assert!(!folder.path().join("instances/9443.json").exists());
    }

    #[test]
    fn a_command_that_names_no_server_means_the_only_one() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::from([("BEHALF_DEV_DIR", folder.path().to_str().unwrap())]);
        let told = |result: Result<Ready, Failure>| result.unwrap_err().to_string();
        assert!(told(the_only(&environment)).contains("no dev instance is running"));
        let _one = register(folder.path(), 8443, &at_port(8443)).unwrap();
        assert_eq!(the_only(&environment).unwrap(), at_port(8443));
        let _two = register(folder.path(), 9443, &at_port(9443)).unwrap();
        let both = told(the_only(&environment));
        assert!(both.contains("https://localhost:8443, https://localhost:9443"), "{both}");
        assert_eq!(at(&environment, "https://127.0.0.1:9443/"), Some(at_port(9443)));
        assert_eq!(at(&environment, "https://login.example.com:9443"), None);
    }
}
