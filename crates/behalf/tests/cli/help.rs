use crate::support::{run, stderr, succeed};

#[test]
fn help_lists_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(succeed(folder.path(), &["--help"]));
}

#[test]
fn each_command_explains_itself() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "dev",
        "demo",
        "init",
        "apply",
        "grant",
        "tenant create",
        "tenant remove-domain",
        "key rotate",
        "log",
        "env",
        "run",
        "backup",
        "backup verify",
        "restore",
        "storage copy",
        "doctor",
        "token get",
        "token login",
        "token obo",
        "token refresh",
        "explain",
    ] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--help");
        insta::assert_snapshot!(command.replace(' ', "_"), succeed(folder.path(), &arguments));
    }
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["nonsense"][..], &["dev", "--port", "x"], &["token", "get"], &[]] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
}
