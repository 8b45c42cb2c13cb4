//! What the SQLite backend promises of its file: one owner, its modes, its schema, damage, a crash,
//! few transactions for many writers, and its size.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail a test so")]

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use behalf_core::{
    application::{
        AppKind, Application, OptionalClaims, Require, SecretCredential, Settings, SignInAudience,
        TokenVersion,
    },
    id::{AppId, CredentialId, ObjectId, TenantId},
    secret::{Pepper, SecretText},
    service_principal::ServicePrincipal,
    time::Timestamp,
};
use behalf_store::{
    Backend as _, Expect, Seq, Store, WriteSet,
    records::{application, resource_name, service_principal},
    sqlite::{OpenError, Sqlite},
};
use rusqlite::Connection;
use support::{key, one, set};
use tokio::task::JoinSet;
use uuid::Uuid;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("data/directory.db")
    }
}

fn damage(result: Result<Sqlite, OpenError>) -> String {
    match result {
        Err(OpenError::Damaged { cause, .. }) => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_process_is_told_who_has_it() {
    let folder = Folder::new();
    let first = Sqlite::open(&folder.database()).unwrap();
    let second = Sqlite::open(&folder.database()).unwrap_err();
    let expected = format!(
        "{} is in use by process {}: stop it first, or talk to it through its admin socket",
        folder.database().display(),
        std::process::id()
    );
    assert_eq!(second.to_string(), expected);
    drop(first);
    Sqlite::open(&folder.database()).unwrap();
}

#[tokio::test]
async fn only_the_owner_can_read_it() {
    let folder = Folder::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let database = Sqlite::open(&folder.database()).unwrap();
    database.commit(set(|s| s.put(key("a"), vec![], Expect::Any))).await.unwrap();
    assert_eq!(mode(&folder.path("data")), 0o700);
    let mut files = 0;
    for file in fs::read_dir(folder.path("data")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 4, "database, log, its index, lock");
    drop(database);
    fs::set_permissions(folder.database(), fs::Permissions::from_mode(0o644)).unwrap();
    let _again = Sqlite::open(&folder.database()).unwrap();
    assert_eq!(mode(&folder.database()), 0o600);
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let folder = Folder::new();
    let database = Sqlite::open(&folder.database()).unwrap();
    let seq = database.commit(set(|s| s.put(key("a"), b"1".to_vec(), Expect::Any))).await.unwrap();
    let before = one(&database, key("a")).await.unwrap();
    drop(database);
    let database = Sqlite::open(&folder.database()).unwrap();
    assert_eq!(one(&database, key("a")).await.unwrap(), before);
    assert_eq!(database.changes_since(Seq(0), 10).await.unwrap().newest, seq);
    let next = database.commit(set(|s| s.put(key("b"), vec![], Expect::Any))).await.unwrap();
    assert_eq!(next, Seq(2));
    assert!(one(&database, key("b")).await.unwrap().version > before.version);
}

/// What is on the disk when the process dies: database and log as they are, no checkpoint.
#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let folder = Folder::new();
    let database = Sqlite::open(&folder.database()).unwrap();
    for n in 0..50 {
        let id = key(&n.to_string());
        database.commit(set(|s| s.put(id, vec![n], Expect::Absent))).await.unwrap();
        if n % 10 != 9 {
            continue;
        }
        let crashed = folder.path(&format!("crash-{n}.db"));
        fs::copy(folder.database(), &crashed).unwrap();
        let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
        fs::copy(log(&folder.database()), log(&crashed)).unwrap();
        let recovered = Sqlite::open(&crashed).unwrap();
        for n in 0..=n {
            let found = one(&recovered, key(&n.to_string())).await.unwrap();
            assert_eq!(found.document, [n]);
        }
        assert_eq!(one(&recovered, key(&(n + 1).to_string())).await, None);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_untouched() {
    let folder = Folder::new();
    drop(Sqlite::open(&folder.database()).unwrap());
    let edit = Connection::open(folder.database()).unwrap();
    edit.pragma_update(None, "user_version", 99).unwrap();
    drop(edit);
    let error = Sqlite::open(&folder.database()).unwrap_err().to_string();
    assert!(error.contains("has schema 99, this version knows schemas up to 2"), "{error}");
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    let folder = Folder::new();
    drop(Sqlite::open(&folder.database()).unwrap());
    let edit = Connection::open(folder.database()).unwrap();
    edit.execute("UPDATE migration SET checksum = checksum + 1", []).unwrap();
    drop(edit);
    let cause = damage(Sqlite::open(&folder.database()));
    assert_eq!(cause, "migration 1 is not the one this version knows");
}

#[tokio::test]
async fn what_is_no_directory_is_refused_and_left_alone() {
    let folder = Folder::new();
    fs::create_dir(folder.path("data")).unwrap();
    let foreign = || {
        let other = Connection::open(folder.database()).unwrap();
        other.execute_batch("CREATE TABLE x (y); INSERT INTO x VALUES (1)").unwrap();
        drop(other);
        fs::read(folder.database()).unwrap()
    };
    for (bytes, expected) in [
        (vec![], "the file is empty"),
        (b"# configuration\n".repeat(500), "file is not a database"),
        (foreign(), "it is no directory of behalf (application id 0x0)"),
    ] {
        fs::write(folder.database(), &bytes).unwrap();
        assert_eq!(damage(Sqlite::open(&folder.database())), expected);
        assert_eq!(fs::read(folder.database()).unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_cut_file_is_refused_and_never_taken_for_an_empty_one() {
    let folder = Folder::new();
    let database = Sqlite::open(&folder.database()).unwrap();
    database.commit(set(|s| s.put(key("a"), vec![1; 50_000], Expect::Any))).await.unwrap();
    drop(database);
    let whole = fs::read(folder.database()).unwrap();
    for length in [1, 99, 4_096, 3 * 4_096, whole.len() / 2] {
        fs::write(folder.database(), &whole[..length]).unwrap();
        if let Ok(database) = Sqlite::open(&folder.database()) {
            database.get(&[key("a")]).await.unwrap_err();
        }
    }
    fs::write(folder.database(), &whole).unwrap();
    let database = Sqlite::open(&folder.database()).unwrap();
    assert_eq!(one(&database, key("a")).await.unwrap().document.len(), 50_000);
}

/// Commits in the write-ahead log: frames whose header names a database size.
fn transactions(database: &Path) -> usize {
    let log = fs::read(format!("{}-wal", database.display())).unwrap();
    log[32..].chunks(24 + 4_096).filter(|frame| frame[4..8] != [0; 4]).count()
}

/// While somebody keeps the writer waiting a thousand writers queue; they share five commits.
#[tokio::test]
async fn many_writers_share_few_transactions() {
    let folder = Folder::new();
    let database = Arc::new(Sqlite::open(&folder.database()).unwrap());
    database.commit(set(|s| s.put(key("first"), vec![], Expect::Any))).await.unwrap();
    let before = transactions(&folder.database());
    let slow = Connection::open(folder.database()).unwrap();
    slow.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for n in 0..1_000 {
        let (database, started) = (Arc::clone(&database), Arc::clone(&started));
        writers.spawn(async move {
            let id = key(&n.to_string());
            started.fetch_add(1, Ordering::SeqCst);
            database.commit(set(|s| s.put(id, vec![0; 16], Expect::Absent))).await
        });
    }
    // One thread runs them all: who has started has queued before anybody else runs.
    while started.load(Ordering::SeqCst) < 1_000 {
        tokio::task::yield_now().await;
    }
    slow.execute_batch("ROLLBACK").unwrap();
    drop(slow);
    for result in writers.join_all().await {
        result.unwrap();
    }
    let taken = transactions(&folder.database()) - before;
    assert!((1..=5).contains(&taken), "{taken} transactions");
}

fn guid(kind: u32, n: u32) -> Uuid {
    // Ids are random in life: spread them, or the indexes would fill in order.
    let spread = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Uuid::from_u128(spread ^ u128::from(kind))
}

/// A daemon with a secret and a name, and its service principal.
fn pair(set: &mut WriteSet, pepper: &Pepper, n: u32) {
    let tenant = TenantId(guid(9, 0));
    let (now, expires) = (Timestamp(1_800_000_000_000), Timestamp(1_815_552_000_000));
    let secret = SecretText::generate(&[n.to_be_bytes()[3]; 32]);
    let app = Application {
        id: ObjectId(guid(1, n)),
        app_id: AppId(guid(2, n)),
        tenant,
        name: format!("application-{n}"),
        display_name: None,
        kind: AppKind::Daemon,
        audience: SignInAudience::Single,
        identifier_uris: vec![],
        requested_access_token_version: Some(TokenVersion::V2),
        scopes: vec![],
        roles: vec![],
        required_resource_access: vec![],
        secrets: vec![SecretCredential {
            id: CredentialId(guid(3, n)),
            name: "initial".into(),
            hint: secret.hint(),
            hash: pepper.hash(secret.expose()),
            created: now,
            expires,
        }],
        certificates: vec![],
        redirects: vec![],
        logout_url: None,
        fallback_public_client: false,
        optional_claims: OptionalClaims::default(),
        require: Require::default(),
        known_clients: vec![],
        pre_authorized: vec![],
        disabled: false,
        behalf: Settings::default(),
        created: now,
    };
    let principal = ServicePrincipal {
        id: ObjectId(guid(4, n)),
        tenant,
        app_id: app.app_id,
        home: tenant,
        application: app.id,
        disabled: false,
        assignment_required: false,
        revision: 0,
        created: now,
    };
    application::create(set, &app);
    service_principal::put(set, &principal, Expect::Absent);
    let uri = format!("api://application-{n}");
    resource_name::claim(set, tenant, &uri, app.app_id, None);
}

async fn load(store: &Store, pairs: u32) {
    let pepper = Pepper::new(1, &[7; 32]);
    let numbers: Vec<u32> = (0..pairs).collect();
    for some in numbers.chunks(5_000) {
        let set = set(|s| some.iter().for_each(|n| pair(s, &pepper, *n)));
        store.commit(set).await.unwrap();
    }
}

#[tokio::test]
async fn an_application_and_its_service_principal_take_1_7_kb() {
    const PAIRS: u32 = 10_000;
    let folder = Folder::new();
    let database = Arc::new(Sqlite::open(&folder.database()).unwrap());
    let store = Store::open(database).await.unwrap();
    load(&store, PAIRS).await;
    let reading = store.reading();
    let tenant = TenantId(guid(9, 0));
    let named = reading.service_principal_by_name(tenant, "api://application-77").await.unwrap();
    assert_eq!(named.unwrap().app_id, AppId(guid(2, 77)));
    drop(store);
    // The last connection that closes moves the log into the database.
    let bytes = fs::metadata(folder.database()).unwrap().len() / u64::from(PAIRS);
    println!("{bytes} bytes an application and service principal");
    assert!(bytes <= 1_700, "{bytes} bytes");
}
