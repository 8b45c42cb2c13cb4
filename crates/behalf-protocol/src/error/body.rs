use std::fmt::Write as _;

use uuid::Uuid;

use crate::json::push_string;
use crate::time::WireTime;

use super::AadSts;

/// An error answer: what the JSON envelope of the token endpoint and of metadata is written from.
#[derive(Debug, Clone)]
pub struct ErrorBody<'a> {
    /// The catalogue's row: number, `error`, whether there is an `error_uri`.
    pub kind: AadSts,
    /// What happened to this request: found, expected, fix. Without the `AADSTS` prefix and without
    /// the ids, which are added. Control characters are shown as spaces.
    pub text: &'a str,
    /// The request's id, the same as the header `x-ms-request-id`.
    pub trace_id: Uuid,
    /// The client's `client-request-id` if it sent a GUID, else a new one.
    pub correlation_id: Uuid,
    /// When, in seconds since 1970.
    pub timestamp: u64,
    /// The server's own public address without a trailing slash, where `error_uri` leads.
    pub authority: &'a str,
}

impl ErrorBody<'_> {
    /// The JSON envelope, members in Entra's order. Content type
    /// `application/json; charset=utf-8`, status [`AadSts::status`].
    pub fn to_json(&self) -> String {
        self.write(None)
    }

    /// The same with the member `claims`: JSON in a string, which the client sends back to the
    /// authorization endpoint ([`crate::claims_request::ClaimsChallenge`]).
    pub fn to_json_with_claims(&self, claims: &str) -> String {
        self.write(Some(claims))
    }

    fn write(&self, claims: Option<&str>) -> String {
        let code = self.kind.code();
        let mut out = String::with_capacity(512 + self.text.len());
        out.push_str(r#"{"error":"#);
        push_string(&mut out, self.kind.oauth().as_str());
        out.push_str(r#","error_description":"#);
        push_string(&mut out, &self.description());
        // Writing into a `String` cannot fail.
        let _ = write!(
            out,
            r#","error_codes":[{code}],"timestamp":"{}","trace_id":"{}","correlation_id":"{}""#,
            WireTime(self.timestamp),
            self.trace_id,
            self.correlation_id,
        );
        if self.kind.has_error_uri() {
            out.push_str(r#","error_uri":"#);
            push_string(&mut out, &format!("{}/error?code={code}", self.authority));
        }
        let last = [("suberror", self.kind.suberror()), ("claims", claims)];
        for (name, value) in last.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let _ = write!(out, r#","{name}":"#);
            push_string(&mut out, value);
        }
        out.push('}');
        out
    }

    /// `AADSTSn: text Trace ID: … Correlation ID: … Timestamp: …`, separated by spaces as since
    /// 2024 (older answers had line breaks).
    pub fn description(&self) -> String {
        let mut out = String::with_capacity(160 + self.text.len());
        let _ = write!(out, "AADSTS{}: ", self.kind.code());
        out.extend(self.text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        let _ = write!(
            out,
            " Trace ID: {} Correlation ID: {} Timestamp: {}",
            self.trace_id,
            self.correlation_id,
            WireTime(self.timestamp),
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;

    fn body(kind: AadSts, text: &str) -> ErrorBody<'_> {
        ErrorBody {
            kind,
            text,
            trace_id: uuid!("0190c1de-0000-7000-8000-000000000001"),
            correlation_id: uuid!("0190c1de-0000-7000-8000-00000000000A"),
            timestamp: 1_795_351_340,
            authority: "https://login.example.test",
        }
    }

    #[test]
    fn the_envelope_to_the_letter() {
        assert_eq!(
            body(AadSts::ResourceNotFound, "There is no api://nobody here.").to_json(),
            concat!(
                r#"{"error":"invalid_resource","#,
                r#""error_description":"AADSTS500011: There is no api://nobody here. "#,
                r#"Trace ID: 0190c1de-0000-7000-8000-000000000001 "#,
                r#"Correlation ID: 0190c1de-0000-7000-8000-00000000000a "#,
                r#"Timestamp: 2026-11-22 12:42:20Z","#,
                r#""error_codes":[500011],"timestamp":"2026-11-22 12:42:20Z","#,
                r#""trace_id":"0190c1de-0000-7000-8000-000000000001","#,
                r#""correlation_id":"0190c1de-0000-7000-8000-00000000000a","#,
                r#""error_uri":"https://login.example.test/error?code=500011"}"#,
            )
        );
    }

    #[test]
    fn suberror_and_claims_come_last() {
        let refused = body(AadSts::SecondFactorRequired, "x");
        let json = refused.to_json();
        assert!(json.ends_with(r#"/error?code=50076","suberror":"basic_action"}"#), "{json}");
        let json = refused.to_json_with_claims(r#"{"access_token":{}}"#);
        let end = r#","suberror":"basic_action","claims":"{\"access_token\":{}}"}"#;
        assert!(json.ends_with(end), "{json}");
    }

    #[test]
    fn what_the_text_repeats_cannot_break_out() {
        let json = body(AadSts::InvalidScope, "scope \"},\r\n\u{0}\\ x").to_json();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        let description = read["error_description"].as_str().unwrap();
        assert!(description.starts_with("AADSTS70011: scope \"},   \\ x Trace ID: "));
        assert_eq!(read["error"], "invalid_scope");
    }
}
