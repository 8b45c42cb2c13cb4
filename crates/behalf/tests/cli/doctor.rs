//! `behalf doctor`: the exit code tells, and nothing is changed.

use crate::{
    serve::init,
    support::{run, stderr, succeed},
};

#[test]
fn a_file_of_one_machine_is_a_warning_and_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let told = succeed(folder.path(), &["doctor", "--config", "behalf.toml"]);
    assert!(told.contains("warn  availability a file of one machine"), "{told}");
    assert!(told.ends_with("It works. Warnings: 1.\n"), "{told}");
    let json = succeed(folder.path(), &["doctor", "-o", "json"]);
    assert!(json.starts_with("{\"checks\":[{"), "{json}");
    assert!(!folder.path().join("data/behalf.db").exists(), "nothing was made");
}

#[test]
fn a_database_that_is_away_and_a_key_that_is_none_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let file = folder.path().join("behalf.toml");
    let mut config: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
    // Nobody listens on the port of discard.
    let url = "postgres://behalf:canary@127.0.0.1:9/behalf";
    config.insert("storage".into(), toml::Table::from_iter([("url".into(), url.into())]).into());
    let data = folder.path().join("data").display().to_string();
    config.insert("data_dir".into(), data.into());
    std::fs::write(&file, config.to_string()).unwrap();
    let output = run(folder.path(), &["doctor"]);
    let told = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}{}", stderr(&output));
    assert!(
        told.contains("FAIL  database     PostgreSQL cannot be reached at 127.0.0.1:9"),
        "{told}"
    );
    assert!(!told.contains("canary") && !stderr(&output).contains("canary"));
    let key = folder.path().join("master.key");
    std::fs::write(&key, "nonsense").unwrap();
    let told = String::from_utf8(run(folder.path(), &["doctor"]).stdout).unwrap();
    assert!(told.contains("FAIL  master key"), "{told}");
}
