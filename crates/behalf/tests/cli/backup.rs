//! A backup of a running server, restored elsewhere; a directory that moves.

use std::path::Path;

use serde_json::Value;

use crate::{
    serve::{Serving, init},
    support::{run, stderr, succeed},
};

fn made(folder: &Path) {
    init(folder);
    succeed(folder, &["tenant", "create", "Example", "--domain", "example.test"]);
}

fn tenants(folder: &Path) -> Value {
    serde_json::from_str(&succeed(folder, &["tenant", "list", "-o", "json"])).unwrap()
}

fn epochs(folder: &Path) -> Vec<(u64, String)> {
    let list = succeed(folder, &["key", "list", "--seal", "-o", "json"]);
    let all: Value = serde_json::from_str(&list).unwrap();
    let text = |epoch: &Value| epoch["state"].as_str().unwrap().to_owned();
    all.as_array().unwrap().iter().map(|e| (e["number"].as_u64().unwrap(), text(e))).collect()
}

fn kids(folder: &Path) -> Vec<String> {
    let list = succeed(folder, &["key", "list", "-o", "json"]);
    let all: Value = serde_json::from_str(&list).unwrap();
    all.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The keys of then are there; a server may have announced others since.
fn has_all(now: &[String], then: &[String]) {
    assert!(!then.is_empty() && then.iter().all(|kid| now.contains(kid)), "{then:?}, {now:?}");
}

/// What was lost with the disk; the configuration and the master key were kept elsewhere.
fn lose_the_data(folder: &Path) {
    std::fs::remove_dir_all(folder.join("data")).unwrap();
}

#[test]
fn a_backup_of_a_running_server_is_restored() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(folder);
    let serving = Serving::start(folder);
    let keys = kids(folder);
    let told = succeed(folder, &["backup", "--to", "b", "-o", "json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["publicUrl"], "https://localhost:8443");
    assert_eq!(told["kinds"]["Tenant"], 1);
    let mode = std::fs::metadata(folder.join("b")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = tenants(folder);
    drop(serving);
    let text = succeed(folder, &["backup", "verify", "b", "--master-key-file", "master.key"]);
    assert!(text.starts_with("b is whole and authentic\n"), "{text}");
    let refused = run(folder, &["restore", "--from", "b"]);
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("the store is not empty"), "{}", stderr(&refused));
    lose_the_data(folder);
    let restored = succeed(folder, &["restore", "--from", "b"]);
    assert!(restored.starts_with("restored "), "{restored}");
    assert_eq!(tenants(folder), before);
    has_all(&kids(folder), &keys);
    assert_eq!(epochs(folder), [(1, "revoked".to_owned()), (2, "sealing".to_owned())]);
    Serving::start(folder);
    let checked = succeed(folder, &["storage", "check"]);
    assert!(checked.ends_with("records read, all as they were written\n"), "{checked}");
}

#[test]
fn sessions_are_kept_where_it_is_asked_for_and_it_is_said_what_that_means() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(folder);
    succeed(folder, &["backup", "--to", "b"]);
    lose_the_data(folder);
    let restored = run(folder, &["restore", "--from", "b", "--keep-sessions"]);
    assert!(restored.status.success(), "{}", stderr(&restored));
    assert!(stderr(&restored).starts_with("1 epochs of the sealing key open again"));
    assert_eq!(epochs(folder), [(1, "sealing".to_owned())]);
}

#[test]
fn bad_backups_are_refused_in_their_own_words_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(folder);
    succeed(folder, &["backup", "--to", "good"]);
    lose_the_data(folder);
    let good = std::fs::read(folder.join("good")).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for (bytes, expected) in [
        (&flipped[..], "bad: it is damaged or cut short near byte"),
        (&good[..good.len() - 1], "bad: it is damaged or cut short near byte"),
        (b"nonsense", "bad: it is no backup of behalf"),
    ] {
        std::fs::write(folder.join("bad"), bytes).unwrap();
        for command in [&["restore", "--from", "bad"][..], &["backup", "verify", "bad"]] {
            let refused = run(folder, command);
            assert_eq!(refused.status.code(), Some(1));
            assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
        }
    }
    let absent = run(folder, &["restore", "--from", "absent"]);
    assert_eq!(absent.status.code(), Some(5), "{}", stderr(&absent));
    std::fs::write(folder.join("master.key"), succeed(folder, &["key", "generate-master"]))
        .unwrap();
    let other = run(folder, &["restore", "--from", "good"]);
    assert!(stderr(&other).contains("made with another master key"), "{}", stderr(&other));
    assert!(!folder.join("data/behalf.db").exists(), "nothing was made");
}

#[test]
fn a_directory_moves_while_it_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(folder);
    let serving = Serving::start(folder);
    let (before, keys) = (tenants(folder), kids(folder));
    let url = format!("sqlite://{}/new/behalf.db", folder.display());
    let rehearsed = run(folder, &["storage", "copy", "--to", &url, "--rehearse"]);
    assert!(stderr(&rehearsed).contains("It can be done."), "{}", stderr(&rehearsed));
    succeed(folder, &["tenant", "create", "Second", "--domain", "second.test"]);
    // A rehearsal is not served.
    let variables = [("BEHALF_STORAGE_URL", url.as_str()), ("BEHALF_LISTEN", "127.0.0.1:0")];
    let half = crate::support::behalf(folder).arg("serve").envs(variables).output().unwrap();
    assert_eq!(half.status.code(), Some(3));
    assert!(stderr(&half).contains("run behalf storage copy again"), "{}", stderr(&half));
    let moved = run(folder, &["storage", "copy", "--to", &url]);
    assert!(moved.status.success(), "{}", stderr(&moved));
    assert!(stderr(&moved).contains("Moved. Set storage.url to sqlite:///"), "{}", stderr(&moved));
    let late = run(folder, &["tenant", "create", "Third", "--domain", "third.test"]);
    assert_eq!(late.status.code(), Some(1));
    assert!(stderr(&late).contains("moves to another store"), "{}", stderr(&late));
    drop(serving);
    // Started again as it was, by somebody who does not know.
    let old = crate::support::behalf(folder).arg("serve").output().unwrap();
    assert_eq!(old.status.code(), Some(3));
    assert!(stderr(&old).contains("the directory moved from this store to another"));
    let config = std::fs::read_to_string(folder.join("behalf.toml")).unwrap();
    let line = config.lines().find(|line| line.starts_with("url = \"sqlite://")).unwrap();
    let old_config = config.clone();
    let config = config.replace(line, &format!("url = \"{url}\""));
    std::fs::write(folder.join("behalf.toml"), config).unwrap();
    let names = |tenants: &Value| tenants.as_array().unwrap().len();
    assert_eq!((names(&before), names(&tenants(folder))), (1, 2));
    has_all(&kids(folder), &keys);
    assert_eq!(epochs(folder), [(1, "sealing".to_owned())], "sessions move too");
    let not_moved = run(folder, &["storage", "reopen"]);
    assert!(stderr(&not_moved).contains("no directory moved from this store"));
    std::fs::write(folder.join("behalf.toml"), old_config).unwrap();
    succeed(folder, &["storage", "reopen"]);
    assert_eq!(names(&tenants(folder)), 2);
}
