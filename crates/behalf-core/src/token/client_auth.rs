//! Who asks: a presented credential becomes an [`AuthenticatedClient`], or a refusal.

use behalf_protocol::token::request::ClientAuthentication;

use crate::{
    application::credential::Method,
    event::{Step, Trail},
    id::CredentialId,
    secret::{self, Pepper, Shape},
    time::{Timestamp, written},
    token::{
        ClientFacts, ClientPrincipal, GrantRefusal, Refusal,
        assertion::{Addressees, AssertionRefusal, UnverifiedAssertion},
        refusal::SecretHint,
    },
};

/// What a credential is checked against besides the client's own facts.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// The key of secret hashes.
    pub pepper: &'a Pepper,
    /// Where assertions may be addressed to.
    pub addressees: Addressees<'a>,
    /// Now.
    pub now: Timestamp,
}

/// A credential as presented, parsed as far as it can be without knowing whose it is.
#[derive(Debug)]
pub enum Presented<'a> {
    /// None.
    None,
    /// A secret.
    Secret(&'a str),
    /// A client assertion, or why it is none: said only once the client is known.
    Assertion(Box<Result<UnverifiedAssertion<'a>, AssertionRefusal>>),
}

impl<'a> Presented<'a> {
    /// Parses what the request carried.
    pub fn parse(authentication: ClientAuthentication<'a>) -> Self {
        match authentication {
            ClientAuthentication::None => Self::None,
            ClientAuthentication::Secret { secret, .. } => Self::Secret(secret.expose()),
            ClientAuthentication::Assertion(text) => {
                Self::Assertion(Box::new(UnverifiedAssertion::parse(text.expose())))
            }
        }
    }

    /// The client an assertion claims to come from, for requests without `client_id`.
    pub fn unverified_subject(&self) -> Option<&str> {
        match self {
            Self::Assertion(parsed) => parsed.as_ref().as_ref().ok()?.unverified_subject(),
            Self::None | Self::Secret(_) => None,
        }
    }
}

/// Proof that the client is who it says. Only [`verify`] makes one.
#[derive(Debug)]
pub struct AuthenticatedClient<'f> {
    facts: &'f ClientFacts,
    method: Method,
    credential: CredentialId,
    single_use: Option<SingleUse>,
}

/// An assertion that must not be accepted again: to be recorded before anything is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleUse {
    /// The assertion's `jti`.
    pub jti: String,
    /// From when on it counts (the later of `nbf` and `iat`), if it says so: nobody accepted it
    /// earlier than [`CLOCK_SKEW`](crate::time::CLOCK_SKEW) before that.
    pub from: Option<Timestamp>,
    /// Until when it must be remembered.
    pub until: Timestamp,
}

impl<'f> AuthenticatedClient<'f> {
    /// The client's facts.
    pub fn facts(&self) -> &'f ClientFacts {
        self.facts
    }

    /// How it authenticated.
    pub fn method(&self) -> Method {
        self.method
    }

    /// With which credential.
    pub fn credential(&self) -> CredentialId {
        self.credential
    }

    /// What must be recorded before anything is issued.
    pub fn single_use(&self) -> Option<&SingleUse> {
        self.single_use.as_ref()
    }
}

/// A client as grants on behalf of a user know it: proved by its credential or, if it is public,
/// only named. Only [`identify`] makes one.
#[derive(Debug)]
pub struct IdentifiedClient<'f> {
    facts: &'f ClientFacts,
    proof: Option<AuthenticatedClient<'f>>,
}

impl<'f> IdentifiedClient<'f> {
    /// The client's facts.
    pub fn facts(&self) -> &'f ClientFacts {
        self.facts
    }

    /// The proof, if it gave one.
    pub fn authenticated(&self) -> Option<&AuthenticatedClient<'f>> {
        self.proof.as_ref()
    }

    /// The proof, for what only a client that gave one may do (7000218).
    pub fn confidential(&self) -> Result<&AuthenticatedClient<'f>, Refusal> {
        let missing = || GrantRefusal::CredentialMissing { client: self.facts.app_id };
        self.proof.as_ref().ok_or_else(|| missing().into())
    }

    /// How it authenticated, if it did.
    pub fn method(&self) -> Option<Method> {
        self.proof.as_ref().map(AuthenticatedClient::method)
    }

    /// Its application and service principal are there and enabled (7000112, 700016).
    pub fn living(&self) -> Result<ClientPrincipal, Refusal> {
        let facts = self.facts;
        let disabled = |here| Refusal::ClientDisabled {
            client: facts.app_id,
            display_name: facts.display_name.clone(),
            here,
        };
        match facts.service_principal {
            _ if facts.disabled => Err(disabled(false)),
            None => Err(Refusal::ClientUnknown { client: facts.app_id, tenant: facts.tenant.id }),
            Some(principal) if principal.disabled => Err(disabled(true)),
            Some(principal) => Ok(principal),
        }
    }
}

