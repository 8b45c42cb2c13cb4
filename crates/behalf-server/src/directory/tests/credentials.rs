//! Secrets and certificates.

use super::*;

const CERTIFICATE: &str = include_str!("../../../../behalf-jose/tests/fixtures/v3-rsa2048.pem");
const WEAK: &str = include_str!("../../../../behalf-jose/tests/fixtures/v3-rsa1024.pem");

#[tokio::test]
async fn secrets_are_shown_once_and_kept_as_a_hash() {
    let w = World::new().await;
    let d = &w.directory;
    w.app(&w.acme, "daemon", &untouched).await.unwrap();
    let app = named("daemon");
    let new = |name: &str, value: Option<SecretText>| NewSecret {
        name: name.into(),
        value,
        expires: NOW.plus(Duration::from_hours(24)),
        replaces: None,
    };
    let first = d.add_secret(w.acme.id, &app, &new("first", None)).await.unwrap();
    let text = first.generated.unwrap();
    assert_eq!(shape(text.expose()), Shape::Generated);
    let supplied = SecretText::supplied("Qm8~tXw2.Lz9_Kd4-Rv7sJh1pNc6Ye3B".into()).unwrap();
    let second = d.add_secret(w.acme.id, &app, &new("second", Some(supplied))).await.unwrap();
    assert!(second.generated.is_none());
    let stored = d.application(w.acme.id, &app).await.unwrap();
    assert!(!serde_json::to_string(&stored).unwrap().contains(text.expose()));
    assert_eq!(stored.secrets[0].hash, d.pepper.hash(text.expose()));
    assert_eq!(stored.secrets[0].hint, text.expose()[4..7]);

    let again = d.add_secret(w.acme.id, &app, &new("first", None)).await.unwrap_err();
    assert_eq!(again.kind(), Kind::Conflict);
    let past = NewSecret { expires: NOW, ..new("third", None) };
    let expired = d.add_secret(w.acme.id, &app, &past).await.unwrap_err();
    assert_eq!(expired, Refusal::Expired("third".into()));
    d.remove_credential(w.acme.id, &app, first.id).await.unwrap();
    let gone = d.remove_credential(w.acme.id, &app, first.id).await.unwrap_err();
    assert_eq!(gone.kind(), Kind::NotFound);
    let replaced = NewSecret { replaces: Some(second.id), ..new("second", None) };
    d.add_secret(w.acme.id, &app, &replaced).await.unwrap();
    assert_eq!(d.application(w.acme.id, &app).await.unwrap().secrets.len(), 1);
    for n in 1..50 {
        d.add_secret(w.acme.id, &app, &new(&n.to_string(), None)).await.unwrap();
    }
    let many = d.add_secret(w.acme.id, &app, &new("51st", None)).await.unwrap_err();
    assert!(matches!(many, Refusal::TooMany { found: 51, most: 50, .. }));
}

#[tokio::test]
async fn two_who_add_a_secret_at_once_both_do() {
    let w = World::new().await;
    w.app(&w.acme, "daemon", &untouched).await.unwrap();
    let mut adders = tokio::task::JoinSet::new();
    for n in 0..4 {
        let (d, id) = (w.directory.clone(), w.acme.id);
        adders.spawn(async move {
            let expires = NOW.plus(Duration::from_hours(1));
            let new = NewSecret { name: n.to_string(), value: None, expires, replaces: None };
            d.add_secret(id, &named("daemon"), &new).await
        });
    }
    assert!(adders.join_all().await.iter().all(Result::is_ok));
    let app = w.directory.application(w.acme.id, &named("daemon")).await.unwrap();
    assert_eq!(app.secrets.len(), 4);
}

#[tokio::test]
async fn the_certificate_of_the_development_world_is_good_there_only() {
    let w = World::new().await;
    w.app(&w.acme, "daemon", &untouched).await.unwrap();
    let public = include_str!("../../../../behalf/assets/invoice-daemon.pem");
    let new = NewCertificate { name: "dev".into(), bytes: public.into(), replaces: None };
    let d = &w.directory;
    let refused = d.add_certificate(w.acme.id, &named("daemon"), &new).await.unwrap_err();
    assert!(refused.to_string().contains("whose key is public"), "{refused}");
    let dev = d.with_object_ids(ObjectIds::Derived);
    dev.add_certificate(w.acme.id, &named("daemon"), &new).await.unwrap();
}

#[tokio::test]
async fn certificates_need_a_key_that_assertions_may_use() {
    let w = World::new().await;
    let d = &w.directory;
    w.app(&w.acme, "daemon", &untouched).await.unwrap();
    let app = named("daemon");
    let new = |name: &str, bytes: &[u8]| NewCertificate {
        name: name.into(),
        bytes: bytes.to_vec(),
        replaces: None,
    };
    let added = d.add_certificate(w.acme.id, &app, &new("ci", CERTIFICATE.as_bytes())).await;
    let added = added.unwrap();
    let refused = async |name: &str, bytes: &[u8]| {
        d.add_certificate(w.acme.id, &app, &new(name, bytes)).await.unwrap_err().to_string()
    };
    assert!(refused("weak", WEAK.as_bytes()).await.contains("1024 bits: use 2048 to 8192"));
    assert!(refused("none", b"hello").await.contains("not one X.509 certificate"));
    assert!(refused("same", CERTIFICATE.as_bytes()).await.contains("a credential \"ci\" already"));
    d.remove_credential(w.acme.id, &app, added.id).await.unwrap();
    w.clock.jump_to(Timestamp::from_unix_seconds(added.not_after + 1));
    assert!(refused("old", CERTIFICATE.as_bytes()).await.contains("it expired on"));
}
