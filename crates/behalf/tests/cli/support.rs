//! Running the command.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
};

use serde_json::Value;

/// The command with nothing of this process's environment that could steer it.
pub(crate) fn behalf(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_behalf"));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/local/bin")
        .env("BEHALF_DEV_DIR", folder.join("dev"))
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// Runs to the end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    behalf(folder).args(arguments).output().unwrap()
}

/// Standard output of a run that must succeed.
pub(crate) fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A `behalf dev --port 0 --json` of this test.
pub(crate) struct Dev {
    child: Child,
    pub(crate) ready: Value,
    pub(crate) line: String,
}

impl Dev {
    /// Starts one and waits for its line.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::begin(folder, arguments).wait()
    }

    /// Starts one.
    pub(crate) fn begin(folder: &Path, arguments: &[&str]) -> Starting {
        let mut command = behalf(folder);
        command.args(["dev", "--port", "0", "--json"]).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        Starting { child, stdout }
    }

    pub(crate) fn base_url(&self) -> &str {
        self.ready["base_url"].as_str().unwrap()
    }

    pub(crate) fn port(&self) -> String {
        self.base_url().rsplit(':').next().unwrap().to_owned()
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.ready["ca_file"].as_str().unwrap().into()
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        terminate(&self.child);
        self.child.wait().unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Starting {
    child: Child,
    stdout: ChildStdout,
}

impl Starting {
    pub(crate) fn wait(self) -> Dev {
        let mut line = String::new();
        BufReader::new(self.stdout).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ready line: {line}"));
        Dev { child: self.child, ready, line }
    }
}

pub(crate) fn terminate(child: &Child) {
    let sent = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

/// A client that trusts one CA.
pub(crate) fn client(ca_file: &Path) -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let pem = std::fs::read(ca_file).unwrap();
    let ca = reqwest::Certificate::from_pem(&pem).unwrap();
    reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap()
}

/// Posts a form; status and JSON.
pub(crate) fn post(client: &reqwest::Client, url: &str, form: &str) -> (u16, Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let kind = "application/x-www-form-urlencoded";
        let request = client.post(url).header("content-type", kind).body(form.to_owned());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    })
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
