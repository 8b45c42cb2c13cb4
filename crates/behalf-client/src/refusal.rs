use std::fmt;
use std::time::Duration;

use behalf_protocol::error::AadSts;

/// What a refusal means for the program that gets it. Clients branch on `error`, `suberror` and
/// `claims`; the `AADSTS` numbers are diagnostics and only decide where those three say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The user must consent, or an administrator for them (65001, 65004, 90094).
    ConsentRequired,
    /// The user must act: sign in again, pass a second factor, satisfy a policy.
    InteractionRequired,
    /// The client's own credential was not accepted (`invalid_client`).
    Credential,
    /// The service is busy: the same request may succeed later.
    Temporary,
    /// The request or the registration is wrong; repeating it changes nothing.
    Request,
}

/// The token service's refusal: the error answer of RFC 6749 section 5.2 with Entra's additions.
/// Texts are cut to 4 KiB and hold no control characters and none of the request's secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// `error`, such as `invalid_grant`.
    pub error: String,
    /// `error_description`: for people, and for a log.
    pub description: String,
    /// `error_codes`: the `AADSTS` numbers.
    pub codes: Vec<u32>,
    /// `suberror`, such as `consent_required`.
    pub suberror: Option<String>,
    /// `claims`: the JSON text that the next request or sign-in must carry.
    pub claims: Option<String>,
    /// `trace_id`: the server's name for the request.
    pub trace_id: Option<String>,
    /// `correlation_id`, the `client-request-id` that was sent.
    pub correlation_id: Option<String>,
    /// The HTTP status; 0 for a refusal that came in a redirect to the browser.
    pub status: u16,
    /// `Retry-After`, bounded to an hour: until then the same request is not sent again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// What it means.
    pub fn kind(&self) -> RefusalKind {
        let suberror = self.suberror.as_deref().unwrap_or_default();
        let has = |codes: &[u32]| self.codes.iter().any(|code| codes.contains(code));
        match self.error.as_str() {
            _ if matches!(self.status, 429 | 500..) => RefusalKind::Temporary,
            "temporarily_unavailable" | "server_error" => RefusalKind::Temporary,
            "consent_required" => RefusalKind::ConsentRequired,
            _ if suberror == "consent_required" || has(CONSENT) => RefusalKind::ConsentRequired,
            _ if self.claims.is_some() => RefusalKind::InteractionRequired,
            "invalid_grant" if has(NOT_THE_USERS) || NOT_INTERACTIVE.contains(&suberror) => {
                RefusalKind::Request
            }
            "invalid_grant" | "interaction_required" | "login_required" => {
                RefusalKind::InteractionRequired
            }
            "invalid_client" => RefusalKind::Credential,
            _ => RefusalKind::Request,
        }
    }

    /// What to do about it, in one sentence or two.
    pub fn advice(&self) -> &'static str {
        let listed = self.codes.iter().find_map(|code| {
            AadSts::by_code(*code).find(|kind| kind.oauth().as_str() == self.error)
        });
        match (self.kind(), listed) {
            (RefusalKind::ConsentRequired, _) => {
                "Let the user, or an administrator, consent to the scopes: sign in interactively \
                 with them, or open the address of admin consent."
            }
            (RefusalKind::InteractionRequired, _) => {
                "Let the user sign in again, with the claims of this error if it has any; a web \
                 API answers its caller 401 with a claims challenge."
            }
            (RefusalKind::Temporary, _) => "Ask again later; this client waits as it was told.",
            (_, Some(row)) => row.fix(),
            (RefusalKind::Credential, None) => {
                "Check the application id and that its secret or certificate is registered and \
                 has not expired."
            }
            (RefusalKind::Request, None) => {
                "Check the application id, the scopes and the tenant against the registration."
            }
        }
    }
}

/// The user, or an administrator, has not consented, or has declined.
const CONSENT: &[u32] = &[65_001, 65_004, 90_094, 90_095];

/// `invalid_grant` that no sign-in of the user cures: an assertion for somebody else or of an
/// application, an assignment that is missing.
const NOT_THE_USERS: &[u32] = &[50_013, 50_105, 50_196, 240_002, 500_131, 501_051, 7_000_114];

/// Values of `suberror` that no interaction cures, as MSAL.NET and MSAL Java have it.
const NOT_INTERACTIVE: &[&str] = &["client_mismatch", "protection_policy_required"];

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.description)?;
        let advice = self.advice();
        if self.description.contains(advice) {
            return Ok(());
        }
        write!(f, " What to do: {advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(error: &str, code: u32, suberror: Option<&str>) -> Refusal {
        Refusal {
            error: error.to_owned(),
            description: format!("AADSTS{code}: text"),
            codes: vec![code],
            suberror: suberror.map(str::to_owned),
            claims: None,
            trace_id: None,
            correlation_id: None,
            status: 400,
            retry_after: None,
        }
    }

    #[test]
    fn error_suberror_and_claims_decide() {
        use RefusalKind::*;
        for (error, code, suberror, kind) in [
            ("invalid_grant", 65_001, Some("consent_required"), ConsentRequired),
            ("invalid_grant", 65_001, None, ConsentRequired),
            ("consent_required", 0, None, ConsentRequired),
            ("interaction_required", 16_000, None, InteractionRequired),
            ("login_required", 50_058, None, InteractionRequired),
            ("invalid_grant", 50_076, Some("basic_action"), InteractionRequired),
            ("invalid_grant", 50_173, Some("bad_token"), InteractionRequired),
            ("invalid_grant", 500_133, None, InteractionRequired),
            ("invalid_grant", 500_131, None, Request),
            ("invalid_grant", 501_051, None, Request),
            ("invalid_grant", 1, Some("client_mismatch"), Request),
            ("unauthorized_client", 7_000_114, None, Request),
            ("invalid_client", 7_000_215, None, Credential),
            ("temporarily_unavailable", 0, None, Temporary),
            ("invalid_scope", 70_011, None, Request),
        ] {
            assert_eq!(refusal(error, code, suberror).kind(), kind, "{error} {code} {suberror:?}");
        }
        let claims = Some("{}".to_owned());
        let policy = Refusal { claims, ..refusal("invalid_client", 53_003, None) };
        assert_eq!(policy.kind(), InteractionRequired);
        let busy = Refusal { status: 503, ..refusal("invalid_grant", 0, None) };
        assert_eq!(busy.kind(), Temporary);
    }

    #[test]
    fn advice_is_the_catalogues_where_it_knows_the_code() {
        let expired = refusal("invalid_client", 7_000_222, None);
        let row = AadSts::by_code(7_000_222).next().unwrap();
        assert_eq!(expired.advice(), row.fix());
        assert!(
            expired.to_string().starts_with("invalid_client: AADSTS7000222: text What to do: ")
        );
        let said = Refusal { description: row.fix().to_owned(), ..expired };
        assert_eq!(said.to_string().matches(row.fix()).count(), 1, "not said twice");
        assert!(refusal("invalid_client", 1, None).advice().contains("secret or certificate"));
    }
}
