//! A node that ends takes nothing with it.

use behalf_core::id::CredentialId;
use behalf_server::{
    boot::Data,
    database::Database,
    journal::{Query, Record, Shed},
};
use http::{Request, StatusCode};
use uuid::Uuid;

use crate::common::{ACME, DAEMON, NOW, TestServer, good};

const V2: &str = "/acme.test/oauth2/v2.0/token";

#[tokio::test]
async fn what_the_last_second_counted_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::Folder {
        folder: folder.path().to_owned(),
        database: Database::Sqlite(folder.path().join("behalf.db")),
    };
    let server = TestServer::with(|settings| settings.data = data).await;
    for _ in 0..3 {
        let request = Request::get(V2).body(axum::body::Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(server.post(V2, &good()).await.status, 200);

    server.server.finish().await;

    let page = server.server.journal.query(&Query { limit: 9, ..Query::default() }).unwrap();
    let tallies: Vec<_> = page
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Tally(tally) => Some((tally.kind, tally.count)),
            Record::SignIn(_) | Record::Gap(_) => None,
        })
        .collect();
    assert_eq!(tallies, [(Shed::Verb, 3)]);
    let secret = CredentialId(Uuid::new_v5(&DAEMON.0, b"dev"));
    // Nothing is pending any more, so this is what the database holds.
    let used = server.server.store.reading().credential_last_used(ACME, secret).await.unwrap();
    assert_eq!(used, Some(NOW));
    // The log is closed: who still asks comes again elsewhere.
    assert_eq!(server.post(V2, &good()).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
