//! The `claims` request parameter (OpenID Connect Core section 5.5): the client's capabilities and
//! a challenge of a resource, in one JSON object.

use serde_json::{Map, Value};

/// The longest challenge that is passed on.
const MAX_CLAIMS: usize = 8 * 1024;

/// Puts `xms_cc` into the challenge; `None` where there is nothing to send. The error says what is
/// wrong with the challenge.
pub(crate) fn merge(
    capabilities: &[String],
    challenge: Option<&str>,
) -> Result<Option<String>, String> {
    let mut claims = match challenge {
        None => Map::new(),
        Some(text) if text.len() > MAX_CLAIMS => return Err("longer than 8 KiB".to_owned()),
        Some(text) => serde_json::from_str(text).map_err(|error| error.to_string())?,
    };
    if !capabilities.is_empty() {
        let access = claims.entry("access_token").or_insert_with(|| Value::Object(Map::new()));
        let access = access.as_object_mut().ok_or("access_token is not an object")?;
        access.insert("xms_cc".to_owned(), serde_json::json!({ "values": capabilities }));
    }
    Ok((!claims.is_empty()).then(|| Value::Object(claims).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_and_challenge_become_one_object() {
        let cp1 = ["cp1".to_owned()];
        let merged = |capabilities: &[String], challenge| merge(capabilities, challenge).unwrap();
        assert_eq!(merged(&[], None), None);
        assert_eq!(merged(&[], Some("{}")), None);
        let own = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;
        assert_eq!(merged(&cp1, None).as_deref(), Some(own));
        let nbf = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#;
        assert_eq!(merged(&[], Some(nbf)).as_deref(), Some(nbf));
        let both = merged(&cp1, Some(nbf)).unwrap();
        let both: Value = serde_json::from_str(&both).unwrap();
        assert_eq!(both["access_token"]["nbf"]["value"], "1");
        assert_eq!(both["access_token"]["xms_cc"]["values"][0], "cp1");
    }

    #[test]
    fn a_challenge_that_is_no_object_is_refused() {
        for odd in ["", "[]", "1", "{", r#"{"a":1}x"#] {
            assert!(merge(&[], Some(odd)).is_err(), "{odd}");
        }
        assert!(merge(&["cp1".to_owned()], Some(r#"{"access_token":1}"#)).is_err());
        assert!(merge(&[], Some(&format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_CLAIMS)))).is_err());
    }
}
