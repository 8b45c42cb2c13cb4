//! Client assertions (RFC 7521, RFC 7523): a JWT by which a client proves its key.
//!
//! What Microsoft's clients send differs in almost every part (protocol 2.3); what is accepted is
//! written down here once. The signature is checked over the bytes received.

mod addressees;

use std::time::Duration;

use behalf_jose::{
    JsonError, Thumbprint,
    jws::{Header, JwsError, Profile, Unverified},
    jwt::{Audience, LenientNumericDate, parse_claims},
};
use behalf_protocol::error::AadSts;
use serde::Deserialize;

use crate::{
    id::{AppId, CredentialId, parse_guid},
    tenant::Tenant,
    time::{CLOCK_SKEW, Timestamp, written},
    token::{ClientCertificate, ClientFacts, SingleUse},
};

pub use addressees::Addressees;

/// Longest assertion. One with a chain of certificates in its header has about 8 KiB.
pub const ASSERTION_MAX: usize = 32 * 1024;
/// Longest life of an assertion: a stolen one ends some day.
pub const LIFETIME_MAX: Duration = Duration::from_hours(24);
/// Keys tried when the header names none.
const KEYS_TRIED: usize = 16;
/// Longest `jti` that is remembered.
const JTI_MAX: usize = 128;

/// Why an assertion proves nothing. `Display` repeats of it only times and thumbprints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionRefusal {
    /// Not a signed JWT, or its claims are not what RFC 7523 3 asks for.
    #[error("The client assertion is not acceptable: {0}.")]
    Malformed(String),
    /// An algorithm no client key allows.
    #[error(
        "The client assertion is signed with an algorithm that is not accepted. Use RS256 or PS256 with the key of a registered certificate."
    )]
    Algorithm,
    /// No registered certificate has the thumbprint.
    #[error(
        "The client assertion names a certificate that is not registered on application {client}{}. Register it: add it to the application's credentials and run behalf apply.", thumbprint_text(.thumbprint.as_deref())
    )]
    KeyUnknown {
        /// The client id.
        client: AppId,
        /// What the header named, normalised; `None` when it named nothing readable.
        thumbprint: Option<String>,
    },
    /// The signature does not hold under the named key.
    #[error(
        "The signature of the client assertion does not hold under the registered certificate{}. Sign the encoded header and payload with its private key.", thumbprint_text(.thumbprint.as_deref())
    )]
    Signature {
        /// Thumbprint of the key used.
        thumbprint: Option<String>,
    },
    /// `iss` is neither the client nor an issuer it trusts.
    #[error(
        "The client assertion comes from an issuer that application {client} does not trust. Set iss and sub to the client_id."
    )]
    Issuer {
        /// The client id.
        client: AppId,
    },
    /// `iss` and `sub` are not both the client id.
    #[error("In the client assertion iss and sub must both be the client_id {client}.")]
    Subject {
        /// The client id.
        client: AppId,
    },
    /// `aud` names something else than this server and tenant.
    #[error(
        "The audience of the client assertion is not accepted: it must be, as the only value, the token endpoint that was asked or the issuer of tenant {tenant}{}.", if *strict { " (this application accepts the issuer alone)" } else { "" }
    )]
    Audience {
        /// The tenant's GUID.
        tenant: String,
        /// The application wants the issuer.
        strict: bool,
    },
    /// Expired, not yet valid, without `exp`, or valid for too long.
    #[error(
        "The client assertion is not within its valid time range: current time {now}, valid from {from}, expires {until}.{}", if *too_long { " It lives longer than 24 hours." } else { "" }
    )]
    Time {
        /// Now.
        now: String,
        /// `nbf`, or 1970 without one.
        from: String,
        /// `exp`.
        until: String,
        /// It is refused for its length.
        too_long: bool,
    },
    /// The certificate has expired or is not valid yet.
    #[error(
        "The certificate used for the client assertion is valid from {from} until {until}; it is {now} now. Register a current one."
    )]
    CertificateTime {
        /// Now.
        now: String,
        /// Start of validity.
        from: String,
        /// End of validity.
        until: String,
    },
    /// A strict application's assertion was used before, or has no `jti`.
    #[error(
        "Application {client} accepts each client assertion once: it needs a jti of 1 to 128 characters that was not used before."
    )]
    Replayed {
        /// The client id.
        client: AppId,
    },
}

fn thumbprint_text(thumbprint: Option<&str>) -> String {
    thumbprint.map_or_else(String::new, |t| format!(" (thumbprint {t})"))
}

