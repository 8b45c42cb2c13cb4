//! The parameter `claims`: bounded whatever comes, what is joined is in the whole, and joining the
//! same again changes nothing.
#![no_main]

use behalf_protocol::claims_request::{ClaimsChallenge, ClaimsRequest, MAX_CLAIMS_BYTES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    challenge(text);
    let Ok(request) = ClaimsRequest::parse(text) else { return };
    assert!(text.len() <= MAX_CLAIMS_BYTES && text.trim_start().starts_with('{'));
    let capable = request.handles_challenges();
    assert!(!capable || text.contains("xms_cc") || text.contains("\\u"), "somebody said it");
    let contexts: Vec<&str> = request.authentication_contexts().collect();
    assert!(contexts.iter().all(|context| text.contains(context) || text.contains('\\')));
    let mut twice = request.clone();
    twice.merge(request.clone());
    assert_eq!(twice.handles_challenges(), capable);
    assert_eq!(twice.not_before(), request.not_before());
    let mut both = ClaimsRequest::default();
    both.merge(request);
    assert_eq!(both.handles_challenges(), capable);
});

/// What a resource demands comes back as it was demanded.
fn challenge(context: &str) {
    if context.len() > 256 {
        return;
    }
    let json = ClaimsChallenge::AuthenticationContext(context).to_json();
    let back = ClaimsRequest::parse(&json).expect("our own challenge is read");
    assert_eq!(back.authentication_contexts().collect::<Vec<_>>(), [context]);
}
