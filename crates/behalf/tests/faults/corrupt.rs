//! F16 of the fault table: bytes of the database's file change while the server is down. It is
//! refused with a reason or serves what was written; a backup brings back what is refused.
//! `BEHALF_MUTATIONS` says how many are tried.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use crate::support::{Deployment, TENANT, api, daemon};

/// `SplitMix64`: the same changes in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the long form is chosen by who runs the tests")]
pub(crate) fn chosen(variable: &str, short: usize) -> usize {
    std::env::var(variable).map_or(short, |text| text.parse().unwrap())
}

/// The deployment with its data elsewhere.
pub(crate) struct Elsewhere<'a> {
    deployment: &'a Deployment,
    folder: tempfile::TempDir,
}

impl<'a> Elsewhere<'a> {
    pub(crate) fn of(deployment: &'a Deployment) -> Self {
        Self { deployment, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("behalf.db{ending}"))
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}", self.file("").display())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.deployment.command();
        command.env("BEHALF_STORAGE_URL", self.url()).args(arguments).output().unwrap()
    }

    /// The names of the tenant's applications, or why they cannot be told.
    pub(crate) fn applications(&self) -> Result<Vec<String>, String> {
        names(&self.run(&["app", "list", "--tenant", TENANT, "-o", "json"]))
    }

    pub(crate) fn restore(&self, backup: &Path) {
        let output = self.run(&["restore", "--from", backup.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn names(output: &Output) -> Result<Vec<String>, String> {
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |app: &serde_json::Value| app["name"].as_str().unwrap().to_owned();
    let mut names: Vec<_> = all.as_array().unwrap().iter().map(name).collect();
    names.sort();
    Ok(names)
}

#[test]
fn a_corrupted_file_is_refused_with_a_reason_and_restored_from_a_backup() {
    let deployment = Deployment::new();
    let mut manifests = vec![api()];
    manifests.extend((0..5).map(|n| daemon(&format!("daemon-{n}"))));
    for manifest in manifests {
        std::fs::write(deployment.path().join("m.yaml"), manifest.to_string()).unwrap();
        deployment.succeed(&["apply", "-f", "m.yaml"]);
    }
    deployment.succeed(&["backup", "--to", "b"]);
    let good = std::fs::read(deployment.data().join("behalf.db")).unwrap();
    let elsewhere = Elsewhere::of(&deployment);
    std::fs::write(elsewhere.file(""), &good).unwrap();
    let expected = elsewhere.applications().unwrap();
    assert_eq!(expected.len(), 6);
    let (mut random, mut refused) = (Random(3), 0);
    let many = chosen("BEHALF_MUTATIONS", 100);
    for _ in 0..many {
        let mut bad = good.clone();
        let at = random.below(bad.len());
        let page = at / 4_096 * 4_096;
        match random.below(4) {
            0 => bad[page..page + 4_096].fill(0),
            1 => bad.truncate(at),
            _ => bad[at] ^= 1 << random.below(8),
        }
        for ending in ["-wal", "-shm"] {
            let _none = std::fs::remove_file(elsewhere.file(ending));
        }
        std::fs::write(elsewhere.file(""), &bad).unwrap();
        match elsewhere.applications() {
            Ok(found) => assert_eq!(found, expected, "never something else, never nothing"),
            Err(told) => {
                refused += 1;
                assert!(told.contains("behalf.db") && told.contains("restore it"), "{told}");
            }
        }
    }
    println!("promise: a corrupted database is refused with a reason or serves what was written");
    println!("done:    {many} changes of the file of a server that is down");
    println!("counted: {refused} refused, {} harmless, none served wrong", many - refused);
    assert!(refused > many / 2);
    for ending in ["", "-wal", "-shm"] {
        let _none = std::fs::remove_file(elsewhere.file(ending));
    }
    elsewhere.restore(&deployment.path().join("b"));
    assert_eq!(elsewhere.applications().unwrap(), expected);
}