/// Who asks on behalf of a user (protocol 2.2): a credential is checked as [`verify`] does; without
/// one, a client must have a way of being public (7000218). Whether that way is the one by which
/// it got what it presents is the grant's to check.
pub fn identify<'f>(
    presented: &Presented<'_>,
    facts: &'f ClientFacts,
    judge: Judge<'_>,
    trail: &mut Trail,
) -> Result<IdentifiedClient<'f>, Refusal> {
    proved_or_named(presented, (facts, facts.public_flows), judge, trail)
}

/// The same where no redirect URI says what the client is: with a device code or a password, only
/// native applications and those registered as falling back to it may be public (protocol 2.2).
pub fn identify_without_redirect<'f>(
    presented: &Presented<'_>,
    facts: &'f ClientFacts,
    judge: Judge<'_>,
    trail: &mut Trail,
) -> Result<IdentifiedClient<'f>, Refusal> {
    proved_or_named(presented, (facts, facts.fallback_public), judge, trail)
}

fn proved_or_named<'f>(
    presented: &Presented<'_>,
    (facts, public): (&'f ClientFacts, bool),
    judge: Judge<'_>,
    trail: &mut Trail,
) -> Result<IdentifiedClient<'f>, Refusal> {
    if !matches!(presented, Presented::None) {
        let proof = Some(verify(presented, facts, judge, trail)?);
        return Ok(IdentifiedClient { facts, proof });
    }
    let named = IdentifiedClient { facts, proof: None };
    if public {
        trail.skipped(Step::Credential);
    } else {
        trail.failed(Step::Credential);
        named.confidential()?;
    }
    Ok(named)
}

/// Checks the credential, in the order of protocol 2.2: public clients have none, confidential
/// ones need one, an application's own setting may exclude the method, then the credential itself.
pub fn verify<'f>(
    presented: &Presented<'_>,
    facts: &'f ClientFacts,
    judge: Judge<'_>,
    trail: &mut Trail,
) -> Result<AuthenticatedClient<'f>, Refusal> {
    let result = check(presented, facts, judge);
    match result {
        Ok(_) => trail.ok(Step::Credential),
        Err(_) => trail.failed(Step::Credential),
    }
    result
}

fn check<'f>(
    presented: &Presented<'_>,
    facts: &'f ClientFacts,
    judge: Judge<'_>,
) -> Result<AuthenticatedClient<'f>, Refusal> {
    let method = match presented {
        Presented::None => return Err(Refusal::CredentialMissing),
        Presented::Secret(_) => Method::Secret,
        Presented::Assertion(_) => Method::Certificate,
    };
    if facts.kind.is_public() {
        return Err(Refusal::PublicClient { client: facts.app_id });
    }
    let (credential, single_use) = match presented {
        Presented::None => return Err(Refusal::CredentialMissing),
        Presented::Secret(secret) => (check_secret(secret, facts, judge)?, None),
        Presented::Assertion(parsed) => parsed.as_ref().as_ref().map_err(Clone::clone)?.verify(
            facts,
            judge.addressees,
            judge.now,
        )?,
    };
    // After the credential proved right: who does not hold it learns nothing of the settings.
    let allowed = &facts.settings.allowed_methods;
    if !allowed.is_empty() && !allowed.contains(&method) {
        return Err(Refusal::MethodNotAllowed { client: facts.app_id, method });
    }
    Ok(AuthenticatedClient { facts, method, credential, single_use })
}

fn check_secret(
    presented: &str,
    facts: &ClientFacts,
    judge: Judge<'_>,
) -> Result<CredentialId, Refusal> {
    let wrong = |hint| Refusal::SecretWrong { client: facts.app_id, hint };
    if presented.len() > secret::MAX {
        return Err(wrong(SecretHint::None));
    }
    let hash = judge.pepper.hash(presented);
    let matching = || facts.secrets.iter().filter(|secret| secret.hash.matches(&hash));
    if let Some(live) = matching().find(|secret| judge.now < secret.expires) {
        return Ok(live.id);
    }
    match matching().max_by_key(|secret| secret.expires) {
        Some(expired) => Err(Refusal::SecretExpired {
            client: facts.app_id,
            display_name: facts.display_name.clone(),
            name: expired.name.clone(),
            expired: written(expired.expires.unix_seconds()),
        }),
        None => Err(wrong(match secret::shape(presented) {
            Shape::Id => SecretHint::Id,
            Shape::Damaged => SecretHint::Damaged,
            Shape::Generated | Shape::Other => SecretHint::None,
        })),
    }
}