impl AssertionRefusal {
    /// The catalogue's row.
    pub fn aadsts(&self) -> AadSts {
        match self {
            Self::Malformed(_)
            | Self::Algorithm
            | Self::KeyUnknown { .. }
            | Self::Signature { .. }
            | Self::Replayed { .. } => AadSts::InvalidAssertion,
            Self::Issuer { .. } => AadSts::AssertionIssuerUnknown,
            Self::Subject { .. } => AadSts::AssertionSubjectMismatch,
            Self::Audience { .. } => AadSts::AssertionAudience,
            Self::Time { .. } => AadSts::AssertionTime,
            Self::CertificateTime { .. } => AadSts::CertificateOutsideValidity,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<LenientNumericDate>,
    nbf: Option<LenientNumericDate>,
    iat: Option<LenientNumericDate>,
    jti: Option<String>,
}

/// An assertion that was parsed and proves nothing yet.
#[derive(Debug)]
pub struct UnverifiedAssertion<'a> {
    jws: Unverified<'a>,
    claims: Claims,
}

impl<'a> UnverifiedAssertion<'a> {
    /// Parses the `client_assertion` parameter.
    pub fn parse(text: &'a str) -> Result<Self, AssertionRefusal> {
        let jws =
            Unverified::parse(text, Profile::ClientAssertion, ASSERTION_MAX).map_err(|error| {
                match error {
                    JwsError::Header(json) => malformed_json("header", &json),
                    other => AssertionRefusal::Malformed(other.to_string()),
                }
            })?;
        let claims = parse_claims(jws.unverified_claims(), ASSERTION_MAX)
            .map_err(|error| malformed_json("payload", &error))?;
        Ok(Self { jws, claims })
    }

    /// `sub`: who claims to have signed. Names the client when the form has no `client_id`
    /// (RFC 7521 4.2).
    pub fn unverified_subject(&self) -> Option<&str> {
        self.claims.sub.as_deref()
    }

    /// Checks everything, in the order shape, issuer and subject, key, signature, audience, time.
    /// Answers the credential that signed, and what must be remembered so that a strict
    /// application's assertion counts once.
    pub fn verify(
        &self,
        client: &ClientFacts,
        addressees: Addressees<'_>,
        now: Timestamp,
    ) -> Result<(CredentialId, Option<SingleUse>), AssertionRefusal> {
        self.check_issuer(client.app_id)?;
        let certificate = self.check_signature(client, now)?;
        self.check_audience(addressees, &client.tenant, client.settings.strict_assertions)?;
        let expires = self.check_time(now)?;
        check_certificate(certificate, now)?;
        let single_use = client
            .settings
            .strict_assertions
            .then(|| self.single_use(client, expires))
            .transpose()?;
        Ok((certificate.id, single_use))
    }

    fn check_issuer(&self, client: AppId) -> Result<(), AssertionRefusal> {
        let is_client = |claim: Option<&String>| {
            claim.is_some_and(|text| parse_guid(text).is_ok_and(|guid| guid == client.0))
        };
        match (is_client(self.claims.iss.as_ref()), is_client(self.claims.sub.as_ref())) {
            (true, true) => Ok(()),
            (false, false) if self.claims.iss.is_some() => Err(AssertionRefusal::Issuer { client }),
            _ => Err(AssertionRefusal::Subject { client }),
        }
    }

