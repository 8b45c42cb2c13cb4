//! Backups: whatever a file holds, reading it ends; what was written is read; and no change of it
//! passes for another backup.
#![no_main]

use behalf_core::{id::TenantId, time::Timestamp};
use behalf_server::{
    backup::{Facts, Reader, Writer},
    entropy::SeededEntropy,
    keys::{MasterKey, MasterKeyText},
};
use behalf_store::{Key, Kind, Record, Version, Whole};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let line = MasterKeyText::generate(&SeededEntropy::new(1));
    let master = MasterKey::parse(line.expose()).expect("a line that was just made");
    if let Ok(reader) = Reader::open(data, &master) {
        let _checked = reader.verify();
    }
    // The first four bytes say what is changed, the rest is what is written.
    let Some((change, documents)) = data.split_first_chunk::<4>() else { return };
    let good = written(documents, &master);
    let (_, counts) = Reader::open(&good[..], &master)
        .and_then(Reader::verify)
        .expect("what was written is read");
    assert_eq!(counts.bytes, documents.len() as u64);
    let mut bad = good.clone();
    let at = u32::from_le_bytes(*change) as usize;
    if at.is_multiple_of(2) {
        bad[at / 16 % good.len()] ^= 1 << (at / 2 % 8);
    } else {
        bad.truncate(at / 2 % good.len());
    }
    assert!(Reader::open(&bad[..], &master).and_then(Reader::verify).is_err());
});

fn written(documents: &[u8], master: &MasterKey) -> Vec<u8> {
    let facts = Facts {
        made: Timestamp(1_800_000_000_000),
        seq: 7,
        version: "0.1.0".to_owned(),
        public_url: "https://login.example.test".to_owned(),
    };
    let mut writer = Writer::begin(Vec::new(), &facts, master, &SeededEntropy::new(2))
        .expect("memory does not fail");
    for (n, document) in (0_u32..).zip(documents.chunks(700)) {
        let key = Key::new(TenantId::NIL, Kind::Tenant, n.to_be_bytes());
        let record = Record { key, version: Version(1), document: document.to_vec() };
        writer.record(&Whole { record, entries: Vec::new() }).expect("memory does not fail");
    }
    writer.finish().expect("memory does not fail").0
}
