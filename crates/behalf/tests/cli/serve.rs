use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use behalf_server::{
    boot::{self, Data, Settings},
    clock::{Clock as _, FrozenClock, SystemClock},
    database::Database,
    entropy::{RequestIds, SeededEntropy},
    journal::{Shed, Tally},
    keys,
};

use crate::support::{Dev, behalf, client, post, run, stderr, succeed, terminate};

/// A certificate for localhost, as somebody's CA would have issued it.
fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

pub(crate) fn init(folder: &Path) {
    certificate(folder);
    succeed(
        folder,
        &[
            "init",
            "--public-url",
            "https://localhost:8443",
            "--tls-cert",
            "cert.pem",
            "--tls-key",
            "key.pem",
        ],
    );
}

/// A `behalf serve` on a free port.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: String,
}

impl Serving {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child = behalf(folder)
            .args(["serve", "--listen", "127.0.0.1:0", "--management-listen", "off"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        let mut lines = log.lines().map(Result::unwrap);
        let serving = lines.find(|line| line.contains("\"serving\"")).expect("it serves");
        let line: serde_json::Value = serde_json::from_str(&serving).unwrap();
        let listen = line["listen"].as_str().or(line["fields"]["listen"].as_str()).unwrap();
        let port = listen.rsplit(':').next().unwrap();
        let address = format!("https://localhost:{port}");
        // What follows is read, so that the process is never held up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    pub(crate) fn stop(mut self) -> Option<i32> {
        terminate(&self.child);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.starts_with("error: 5 things must be set before serving"), "{text}");
    for key in ["public_url", "tls.cert", "tls.key", "storage.url", "master_key_file"] {
        assert!(text.contains(key), "{key}: {text}");
    }
}

#[test]
fn init_then_serve_answers_over_tls_and_stops_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let serving = Serving::start(folder.path());
    let url = format!("{}/acme.test/oauth2/v2.0/token", serving.address);
    let client = client(&folder.path().join("cert.pem"));
    let (status, answer) = post(&client, &url, "grant_type=client_credentials");
    assert_eq!((status, answer["error_codes"][0].as_u64()), (400, Some(90_002)), "no tenant yet");
    // The data is one process's.
    let second =
        run(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--management-listen", "off"]);
    assert_eq!(second.status.code(), Some(3));
    assert!(stderr(&second).contains("is in use by"), "{}", stderr(&second));
    assert_eq!(serving.stop(), Some(0));
    let again = Serving::start(folder.path());
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn a_port_in_use_is_named_with_the_setting_that_chose_it() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (taken, port) =
        (taken.local_addr().unwrap().to_string(), taken.local_addr().unwrap().port());
    for (setting, listen, management) in
        [("listen", &*taken, "off"), ("management.listen", "127.0.0.1:0", &*taken)]
    {
        let arguments = ["serve", "--listen", listen, "--management-listen", management];
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let expected = format!(
            "error: port {port} is in use on 127.0.0.1. Try: another port as {setting}, or stop the program that has this one"
        );
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    }
}

#[test]
fn a_configuration_that_is_not_text_is_named_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    std::fs::write(folder.path().join("behalf.toml"), b"# \xe9t\xe9\n").unwrap();
    let output = run(folder.path(), &["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: cannot read behalf.toml: the byte at offset 2, in line 1, is not UTF-8";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn the_data_of_a_dev_instance_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    assert_eq!(Dev::start(folder.path(), &["--data", "data"]).stop().code(), Some(0));
    let output = run(folder.path(), &["serve"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("its secrets are public"), "{}", stderr(&output));
    // The mark can be removed, the ids cannot.
    std::fs::remove_file(folder.path().join("data/behalf-dev")).unwrap();
    let master = std::fs::read(folder.path().join("data/master.key")).unwrap();
    std::fs::write(folder.path().join("master.key"), master).unwrap();
    let output =
        run(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--management-listen", "off"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("of the dev world"), "{}", stderr(&output));
}

/// Lets the sign-in log of `folder` hold an event of `ahead` from now, as a server leaves behind
/// whose clock was set back since.
fn log_from_the_future(folder: &Path, ahead: Duration) {
    let data = folder.join("data");
    let now = SystemClock::new().now().plus(ahead);
    let settings = Settings {
        data: Data::Folder { database: Database::Sqlite(data.join("behalf.db")), folder: data },
        ..Settings::in_memory("https://localhost:8443")
    };
    let master = keys::MasterKey::load(&folder.join("master.key")).unwrap();
    let parts = (Arc::new(FrozenClock::at(now)) as _, Arc::new(SeededEntropy::new(1)) as _);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let node = runtime.block_on(boot::open(settings, Arc::new(master), parts, 1)).unwrap();
    let ids = RequestIds::new(Arc::new(SeededEntropy::new(2)));
    let (kind, address, count) = (Shed::Limited, None, 1);
    let tally = Tally { id: ids.next(now), time: now, kind, address, count };
    node.server.journal.lane().submit_tally(&tally).unwrap();
    node.server.journal.close();
}

#[test]
fn a_clock_behind_the_newest_event_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    log_from_the_future(folder.path(), Duration::from_hours(1));
    let output =
        run(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--management-listen", "off"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("the clock says"), "{}", stderr(&output));
    assert!(stderr(&output).contains("set the clock"), "{}", stderr(&output));
}

#[test]
fn clocks_may_differ_by_what_tokens_allow() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    log_from_the_future(folder.path(), Duration::from_mins(4));
    assert_eq!(Serving::start(folder.path()).stop(), Some(0));
}

#[test]
fn a_new_certificate_is_taken_over_on_sighup() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let serving = Serving::start(folder.path());
    let reaches = |client: &reqwest::Client| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(client.get(format!("{}/livez", serving.address)).send()).is_ok()
    };
    let before = client(&folder.path().join("cert.pem"));
    assert!(reaches(&before));
    certificate(folder.path());
    let after = client(&folder.path().join("cert.pem"));
    assert!(!reaches(&after), "the old certificate is still in use");
    let pid = serving.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    assert!((0..2_000).any(|_| reaches(&after)), "the new certificate is in use");
    assert_eq!(serving.stop(), Some(0));
}
