//! A deployment, its process, its clients.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

pub(crate) const TENANT: &str = "example.test";
pub(crate) const RESOURCE: &str = "api://stock";
const ROLE: &str = "Stock.Read.All";

/// A folder as `behalf init` leaves it, with one tenant and the API `stock-api` in it.
pub(crate) struct Deployment {
    folder: TempDir,
}

/// A client and its secret.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Deployment {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let this = Self { folder };
        let url = "https://localhost:8443";
        let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
        this.succeed(&[&["init", "--public-url", url], &tls[..]].concat());
        this.succeed(&["tenant", "create", "Example", "--domain", TENANT]);
        this
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_behalf"));
        command.env_clear().current_dir(self.path()).stdin(Stdio::null());
        for limit in ["CLIENT", "ADDRESS", "TENANT"] {
            command.env(format!("BEHALF_LIMITS_{limit}"), "1000000");
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts `behalf serve` and waits until it says that it serves.
    pub(crate) fn serve(&self, environment: &[(&str, &Path)]) -> Serving {
        let (serving, lines) = self.serve_told(environment);
        // What follows is read, so that the process is never held up.
        std::thread::spawn(move || lines.for_each(drop));
        serving
    }

    /// The same, with what it says from then on.
    pub(crate) fn serve_told(
        &self,
        environment: &[(&str, &Path)],
    ) -> (Serving, impl Iterator<Item = String> + Send + use<>) {
        #[expect(clippy::disallowed_methods, reason = "how long a start takes is measured")]
        let begun = Instant::now();
        let mut child = self
            .command()
            .args(["serve", "--listen", "127.0.0.1:0", "--management-listen", "off"])
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        let mut lines = log.lines().map_while(Result::ok);
        let serving = lines.find(|line| line.contains("\"serving\"")).expect("it serves");
        let ready = begun.elapsed();
        let line: Value = serde_json::from_str(&serving).unwrap();
        let listen = line["listen"].as_str().or(line["fields"]["listen"].as_str()).unwrap();
        let port = listen.rsplit(':').next().unwrap();
        let address = format!("https://localhost:{port}");
        (Serving { child, address, ready }, lines)
    }

    /// A client of its own connection.
    pub(crate) fn client(&self) -> reqwest::Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pem = std::fs::read(self.path().join("cert.pem")).unwrap();
        let ca = reqwest::Certificate::from_pem(&pem).unwrap();
        reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap()
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin { socket: self.data().join("admin.sock") }
    }
}

/// A `behalf serve`.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: String,
    pub(crate) ready: Duration,
}

impl Serving {
    pub(crate) fn token_url(&self) -> String {
        format!("{}/{TENANT}/oauth2/v2.0/token", self.address)
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer of the token endpoint.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `x-ms-request-id`.
    pub(crate) request: String,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    /// The roles of the token.
    pub(crate) fn roles(&self) -> Value {
        let token = self.body["access_token"].as_str().unwrap_or_else(|| panic!("{self:?}"));
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<Value>(&claims).unwrap()["roles"].take()
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.status == 200 && self.roles() == json!([ROLE])
    }

    pub(crate) fn aadsts(&self) -> Option<u64> {
        self.body["error_codes"][0].as_u64()
    }
}

/// Posts a form. An error: the connection broke before the answer was whole.
pub(crate) async fn post(
    client: &reqwest::Client,
    url: &str,
    form: String,
) -> reqwest::Result<Answer> {
    let kind = "application/x-www-form-urlencoded";
    let answer = client.post(url).header("content-type", kind).body(form).send().await?;
    let header =
        |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (request, retry_after) = (header("x-ms-request-id").unwrap(), header("retry-after"));
    let status = answer.status().as_u16();
    let body = answer.bytes().await?;
    Ok(Answer { status, request, retry_after, body: serde_json::from_slice(&body).unwrap() })
}

/// A client-credentials request.
pub(crate) fn form(credentials: &Credentials) -> String {
    format!(
        "grant_type=client_credentials&scope={RESOURCE}/.default&client_id={}&client_secret={}",
        credentials.id, credentials.secret
    )
}

/// The API of the deployment.
pub(crate) fn api() -> Value {
    json!({
        "apiVersion": "behalf/v1",
        "tenant": TENANT,
        "apps": [{
            "name": "stock-api",
            "uri": RESOURCE,
            "token": { "version": 2 },
            "offers": { "roles": { ROLE: { "for": ["app"] } } },
        }],
    })
}

/// A daemon with one generated secret and the role of the API.
pub(crate) fn daemon(name: &str) -> Value {
    json!({
        "apiVersion": "behalf/v1",
        "tenant": TENANT,
        "apps": [{
            "name": name,
            "type": "daemon",
            "calls": { "stock-api": { "as-app": [ROLE] } },
            "credentials": [{ "secret": "generate", "name": "initial" }],
        }],
        "grants": { "admin-consent": [name] },
    })
}

/// The same daemon without credentials.
pub(crate) fn bare(name: &str) -> Value {
    let apps = json!([{ "name": name, "credentials": [] }]);
    json!({ "apiVersion": "behalf/v1", "tenant": TENANT, "apps": apps })
}

/// An administrator at the admin socket.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    socket: PathBuf,
}

impl Admin {
    /// Applies a manifest; nothing when the connection broke before the answer was whole.
    pub(crate) async fn apply(&self, manifest: Value) -> Option<Value> {
        let body = json!({ "manifest": manifest }).to_string();
        let applied = self.ask("POST", "/v1/apply", &body).await?;
        assert_eq!(applied.get("failure"), None, "{applied}");
        Some(applied)
    }

    /// Makes a daemon.
    pub(crate) async fn make(&self, name: &str) -> Option<Credentials> {
        let applied = self.apply(daemon(name)).await?;
        let text = |key: &str| applied["secrets"][0][key].as_str().unwrap().to_owned();
        Some(Credentials { id: text("appId"), secret: text("value") })
    }

    /// The events of the sign-in log since `since` (milliseconds since 1970).
    pub(crate) async fn sign_ins(&self, since: i64) -> Vec<Value> {
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            let address = format!("/v1/sign-ins?limit=1000&since={since}{before}");
            let mut page = self.ask("GET", &address, "").await.expect("the log is told");
            let entries = page["entries"].as_array_mut().unwrap();
            all.extend(entries.drain(..).filter(|entry| entry["kind"] == "signIn"));
            let Some(next) = page["next"].as_i64() else { return all };
            before = format!("&before={next}");
        }
    }

    async fn ask(&self, method: &str, address: &str, body: &str) -> Option<Value> {
        let mut stream = UnixStream::connect(&self.socket).await.ok()?;
        let request = format!(
            "{method} {address} HTTP/1.1\r\nhost: behalf\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let value = serde_json::from_str(body).ok()?;
        assert!(head.starts_with("HTTP/1.1 200"), "{address}: {answer}");
        Some(value)
    }
}
