//! Rows of the sign-in log, as they lie on disk: whatever is there, reading it ends, and what was
//! read is written as it was, but for texts that are longer than a writer lets them be.
#![no_main]

use behalf_server::journal::{
    Record, Tally,
    record::{self, MAX},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let fixed = record::fixed(data);
    let Ok(read) = record::decode(data) else { return };
    let fixed = fixed.expect("what is read has its fixed fields");
    let (id, written) = write(&read);
    assert_eq!(fixed.id, id);
    assert!(written.len() <= MAX, "{} bytes", written.len());
    let again = record::decode(&written).expect("what is written is read");
    assert_eq!(write(&again).1, written, "written again it is the same");
    if let Record::Tally(Tally { count, .. }) = read {
        assert!(matches!(again, Record::Tally(tally) if tally.count == count));
    }
});

fn write(record: &Record) -> (behalf_core::id::RequestId, Vec<u8>) {
    match record {
        Record::SignIn(event) => (event.id, record::encode(event).to_vec()),
        Record::Tally(tally) => (tally.id, record::encode_tally(tally).to_vec()),
        Record::Gap(gap) => (gap.id, record::encode_gap(gap).to_vec()),
    }
}