    /// The certificate whose key signed. Of several with one key, a current one: a renewed
    /// certificate often keeps its key.
    fn check_signature<'f>(
        &self,
        client: &'f ClientFacts,
        now: Timestamp,
    ) -> Result<&'f ClientCertificate, AssertionRefusal> {
        let header = self.jws.unverified_header();
        let algorithm = header.algorithm().ok_or(AssertionRefusal::Algorithm)?;
        let named = KeyName::of(header);
        let shown = named.shown();
        let mut candidates = client.certificates.iter().filter(|c| named.names(c)).peekable();
        if candidates.peek().is_none() {
            return Err(AssertionRefusal::KeyUnknown { client: client.app_id, thumbprint: shown });
        }
        let (mut allowed, mut signer) = (false, None);
        for certificate in candidates.take(KEYS_TRIED) {
            allowed |= certificate.key.allows(algorithm);
            if self.jws.verify(&certificate.key).is_err() {
                continue;
            }
            if certificate.valid.contains(&now.unix_seconds()) {
                return Ok(certificate);
            }
            signer.get_or_insert(certificate);
        }
        match signer {
            Some(certificate) => Ok(certificate),
            None if allowed => Err(AssertionRefusal::Signature { thumbprint: shown }),
            None => Err(AssertionRefusal::Algorithm),
        }
    }

    fn check_audience(
        &self,
        addressees: Addressees<'_>,
        tenant: &Tenant,
        strict: bool,
    ) -> Result<(), AssertionRefusal> {
        let sole = self.claims.aud.as_ref().and_then(Audience::sole);
        if sole.is_some_and(|aud| addressees.include(aud, tenant, strict)) {
            return Ok(());
        }
        Err(AssertionRefusal::Audience { tenant: tenant.id.to_string(), strict })
    }

    /// From when on it counts, in seconds since 1970.
    fn starts(&self) -> Option<i64> {
        [self.claims.nbf, self.claims.iat].into_iter().flatten().map(|date| date.0).max()
    }

    fn check_time(&self, now: Timestamp) -> Result<i64, AssertionRefusal> {
        let skew = i64::try_from(CLOCK_SKEW.as_secs()).unwrap_or(0);
        let longest = i64::try_from(LIFETIME_MAX.as_secs()).unwrap_or(0);
        let seconds = now.unix_seconds();
        let refusal = |too_long| AssertionRefusal::Time {
            now: written(seconds),
            from: written(self.claims.nbf.map_or(0, |date| date.0)),
            until: self.claims.exp.map_or_else(|| "never (no exp)".to_owned(), |e| written(e.0)),
            too_long,
        };
        let Some(LenientNumericDate(expires)) = self.claims.exp else {
            return Err(refusal(false));
        };
        if seconds >= expires.saturating_add(skew) || self.starts() > Some(seconds + skew) {
            return Err(refusal(false));
        }
        if expires > seconds + longest + skew {
            return Err(refusal(true));
        }
        Ok(expires)
    }

    fn single_use(
        &self,
        client: &ClientFacts,
        expires: i64,
    ) -> Result<SingleUse, AssertionRefusal> {
        match &self.claims.jti {
            Some(jti) if (1..=JTI_MAX).contains(&jti.len()) => Ok(SingleUse {
                jti: jti.clone(),
                from: self.starts().map(Timestamp::from_unix_seconds),
                until: Timestamp::from_unix_seconds(expires).plus(CLOCK_SKEW),
            }),
            _ => Err(AssertionRefusal::Replayed { client: client.app_id }),
        }
    }
}

/// Says what is wrong with the JSON without repeating any of it: `serde_json` quotes the value it
/// found, and clients put secrets into the wrong field.
fn malformed_json(part: &str, error: &JsonError) -> AssertionRefusal {
    let text = error.to_string();
    AssertionRefusal::Malformed(match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!(
            "its {part} holds a value of another type or range than expected, which is {expected}"
        ),
        None => format!("its {part}: {text}"),
    })
}

/// How the header names the key. `x5t#S256` wins over `x5t` over `kid`; the algorithm plays no
/// part (MSAL Java sends RS256 with `x5t#S256`).
enum KeyName {
    Thumbprint(Thumbprint),
    Credential(CredentialId),
    /// Something that is no name of a key.
    Unreadable,
    /// Nothing: every key of the application is a candidate.
    None,
}

impl KeyName {
    fn of(header: &Header) -> Self {
        let thumbprint =
            |text: &String| Thumbprint::normalise(text).map_or(Self::Unreadable, Self::Thumbprint);
        if let Some(text) = header.x5t_s256.as_ref().or(header.x5t.as_ref()) {
            return thumbprint(text);
        }
        match &header.kid {
            None => Self::None,
            Some(kid) => match parse_guid(kid) {
                Ok(id) => Self::Credential(CredentialId(id)),
                Err(_) => thumbprint(kid),
            },
        }
    }

    fn names(&self, certificate: &ClientCertificate) -> bool {
        match self {
            Self::Thumbprint(wanted) => certificate.thumbprints.contains(wanted),
            Self::Credential(id) => certificate.id == *id,
            Self::Unreadable => false,
            Self::None => true,
        }
    }

    fn shown(&self) -> Option<String> {
        match self {
            Self::Thumbprint(Thumbprint::Sha1(t)) => Some(t.to_base64url()),
            Self::Thumbprint(Thumbprint::Sha256(t)) => Some(t.to_base64url()),
            Self::Credential(_) | Self::Unreadable | Self::None => None,
        }
    }
}

fn check_certificate(
    certificate: &ClientCertificate,
    now: Timestamp,
) -> Result<(), AssertionRefusal> {
    if certificate.valid.contains(&now.unix_seconds()) {
        return Ok(());
    }
    Err(AssertionRefusal::CertificateTime {
        now: written(now.unix_seconds()),
        from: written(*certificate.valid.start()),
        until: written(*certificate.valid.end()),
    })
}
