//! Whom an assertion may speak to.

use crate::{id::parse_guid, tenant::Tenant};

/// Where an assertion may be addressed to.
#[derive(Debug, Clone, Copy)]
pub struct Addressees<'a> {
    /// The server's public URL and former ones, `https://host[:port]` in lower case.
    pub bases: &'a [String],
    /// The tenant segment of this request.
    pub segment: &'a str,
}

impl Addressees<'_> {
    /// `{A}/{s}` + one of nothing, `/`, `/v2.0`, `/oauth2/token`, `/oauth2/v2.0/token`, where s names
    /// this tenant; scheme, host and s in any letter case, nothing else normalised (decisions.md 9).
    /// A strict application takes the two issuers alone.
    pub(super) fn include(self, aud: &str, tenant: &Tenant, strict: bool) -> bool {
        let rest = self.bases.iter().find_map(|base| {
            let head = aud.get(..base.len())?;
            head.eq_ignore_ascii_case(base).then(|| aud.get(base.len()..)?.strip_prefix('/'))?
        });
        let Some(rest) = rest else { return false };
        let (segment, suffix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_guid = parse_guid(segment).is_ok_and(|guid| guid == tenant.id.0);
        if strict {
            return is_guid && matches!(suffix, "/" | "/v2.0");
        }
        let is_tenant = is_guid
            || segment.eq_ignore_ascii_case(self.segment)
            || tenant.domains.iter().any(|d| segment.eq_ignore_ascii_case(d.as_str()));
        is_tenant && matches!(suffix, "" | "/" | "/v2.0" | "/oauth2/token" | "/oauth2/v2.0/token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{tenant::DomainName, time::Timestamp};

    fn acme() -> Tenant {
        Tenant::new(
            "ac3e0000-0000-4000-8000-000000000001".parse().unwrap(),
            "Acme",
            vec![DomainName::parse("acme.test").unwrap()],
            Timestamp(0),
        )
    }

    #[test]
    fn who_an_assertion_may_be_addressed_to() {
        let bases = ["https://localhost:8443".to_owned(), "https://old.test".to_owned()];
        let to = Addressees { bases: &bases, segment: "adfs" };
        let tid = "ac3e0000-0000-4000-8000-000000000001";
        let accepted = |aud: &str, strict| to.include(aud, &acme(), strict);
        for segment in [tid, "acme.test", "adfs", "ACME.Test"] {
            for suffix in ["", "/", "/v2.0", "/oauth2/token", "/oauth2/v2.0/token"] {
                for base in ["https://localhost:8443", "https://old.test", "HTTPS://LocalHost:8443"]
                {
                    let aud = format!("{base}/{segment}{suffix}");
                    assert!(accepted(&aud, false), "{aud}");
                    let issuer = segment == tid && matches!(suffix, "/" | "/v2.0");
                    assert_eq!(accepted(&aud, true), issuer, "strict: {aud}");
                }
            }
        }
        for aud in [
            String::new(),
            "https://localhost:8443".to_owned(),
            "https://localhost:8443/".to_owned(),
            format!("http://localhost:8443/{tid}/v2.0"),
            format!("https://localhost/{tid}/v2.0"),
            format!("https://localhost:84433/{tid}/v2.0"),
            format!("https://localhost:8443/{tid}/oauth2/v2.0/token/"),
            format!("https://localhost:8443/{tid}/oauth2/v2.0/token?a=b"),
            format!("https://localhost:8443/{tid}/oauth2/v2.0/Token"),
            format!("https://localhost:8443/{tid}/oauth2/v2.0/authorize"),
            format!("https://localhost:8443/{tid}/oauth2/v2.0/devicecode"),
            format!("https://localhost:8443/{tid}/discovery/v2.0/keys"),
            format!("https://a@localhost:8443/{tid}/v2.0"),
            format!("https://localhost:8443//{tid}/v2.0"),
            "https://localhost:8443/globex.test/v2.0".to_owned(),
            "https://localhost:8443/610be000-0000-4000-8000-000000000002/v2.0".to_owned(),
            "https://localhost:8443/common/v2.0".to_owned(),
        ] {
            assert!(!accepted(&aud, false), "{aud}");
            assert!(!accepted(&aud, true), "{aud}");
        }
    }
}
