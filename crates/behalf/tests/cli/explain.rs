//! `behalf explain`: codes offline, requests from the log.

use serde_json::Value;

use crate::support::{Dev, behalf, run, stderr, succeed};

/// What differs from run to run.
fn redacted(text: &str) -> String {
    let is_id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let is_time = |word: &str| word.ends_with('Z') && word.matches(':').count() == 2;
    let is_date = |word: &str| word.len() == 10 && word.matches('-').count() == 2;
    let word = |word: &str| match word {
        _ if is_id(word) && !word.starts_with("ac3e") => "ID".to_owned(),
        _ if is_date(word) => "DATE".to_owned(),
        _ if is_time(word) => "WHEN".to_owned(),
        _ => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n";
    text.lines().map(line).collect()
}

#[test]
fn a_code_is_explained_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(succeed(folder.path(), &["explain", "65001"]));
    assert_eq!(
        succeed(folder.path(), &["explain", "AADSTS65001"]),
        succeed(folder.path(), &["explain", "65001"])
    );
    let json: Value =
        serde_json::from_str(&succeed(folder.path(), &["explain", "65001", "-o", "json"])).unwrap();
    assert_eq!(json[0]["suberror"], "consent_required");
    for (what, code, told) in [
        ("1", 5, "behalf has no code 1"),
        ("hello", 2, "is no AADSTS number"),
        ("a.b.c", 2, "no JWT that can be read"),
        ("01987654-3210-7000-8000-000000000001", 3, "no dev instance is running"),
    ] {
        let output = run(folder.path(), &["explain", what]);
        assert_eq!(output.status.code(), Some(code), "{what}: {}", stderr(&output));
        assert!(stderr(&output).contains(told), "{what}: {}", stderr(&output));
    }
    assert_eq!(run(folder.path(), &["explain"]).status.code(), Some(2), "of what?");
}

#[test]
fn a_request_is_explained_by_each_of_its_ids() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let none = run(folder.path(), &["explain", "--last"]);
    assert_eq!(none.status.code(), Some(5), "{}", stderr(&none));

    let get = ["token", "get", "--as", "invoice-daemon", "--scope", "api://nowhere/.default"];
    let refused = run(folder.path(), &get);
    let told = stderr(&refused);
    let id = told.trim_end().rsplit(' ').next().unwrap();
    let text = succeed(folder.path(), &["explain", id]);
    insta::assert_snapshot!(redacted(&text));
    for arguments in [&["explain", "--last"][..], &["explain", "500011", "--last"]] {
        assert_eq!(succeed(folder.path(), arguments), text);
    }
    let correlation = text.lines().last().unwrap().rsplit(' ').next().unwrap();
    assert_eq!(succeed(folder.path(), &["explain", correlation]), text);
    let other = run(folder.path(), &["explain", "65001", "--last"]);
    assert_eq!(other.status.code(), Some(5), "{}", stderr(&other));

    let get = ["token", "get", "--as", "invoice-daemon", "--scope", "api://ledger/.default"];
    let token = succeed(folder.path(), &get);
    let by_token = succeed(folder.path(), &["explain", token.trim()]);
    assert!(by_token.contains("invoice-daemon -> api://ledger   issued v2.0"), "{by_token}");
    let mut command = behalf(folder.path());
    command.args(["explain", "-"]).stdin(std::process::Stdio::piped());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), token.as_bytes()).unwrap();
    let piped = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), by_token);

    let unknown = run(folder.path(), &["explain", "01987654-3210-7000-8000-000000000001"]);
    assert_eq!(unknown.status.code(), Some(5), "{}", stderr(&unknown));
    let both = run(folder.path(), &["explain", id, "--last"]);
    assert_eq!(both.status.code(), Some(2), "{}", stderr(&both));
}
