//! What is found where a database should be.

use behalf_store::{
    Backend as _, Expect,
    postgres::{OpenError, Options, Postgres, survey},
};

use crate::{
    database::{client, fresh, options, url},
    support::{key, one, set},
};

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn of_several_that_start_at_once_one_migrates() {
    let options = options(&fresh().await);
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let options = options.clone();
        opening.spawn(async move { Postgres::open(&options).await.map(drop) });
    }
    for opened in opening.join_all().await {
        opened.unwrap();
    }
    let backend = Postgres::open(&options).await.unwrap();
    backend.commit(set(|s| s.put(key("a"), vec![1], Expect::Absent))).await.unwrap();
    drop(backend);
    let again = Postgres::open(&options).await.unwrap();
    assert!(one(&again, key("a")).await.is_some());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_newer_schema_is_refused_unless_it_is_compatible() {
    let schema = fresh().await;
    Postgres::open(&options(&schema)).await.unwrap();
    let client = client(&url()).await;
    let newer = |compatible_from: i64| {
        format!(
            "DELETE FROM {schema}.migration WHERE number = 900;
             INSERT INTO {schema}.migration VALUES (900, 7, {compatible_from})"
        )
    };
    client.batch_execute(&newer(1)).await.unwrap();
    Postgres::open(&options(&schema)).await.unwrap();
    client.batch_execute(&newer(900)).await.unwrap();
    let refused = Postgres::open(&options(&schema)).await.unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 900, .. }), "{refused}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_database_that_takes_no_writes_is_refused() {
    let (client, name) = (client(&url()).await, format!("standby_{}", std::process::id()));
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let alter = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    client.batch_execute(&alter).await.unwrap();
    let refused = Postgres::open(&elsewhere(&format!("/{name}"))).await.unwrap_err();
    assert!(matches!(refused, OpenError::ReadOnly(_)), "{refused}");
    assert!(refused.to_string().contains("does not take writes, expected a primary"), "{refused}");
    client.batch_execute(&format!("DROP DATABASE {name}")).await.unwrap();
}

/// The test's URL with its database replaced.
fn elsewhere(database: &str) -> Options {
    let url = url();
    let (server, _) = url.rsplit_once('/').unwrap();
    Options::parse(&format!("{server}{database}")).unwrap()
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn what_is_wrong_is_said_without_the_password() {
    let missing = Postgres::open(&elsewhere("/nowhere")).await.unwrap_err();
    assert!(matches!(missing, OpenError::NoDatabase { .. }), "{missing}");
    let url = url();
    let (user, server) = url.split_once(":throw-away@").unwrap();
    let open = async |url: String| {
        let error = Postgres::open(&Options::parse(&url).unwrap()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        error
    };
    let wrong = open(format!("{user}:canary@{server}")).await;
    assert!(matches!(wrong, OpenError::Access { .. }), "{wrong}");
    let none = open(format!("{user}@{server}")).await;
    assert!(matches!(none, OpenError::Access { .. }), "{none}");
    // Nobody listens on the port of discard.
    let away = open("postgres://b:canary@127.0.0.1:9/b".into()).await;
    assert!(matches!(away, OpenError::Unreachable { .. }), "{away}");
    // The server has no TLS: nothing is said to it in the clear.
    let plain = open(format!("{user}:canary@{server}?sslmode=require")).await;
    assert!(matches!(plain, OpenError::Unreachable { .. }), "{plain}");
    assert!(plain.to_string().contains("TLS"), "{plain}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn who_may_not_make_the_schema_or_not_use_it_is_told_so() {
    let schema = fresh().await;
    let (client, url) = (client(&url()).await, url());
    let role = format!("weak_{}", std::process::id());
    client.batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'weak'")).await.unwrap();
    let (_, server) = url.split_once('@').unwrap();
    let weak = format!("postgres://{role}:weak@{server}?schema={schema}");
    let weak = Options::parse(&weak).unwrap();
    let none = Postgres::open(&weak).await.unwrap_err();
    assert!(matches!(none, OpenError::Privilege(_)), "{none}");
    Postgres::open(&options(&schema)).await.unwrap();
    let made = Postgres::open(&weak).await.unwrap_err();
    assert!(matches!(made, OpenError::Privilege(_)), "{made}");
    assert!(made.to_string().contains("permission denied for schema"), "{made}");
    let surveyed = survey(&weak).await.unwrap_err();
    assert!(matches!(surveyed, OpenError::Privilege(_)), "{surveyed}");
    client.batch_execute(&format!("DROP ROLE {role}")).await.unwrap();
}

/// The first host does not answer: the next is asked.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn of_several_hosts_the_one_that_answers_is_used() {
    let schema = fresh().await;
    let url = url();
    let (user, server) = url.split_once('@').unwrap();
    let url = format!("{user}@127.0.0.1:9,{server}?schema={schema}");
    let backend = Postgres::open(&Options::parse(&url).unwrap()).await.unwrap();
    backend.commit(set(|s| s.put(key("a"), vec![1], Expect::Absent))).await.unwrap();
}

/// Whoever looks changes nothing.
#[tokio::test]
#[ignore = "needs PostgreSQL: ./test postgres"]
async fn a_database_says_of_itself_what_it_is() {
    let schema = fresh().await;
    let options = options(&schema);
    let before = survey(&options).await.unwrap();
    assert_eq!((before.schema.found, before.schema.refused), (None, None));
    assert!(before.new_enough && before.server.starts_with("PostgreSQL "), "{}", before.server);
    let _node = Postgres::open(&options).await.unwrap();
    let after = survey(&options).await.unwrap();
    assert_eq!(after.schema.found, Some(after.schema.known));
    assert_eq!((after.tls, after.local, after.distributed), (Some(false), true, false));
    assert_eq!(after.standbys, Some(vec![]));
    assert_eq!(after.full_page_writes.as_deref(), Some("on"));
    let nodes = after.nodes.unwrap();
    assert_eq!((before.nodes.unwrap().len(), nodes.len()), (0, 1));
    assert!(nodes[0].version.starts_with("behalf/"));
    assert!(after.max_connections > after.connections);
    let client = client(&url()).await;
    let newer = format!("INSERT INTO {schema}.migration VALUES (900, 7, 900)");
    client.batch_execute(&newer).await.unwrap();
    assert!(survey(&options).await.unwrap().schema.refused.is_some());
}
