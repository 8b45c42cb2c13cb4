use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// `client_info`: the account that an answer is for. MSALs file tokens under `uid.utid`; without it
/// they make no account and find nothing again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientInfo {
    /// The user's object id in its home tenant.
    pub uid: Uuid,
    /// The user's home tenant.
    pub utid: Uuid,
}

impl ClientInfo {
    /// Whether a request's parameter `client_info` asks for it: its value is `1`. Answers of
    /// userless grants never have it.
    pub fn requested(parameter: Option<&str>) -> bool {
        parameter == Some("1")
    }

    /// The value: unpadded base64url of `{"uid":"…","utid":"…"}`.
    pub fn encode(self) -> String {
        let Self { uid, utid } = self;
        URL_SAFE_NO_PAD.encode(format!(r#"{{"uid":"{uid}","utid":"{utid}"}}"#))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_msal_reads_it() {
        let info = ClientInfo {
            uid: uuid::uuid!("7E4D0000-0000-4000-8000-00000000000A"),
            utid: uuid::uuid!("7e4d0000-0000-4000-8000-000000000003"),
        };
        let read = URL_SAFE_NO_PAD.decode(info.encode()).unwrap();
        assert_eq!(
            String::from_utf8(read).unwrap(),
            concat!(
                r#"{"uid":"7e4d0000-0000-4000-8000-00000000000a","#,
                r#""utid":"7e4d0000-0000-4000-8000-000000000003"}"#
            )
        );
    }

    #[test]
    fn only_one_asks_for_it() {
        assert!(ClientInfo::requested(Some("1")));
        for other in [None, Some("0"), Some("true"), Some(""), Some("11")] {
            assert!(!ClientInfo::requested(other), "{other:?}");
        }
    }
}
