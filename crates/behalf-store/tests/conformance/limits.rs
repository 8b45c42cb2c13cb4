use std::sync::Arc;

use behalf_store::{Backend, CommitError, Expect, Invalid, Key, Kind, WriteSet, limits};

use crate::conformance::bed::{entry, indexed};
use crate::support::{key, one, set, tenant};

async fn refused(backend: &dyn Backend, set: WriteSet) -> Invalid {
    match backend.commit(set).await {
        Err(CommitError::Invalid(invalid)) => invalid,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn sets_that_break_a_limit_are_refused(backend: Arc<dyn Backend>) {
    let b = &*backend;
    let put = |id: Vec<u8>, document: Vec<u8>| {
        set(|s| s.put(Key { id, ..key("a") }, document, Expect::Any))
    };
    assert_eq!(refused(b, put(vec![], vec![])).await, Invalid::Id { length: 0 });
    let long = limits::ID + 1;
    assert_eq!(refused(b, put(vec![1; long], vec![])).await, Invalid::Id { length: long });
    let large = limits::DOCUMENT + 1;
    let document = Invalid::Document { length: large };
    assert_eq!(refused(b, put(vec![1], vec![0; large])).await, document);
    let append = set(|s| s.append(tenant(1), Kind::Audit, vec![0; large]));
    assert_eq!(refused(b, append).await, document);
    let delete = set(|s| s.delete(key(""), Expect::Any));
    assert_eq!(refused(b, delete).await, Invalid::Id { length: 0 });
    let expect = set(|s| s.expect(key(""), Expect::Any));
    assert_eq!(refused(b, expect).await, Invalid::Id { length: 0 });

    let mut many = indexed("a", "v", "");
    many.entries = (0..=limits::ENTRIES).map(|n| entry(&n.to_string())).collect();
    let count = limits::ENTRIES + 1;
    assert_eq!(refused(b, set(|s| s.puts.push(many))).await, Invalid::Entries { count });
    let empty = indexed("a", "", "");
    assert_eq!(refused(b, set(|s| s.puts.push(empty))).await, Invalid::Id { length: 0 });
    let mut other = indexed("a", "v", "");
    other.key.kind = Kind::Application;
    let index = Invalid::Index { kind: Kind::Application };
    assert_eq!(refused(b, set(|s| s.puts.push(other))).await, index);

    let twice = set(|s| {
        s.put(key("a"), vec![], Expect::Any);
        s.expect(key("a"), Expect::Absent);
    });
    assert_eq!(refused(b, twice).await, Invalid::Twice { kind: Kind::Application });
    let operations = limits::OPERATIONS + 1;
    let too_many = set(|s| (0..operations).for_each(|_| s.append(tenant(1), Kind::Audit, vec![])));
    assert_eq!(refused(b, too_many).await, Invalid::TooMany { operations });
    assert_eq!(one(b, key("a")).await, None);
}

pub(crate) async fn sets_at_the_limit_are_stored(backend: Arc<dyn Backend>) {
    let longest = Key { id: vec![255; limits::ID], ..key("") };
    let document = vec![7; limits::DOCUMENT];
    let put = set(|s| s.put(longest.clone(), document.clone(), Expect::Absent));
    backend.commit(put).await.unwrap();
    assert_eq!(one(&*backend, longest).await.unwrap().document, document);
    backend.commit(set(|s| s.put(key("empty"), vec![], Expect::Absent))).await.unwrap();
    assert_eq!(one(&*backend, key("empty")).await.unwrap().document, b"");
    backend.commit(WriteSet::new()).await.unwrap();
    let hostile = Key::new(tenant(1), Kind::ResourceName, *b"a'; DROP TABLE record; --\0\xff");
    backend.commit(set(|s| s.put(hostile.clone(), vec![1], Expect::Absent))).await.unwrap();
    assert_eq!(one(&*backend, hostile).await.unwrap().document, [1]);
}
