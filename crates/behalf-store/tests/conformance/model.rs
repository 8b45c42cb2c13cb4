//! A random program does to a map what it does to the backend; both say the same at every step.

use std::{collections::BTreeMap, sync::Arc};

use behalf_store::{Backend, CommitError, Expect, Find, Index, Key, Kind, Scan, Version, WriteSet};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{RngSeed, TestRunner},
};

use crate::conformance::bed::entry;
use crate::support::tenant;

/// Few keys and values, so that programs meet themselves.
type Id = (u8, u8);

#[derive(Debug, Clone)]
enum Wanted {
    Absent,
    /// The version the record has now, if it is present.
    Current,
    Wrong,
    Any,
}

#[derive(Debug, Clone)]
enum Operation {
    Put(Id, Option<u8>, Wanted),
    Delete(Id, Wanted),
    Expect(Id, Wanted),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let wanted = prop_oneof![
        3 => Just(Wanted::Any),
        2 => Just(Wanted::Current),
        2 => Just(Wanted::Absent),
        1 => Just(Wanted::Wrong)
    ];
    let id = (1..=2_u8, 0..6_u8);
    let operation = prop_oneof![
        4 => (id.clone(), proptest::option::of(0..3_u8), wanted.clone())
            .prop_map(|(id, value, wanted)| Operation::Put(id, value, wanted)),
        2 => (id.clone(), wanted.clone()).prop_map(|(id, wanted)| Operation::Delete(id, wanted)),
        1 => (id, wanted).prop_map(|(id, wanted)| Operation::Expect(id, wanted)),
    ];
    vec(operation, 0..5)
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    version: Version,
    document: Vec<u8>,
    value: Option<u8>,
}

type Model = BTreeMap<Id, Row>;

fn key((t, id): Id) -> Key {
    Key::new(tenant(t), Kind::ServicePrincipal, [b'k', id])
}

fn expect(model: &Model, id: Id, wanted: &Wanted) -> Expect {
    match wanted {
        Wanted::Absent => Expect::Absent,
        Wanted::Any => Expect::Any,
        Wanted::Wrong => Expect::Version(Version(u64::MAX)),
        Wanted::Current => match model.get(&id) {
            Some(row) => Expect::Version(row.version),
            None => Expect::Absent,
        },
    }
}

/// The write set of one step, and what the model is after it if every expectation holds.
fn step(model: &Model, operations: &[Operation], n: u32) -> (WriteSet, Result<Model, ()>) {
    let (mut set, mut after, mut holds) = (WriteSet::new(), model.clone(), true);
    let mut seen = Vec::new();
    for operation in operations {
        let (Operation::Put(id, _, wanted)
        | Operation::Delete(id, wanted)
        | Operation::Expect(id, wanted)) = operation;
        if seen.contains(id) {
            continue;
        }
        seen.push(*id);
        let expect = expect(model, *id, wanted);
        holds &= expect.holds(model.get(id).map(|row| row.version));
        match operation {
            Operation::Put(_, value, _) => {
                let document = n.to_be_bytes().to_vec();
                let entries = value.map(|v| entry(&v.to_string())).into_iter().collect();
                set.put_indexed(key(*id), document.clone(), entries, expect);
                after.insert(*id, Row { version: Version(0), document, value: *value });
            }
            Operation::Delete(..) => {
                set.delete(key(*id), expect);
                after.remove(id);
            }
            Operation::Expect(..) => set.expect(key(*id), expect),
        }
    }
    (set, if holds { Ok(after) } else { Err(()) })
}

async fn compare(backend: &dyn Backend, model: &mut Model, written: &[Key]) {
    for t in 1..=2 {
        let ids: Vec<Id> = (0..6).map(|id| (t, id)).collect();
        let keys: Vec<Key> = ids.iter().map(|id| key(*id)).collect();
        let found = backend.get(&keys).await.unwrap();
        for (id, record) in ids.iter().zip(&found) {
            let row = model.get_mut(id);
            assert_eq!(record.is_some(), row.is_some(), "{id:?}");
            if let (Some(record), Some(row)) = (record, row) {
                assert_eq!(record.document, row.document);
                if written.contains(&record.key) {
                    assert!(record.version > row.version, "a write gives a new version");
                    row.version = record.version;
                }
                assert_eq!(record.version, row.version, "and nothing else does");
            }
        }
        let present: Vec<_> = found.into_iter().flatten().collect();
        let kind = Kind::ServicePrincipal;
        let scan = Scan { tenant: tenant(t), kind, after: None, limit: 100 };
        assert_eq!(backend.scan(scan).await.unwrap().records, present);
        for value in 0..3_u8 {
            let expected: Vec<_> = present
                .iter()
                .filter(|r| model.get(&(t, r.key.id[1])).unwrap().value == Some(value))
                .cloned()
                .collect();
            let query = Find {
                tenant: tenant(t),
                index: Index::ServicePrincipalById,
                value: value.to_string().into(),
                after: None,
                limit: 100,
            };
            assert_eq!(backend.find(query).await.unwrap().records, expected);
        }
    }
}

pub(crate) async fn random_programs_agree_with_a_map(backend: Arc<dyn Backend>) {
    let config = ProptestConfig { rng_seed: RngSeed::Fixed(20_260_101), ..<_>::default() };
    let mut runner = TestRunner::new(config);
    let mut model = Model::new();
    let mut outcomes = (0, 0);
    for n in 0..400 {
        let operations = operations().new_tree(&mut runner).unwrap().current();
        let (set, expected) = step(&model, &operations, n);
        let written: Vec<Key> = set.puts.iter().map(|put| put.key.clone()).collect();
        let result = backend.commit(set).await;
        if let Ok(after) = expected {
            result.unwrap_or_else(|error| panic!("step {n}: {error:?} of {operations:?}"));
            model = after;
            outcomes.0 += 1;
            // A put starts from version 0 in the model, so that any real version is newer.
            compare(&*backend, &mut model, &written).await;
        } else {
            assert!(matches!(result, Err(CommitError::Conflict { .. })), "step {n}: {result:?}");
            outcomes.1 += 1;
            compare(&*backend, &mut model, &[]).await;
        }
    }
    assert!(outcomes.0 > 100 && outcomes.1 > 50, "programs that show something: {outcomes:?}");
}
