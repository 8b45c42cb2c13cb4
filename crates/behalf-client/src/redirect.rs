//! The answer of the authorization endpoint, as the browser brings it.

use std::sync::Arc;

use url::form_urlencoded;

use crate::answer::clean;
use crate::error::Error;
use crate::metadata::Endpoints;
use crate::refusal::Refusal;
use crate::secret::Secret;

/// The sign-in that an answer must belong to.
pub(crate) struct Pending {
    pub(crate) state: String,
    pub(crate) endpoints: Arc<Endpoints>,
}

/// What a request to the loopback listener is.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Not the answer to this sign-in: told so, and waited on.
    Stray,
    /// The answer: a code, or the reason there is none.
    Answer(Result<Secret, Error>),
}

impl Pending {
    /// Judges a request target such as `/?code=…&state=…`.
    pub(crate) fn judge(&self, target: &str) -> Verdict {
        let Some(query) = target.strip_prefix("/?") else { return Verdict::Stray };
        let query = query.split('#').next().unwrap_or_default();
        let parameters: Vec<(String, String)> =
            form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let one = |name: &str| {
            let mut values = parameters.iter().filter(|(own, _)| own == name);
            let first = values.next().map(|(_, value)| value.as_str());
            if values.next().is_some() { None } else { first }
        };
        // Whoever does not know the state is not the browser that was sent.
        if one("state") != Some(self.state.as_str()) {
            return Verdict::Stray;
        }
        Verdict::Answer(self.code(one))
    }

    fn code<'q>(&self, one: impl Fn(&str) -> Option<&'q str>) -> Result<Secret, Error> {
        // RFC 9207 section 2.4: another server's answer must not end here (mix-up).
        match one("iss") {
            Some(issuer) if self.endpoints.answers_as(issuer) => {}
            None if !self.endpoints.response_names_issuer => {}
            _ => return Err(Error::SignIn("the answer does not come from this authority (iss)")),
        }
        if let Some(error) = one("error") {
            let text = |name: &str| one(name).map(|text| clean(text, &[]));
            let description = text("error_description").unwrap_or_default();
            return Err(Error::Refused(Arc::new(Refusal {
                error: clean(error, &[]),
                codes: code_of(&description).into_iter().collect(),
                description,
                suberror: text("error_subcode"),
                claims: None,
                trace_id: None,
                correlation_id: None,
                status: 0,
                retry_after: None,
            })));
        }
        one("code")
            .filter(|code| !code.is_empty())
            .map(Secret::from)
            .ok_or(Error::SignIn("the answer has neither a code nor an error"))
    }
}

