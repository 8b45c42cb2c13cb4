/// Appends `text` as a JSON string, quotes included.
///
/// Names and identifiers hold nothing to escape; one pass without a branch, many bytes at a time,
/// proves it and the bytes are copied whole. Anything else goes through `serde_json`.
pub(crate) fn push_string(out: &mut String, text: &str) {
    let escaped = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"' || byte == b'\\');
    if text.bytes().fold(0, |any, byte| any | escaped(byte)) == 0 {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::push_string;

    fn written(text: &str) -> String {
        let mut out = String::new();
        push_string(&mut out, text);
        out
    }

    #[test]
    fn escapes_only_what_json_asks() {
        assert_eq!(written("api://ledger/é"), r#""api://ledger/é""#);
        assert_eq!(written("a\"b\\c\nd\u{1}"), r#""a\"b\\c\nd\u0001""#);
        assert_eq!(written(""), r#""""#);
    }

    proptest! {
        #[test]
        fn writes_what_serde_would(text in "[\\x00-\\x7f]{0,8}\\PC{0,8}") {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
