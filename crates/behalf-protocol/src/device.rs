//! The device authorization endpoint, v1 and v2.0 (RFC 8628). Its request is a
//! [`crate::token::request::TokenForm`] with `client_id` and a target; polling is
//! [`crate::token::request::DeviceCodeRequest`].

use std::fmt::{self, Write as _};

use crate::EndpointVersion;
use crate::error::AadSts;
use crate::json::push_string;

/// What a device is told, to show to its user and to poll with.
#[derive(Clone, Copy)]
pub struct DeviceAuthorizationResponse<'a> {
    /// What the user types.
    pub user_code: &'a str,
    /// What the device polls with.
    pub device_code: &'a str,
    /// Where the user types it.
    pub verification_uri: &'a str,
    /// The same with the code in it (RFC 8628 3.3.1); Entra has none, clients ignore it.
    pub verification_uri_complete: Option<&'a str>,
    /// Seconds until both codes expire.
    pub expires_in: u64,
    /// Seconds to wait between polls.
    pub interval: u64,
    /// A sentence with address and code, for the user.
    pub message: &'a str,
}

impl DeviceAuthorizationResponse<'_> {
    /// The JSON body. v1 says `verification_url` and writes numbers as strings, as ADAL reads them.
    pub fn to_json(&self, version: EndpointVersion) -> String {
        let mut out = String::with_capacity(512);
        let uri = match version {
            EndpointVersion::V1 => "verification_url",
            EndpointVersion::V2 => "verification_uri",
        };
        let members = [
            ("user_code", Some(self.user_code)),
            ("device_code", Some(self.device_code)),
            (uri, Some(self.verification_uri)),
            ("verification_uri_complete", self.verification_uri_complete),
            ("message", Some(self.message)),
        ];
        out.push('{');
        for (name, value) in members.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            // Writing into a `String` cannot fail.
            let _ = write!(out, r#""{name}":"#);
            push_string(&mut out, value);
            out.push(',');
        }
        let (life, interval) = (self.expires_in, self.interval);
        let _ = match version {
            EndpointVersion::V1 => {
                write!(out, r#""expires_in":"{life}","interval":"{interval}"}}"#)
            }
            EndpointVersion::V2 => write!(out, r#""expires_in":{life},"interval":{interval}}}"#),
        };
        out
    }
}

impl fmt::Debug for DeviceAuthorizationResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceAuthorizationResponse")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// Why a polling device gets no token (RFC 8628 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollRefusal {
    /// The user is not done.
    Pending,
    /// The user is not done and the device asks faster than the interval.
    TooFast {
        /// Whether the client is an MSAL: those give up on `slow_down`, so they are told to wait.
        msal: bool,
    },
    /// The user said no.
    Declined,
    /// There is no such code for this client.
    Unknown,
    /// The code has expired.
    Expired,
}

impl PollRefusal {
    /// The catalogue's row. v1 names an expired code `code_expired`.
    pub const fn aadsts(self, version: EndpointVersion) -> AadSts {
        match (self, version) {
            (Self::Pending | Self::TooFast { msal: true }, _) => AadSts::DevicePending,
            (Self::TooFast { msal: false }, _) => AadSts::DevicePollingTooFast,
            (Self::Declined, _) => AadSts::DeviceDeclined,
            (Self::Unknown, _) => AadSts::DeviceCodeUnknown,
            (Self::Expired, EndpointVersion::V1) => AadSts::DeviceCodeExpiredV1,
            (Self::Expired, EndpointVersion::V2) => AadSts::DeviceCodeExpired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: DeviceAuthorizationResponse<'_> = DeviceAuthorizationResponse {
        user_code: "BCDF-GHJK",
        device_code: "d3v1c3",
        verification_uri: "https://host/devicelogin",
        verification_uri_complete: None,
        expires_in: 900,
        interval: 5,
        message: "Open https://host/devicelogin and type BCDF-GHJK.",
    };

    #[test]
    fn v2_writes_numbers() {
        let complete = Some("https://host/devicelogin?user_code=BCDF-GHJK");
        let response =
            DeviceAuthorizationResponse { verification_uri_complete: complete, ..RESPONSE };
        assert_eq!(
            response.to_json(EndpointVersion::V2),
            concat!(
                r#"{"user_code":"BCDF-GHJK","device_code":"d3v1c3","#,
                r#""verification_uri":"https://host/devicelogin","#,
                r#""verification_uri_complete":"https://host/devicelogin?user_code=BCDF-GHJK","#,
                r#""message":"Open https://host/devicelogin and type BCDF-GHJK.","#,
                r#""expires_in":900,"interval":5}"#,
            )
        );
    }

    #[test]
    fn v1_writes_strings_and_a_url() {
        assert_eq!(
            RESPONSE.to_json(EndpointVersion::V1),
            concat!(
                r#"{"user_code":"BCDF-GHJK","device_code":"d3v1c3","#,
                r#""verification_url":"https://host/devicelogin","#,
                r#""message":"Open https://host/devicelogin and type BCDF-GHJK.","#,
                r#""expires_in":"900","interval":"5"}"#,
            )
        );
        let hostile = DeviceAuthorizationResponse { message: "\"},{", ..RESPONSE };
        let read: serde_json::Value =
            serde_json::from_str(&hostile.to_json(EndpointVersion::V1)).unwrap();
        assert_eq!(read["message"], "\"},{");
    }

    #[test]
    fn a_device_is_told_by_name_why_it_waits_or_stops() {
        use EndpointVersion::{V1, V2};
        for (refusal, version, error) in [
            (PollRefusal::Pending, V2, "authorization_pending"),
            (PollRefusal::TooFast { msal: true }, V2, "authorization_pending"),
            (PollRefusal::TooFast { msal: false }, V2, "slow_down"),
            (PollRefusal::Declined, V2, "authorization_declined"),
            (PollRefusal::Unknown, V2, "bad_verification_code"),
            (PollRefusal::Expired, V2, "expired_token"),
            (PollRefusal::Expired, V1, "code_expired"),
        ] {
            let kind = refusal.aadsts(version);
            assert_eq!((kind.oauth().as_str(), kind.status()), (error, 400), "{refusal:?}");
        }
    }

    #[test]
    fn no_code_is_shown() {
        let shown = format!("{RESPONSE:?}");
        assert!(!shown.contains("d3v1c3") && !shown.contains("BCDF"), "{shown}");
    }
}