/// The number of `AADSTSnnnnn: …`.
fn code_of(description: &str) -> Option<u32> {
    let (digits, _) = description.strip_prefix("AADSTS")?.split_once(':')?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use behalf_protocol::authority::Authority;

    const HOST: &str = "https://login.acme.test";
    const ISSUER: &str = "https://login.acme.test/ac3e0000-0000-4000-8000-000000000001/v2.0";

    fn pending(names_issuer: bool) -> Pending {
        let document = serde_json::json!({
            "issuer": ISSUER,
            "token_endpoint": format!("{HOST}/acme.test/oauth2/v2.0/token"),
            "authorization_response_iss_parameter_supported": names_issuer,
        });
        let authority = Authority::parse(&format!("{HOST}/acme.test")).unwrap();
        let endpoints = Endpoints::parse(&authority, document.to_string().as_bytes()).unwrap();
        Pending { state: "s1".to_owned(), endpoints: Arc::new(endpoints) }
    }

    fn code(names_issuer: bool, target: &str) -> Option<Result<String, String>> {
        match pending(names_issuer).judge(target) {
            Verdict::Stray => None,
            Verdict::Answer(Ok(code)) => Some(Ok(code.expose().to_owned())),
            Verdict::Answer(Err(error)) => Some(Err(error.to_string())),
        }
    }

    #[test]
    fn the_answer_with_the_state_and_the_issuer_gives_its_code() {
        let full = format!("/?code=c%2B1&state=s1&session_state=x&iss={ISSUER}#");
        assert_eq!(code(true, &full), Some(Ok("c+1".to_owned())));
        assert_eq!(code(false, "/?state=s1&code=c1"), Some(Ok("c1".to_owned())), "Entra: no iss");
    }

    #[test]
    fn what_does_not_know_the_state_is_passed_over() {
        for target in [
            "/",
            "/favicon.ico",
            "/?",
            "/?code=c1",
            "/?code=c1&state=s2",
            "/?code=c1&state=",
            "/?code=c1&state=s1&state=s1",
            "/other?code=c1&state=s1",
            "//evil/?code=c1&state=s1",
        ] {
            assert_eq!(code(false, target), None, "{target}");
        }
    }

    #[test]
    fn another_issuers_answer_is_refused() {
        for target in [
            "/?code=c1&state=s1".to_owned(),
            "/?code=c1&state=s1&iss=https://evil.test/".to_owned(),
            format!("/?code=c1&state=s1&iss={ISSUER}&iss={ISSUER}"),
            format!("/?code=c1&state=s1&iss={ISSUER}/"),
        ] {
            let error = code(true, &target).unwrap().unwrap_err();
            assert!(error.contains("(iss)"), "{target}: {error}");
        }
        assert!(code(false, "/?code=c1&state=s1&iss=https://evil.test/").unwrap().is_err());
    }

    #[test]
    fn for_many_tenants_the_answer_names_the_template_or_the_users_tenant() {
        let authority = Authority::parse(&format!("{HOST}/organizations")).unwrap();
        let document = serde_json::json!({
            "issuer": format!("{HOST}/{{tenantid}}/v2.0"),
            "token_endpoint": format!("{HOST}/organizations/oauth2/v2.0/token"),
            "authorization_response_iss_parameter_supported": true,
        });
        let endpoints = Endpoints::parse(&authority, document.to_string().as_bytes()).unwrap();
        let pending = Pending { state: "s1".to_owned(), endpoints: Arc::new(endpoints) };
        let judged = |issuer: &str| match pending.judge(&format!("/?code=c&state=s1&iss={issuer}"))
        {
            Verdict::Answer(code) => code.is_ok(),
            Verdict::Stray => false,
        };
        for own in [format!("{HOST}/{{tenantid}}/v2.0"), ISSUER.to_owned()] {
            assert!(judged(&own), "{own}");
        }
        for other in [format!("{HOST}/{{tenant}}/v2.0"), "https://evil.test/{tenantid}/v2.0".into()]
        {
            assert!(!judged(&other), "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_request_without_the_state_is_an_answer(target in "[/?&=%+a-z0-9#]{0,60}") {
            let stray = matches!(pending(false).judge(&target), Verdict::Stray);
            proptest::prop_assert!(stray || target.contains("s1") || target.contains('%'));
        }
    }

    #[test]
    fn a_refusal_is_typed() {
        let target = format!(
            "/?error=access_denied&error_subcode=cancel&state=s1&iss={ISSUER}\
             &error_description=AADSTS65004%3a+User+declined.%0d%0aMore"
        );
        let Verdict::Answer(Err(error)) = pending(true).judge(&target) else {
            panic!("no refusal")
        };
        let refusal = error.refusal().unwrap();
        assert_eq!(
            (refusal.error.as_str(), refusal.codes.as_slice()),
            ("access_denied", &[65_004][..])
        );
        assert_eq!(refusal.suberror.as_deref(), Some("cancel"));
        assert_eq!(refusal.description, "AADSTS65004: User declined.  More");
        let neither = format!("/?state=s1&iss={ISSUER}");
        assert!(code(true, &neither).unwrap().unwrap_err().contains("neither a code nor an error"));
        let repeated = format!("/?code=a&code=b&state=s1&iss={ISSUER}");
        assert!(code(true, &repeated).unwrap().is_err());
    }
}
