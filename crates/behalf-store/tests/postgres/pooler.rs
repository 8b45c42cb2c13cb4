//! A real `PgBouncer` in between, which also speaks TLS as a database elsewhere would.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use behalf_store::{
    Backend as _, Expect,
    postgres::{OpenError, Options, Postgres, survey},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::{
    database::{fresh, url},
    support::{key, one, set},
};

struct Pooler {
    program: Child,
    port: u16,
    folder: TempDir,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Pooler {
    /// In front of the test's database, with a certificate for `localhost`.
    fn start(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let passable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), passable).unwrap();
        let at = |name: &str| folder.path().join(name);
        let (chain, key, authority) = certificate();
        for (name, text) in [("chain.pem", chain), ("key.pem", key), ("ca.pem", authority)] {
            std::fs::write(at(name), text).unwrap();
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let url = url();
        let (login, server) = url.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let (address, database) = server.split_once('/').unwrap();
        let (host, its_port) = address.split_once(':').unwrap();
        let (certificate, key) = (at("chain.pem"), at("key.pem"));
        let settings = format!(
            "[databases]\n\
             pooled = host={host} port={its_port} dbname={database} user={user} password={password}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {mode}\n\
             client_tls_sslmode = require\n\
             client_tls_cert_file = {}\nclient_tls_key_file = {}\n",
            certificate.display(),
            key.display(),
        );
        std::fs::write(at("pooler.ini"), settings).unwrap();
        let mut command = Command::new("pgbouncer");
        // It refuses to be root.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.args(["-u", "postgres"]);
        }
        let mut program = command.arg(at("pooler.ini")).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(program.stderr.take().unwrap());
        let mut lines = said.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("process up")), "pgbouncer does not start");
        // What it says later must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { program, port, folder }
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn options(&self, host: &str, schema: &str, root: &str) -> Options {
        let port = self.port;
        let url = format!("postgres://any:canary@{host}:{port}/pooled?schema={schema}{root}");
        Options::parse(&url).unwrap()
    }

    fn trusted(&self, schema: &str) -> Options {
        let root = format!("&sslmode=verify-full&sslrootcert={}", self.authority().display());
        self.options("localhost", schema, &root)
    }
}

/// A chain for `localhost`, its key, and who signed it.
fn certificate() -> (String, String, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let signer = KeyPair::generate().unwrap();
    let root = authority.self_signed(&signer).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(authority, signer)).unwrap();
    (leaf.pem(), key.serialize_pem(), root.pem())
}

#[tokio::test]
#[ignore = "needs PostgreSQL and PgBouncer: ./test postgres"]
async fn two_nodes_work_over_tls_through_a_pooler_of_sessions() {
    let (pooler, schema) = (Pooler::start("session"), fresh().await);
    let options = pooler.trusted(&schema);
    let writes = Postgres::open(&options).await.unwrap();
    let reads = Postgres::open(&options).await.unwrap();
    let news = reads.news().unwrap();
    let heard = news.notified();
    writes.commit(set(|s| s.put(key("a"), vec![1], Expect::Absent))).await.unwrap();
    heard.await;
    assert_eq!(one(&reads, key("a")).await.unwrap().document, vec![1]);
    // Nothing was left in the schema that a session has without being told.
    let beside = crate::database::client(&url()).await;
    let here = format!("SELECT count(*) FROM {schema}.record");
    assert_eq!(beside.query_one(&here, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
#[ignore = "needs PostgreSQL and PgBouncer: ./test postgres"]
async fn a_pooler_that_shares_sessions_is_refused() {
    for mode in ["transaction", "statement"] {
        let (pooler, schema) = (Pooler::start(mode), fresh().await);
        let options = pooler.trusted(&schema);
        let refused = Postgres::open(&options).await.unwrap_err();
        assert!(matches!(refused, OpenError::Pooled(_)), "{mode}: {refused}");
        let refused = survey(&options).await.unwrap_err();
        assert!(matches!(refused, OpenError::Pooled(_)), "{mode}: {refused}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL and PgBouncer: ./test postgres"]
async fn a_server_that_cannot_show_who_it_is_is_told_nothing() {
    let pooler = Pooler::start("session");
    let theirs = certificate().2;
    let other = pooler.folder.path().join("other.pem");
    std::fs::write(&other, theirs).unwrap();
    let root = |file: &std::path::Path| format!("&sslmode=require&sslrootcert={}", file.display());
    for (what, options) in [
        ("signed by another", pooler.options("localhost", "x", &root(&other))),
        ("another name", pooler.options("127.0.0.1", "x", &root(&pooler.authority()))),
        ("not known to the system", pooler.options("localhost", "x", "&sslmode=require")),
    ] {
        let refused = Postgres::open(&options).await.unwrap_err();
        assert!(matches!(refused, OpenError::Certificate { .. }), "{what}: {refused}");
        assert!(!refused.to_string().contains("canary"), "{refused}");
    }
}
