//! The ring as requests see it: parsed keys, prebuilt headers, the JWKS documents. Immutable; a
//! change makes a new one.

use std::{fmt, sync::Arc};

use behalf_core::{
    application::{TokenAlg, TokenVersion},
    time::Timestamp,
};
use behalf_jose::{
    EncodedHeader, Jwk, JwkSet, KeyError, SigningKey, VerifyingKey, base64url, sign_compact,
};
use bytes::Bytes;

use super::{
    entry::{Entry, EntryError, Schedule, State, etag},
    master::MasterKey,
    signer::Cost,
};

/// A key that signs tokens, parsed once.
pub struct TokenKey {
    kid: String,
    alg: TokenAlg,
    key: SigningKey,
    v1: EncodedHeader,
    v2: EncodedHeader,
}

impl TokenKey {
    fn new(kid: &str, alg: TokenAlg, key: SigningKey) -> Self {
        // kid is x5t; v1.0 tokens say both, v2.0 tokens kid alone (protocol 5.1).
        let v1 = EncodedHeader::new("JWT", &key, kid, Some(kid));
        let v2 = EncodedHeader::new("JWT", &key, kid, None);
        Self { kid: kid.to_owned(), alg, key, v1, v2 }
    }

    /// Its name in token headers and the JWKS.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    pub fn alg(&self) -> TokenAlg {
        self.alg
    }

    /// What a signature of it costs.
    pub fn cost(&self) -> Cost {
        match self.alg {
            TokenAlg::Rs256 => Cost::Rsa,
            TokenAlg::Es256 => Cost::Ecdsa,
        }
    }

    fn header(&self, version: TokenVersion) -> &EncodedHeader {
        match version {
            TokenVersion::V1 => &self.v1,
            TokenVersion::V2 => &self.v2,
        }
    }

    /// The bytes of a token of `version` over so many bytes of claims.
    pub fn signed_len(&self, version: TokenVersion, claims: usize) -> usize {
        let (header, signature) = (self.header(version).as_str().len(), self.key.signature_len());
        header + base64url::encoded_len(claims) + base64url::encoded_len(signature) + 2
    }

    /// The compact JWS over `claims`, a JSON object, with the header of a token of `version`.
    /// Takes as long as a signature does: run it in the signer.
    pub fn sign(&self, version: TokenVersion, claims: &[u8]) -> Result<String, KeyError> {
        sign_compact(self.header(version), claims, &self.key)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({} {:?})", self.kid, self.alg)
    }
}

/// A published document with its validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// JSON.
    pub body: Bytes,
    /// `ETag`, with its quotes.
    pub etag: String,
}

/// The keys of one algorithm in the order in which they sign.
#[derive(Debug)]
struct Line {
    first: (Timestamp, Arc<TokenKey>),
    later: Vec<(Timestamp, Arc<TokenKey>)>,
}

impl Line {
    fn at(&self, now: Timestamp) -> &Arc<TokenKey> {
        let begun = self.later.iter().rev().find(|(from, _)| *from <= now);
        &begun.unwrap_or(&self.first).1
    }
}

/// The ring at some moment.
#[derive(Debug)]
pub struct KeySet {
    schedules: Vec<Schedule>,
    rsa: Line,
    ecdsa: Line,
    verifying: Vec<(Schedule, VerifyingKey)>,
    jwks_v1: Document,
    jwks_v2: Document,
    /// When a key leaves the documents.
    changes_at: Option<Timestamp>,
    /// Keys that the master key's first line has not wrapped.
    pub(super) wrapped_before: Vec<String>,
}

/// Why no set can be made.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// A key cannot be read.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// An algorithm has no key.
    #[error("the key ring has no {0:?} key that signs")]
    NoKey(TokenAlg),
}

impl KeySet {
    /// Opens what signs now or later and publishes what is not retired. `public_url` is the origin
    /// that the v2 documents' issuers begin with.
    pub(super) fn build(
        entries: &[Entry],
        master: &MasterKey,
        public_url: &str,
        now: Timestamp,
    ) -> Result<Self, SetError> {
        let schedules: Vec<_> = entries.iter().map(|entry| entry.schedule.clone()).collect();
        let state = |entry: &Entry| entry.schedule.state(&schedules, now);
        let (mut signing, mut wrapped_before) = (Vec::new(), Vec::new());
        let (mut verifying, mut keys) = (Vec::new(), Vec::new());
        for entry in entries.iter().filter(|entry| state(entry) != State::Retired) {
            let Schedule { kid, alg, active_from, .. } = &entry.schedule;
            if matches!(state(entry), State::Active | State::Announced) {
                let (key, current) = entry.open(master)?;
                if !current {
                    wrapped_before.push(kid.clone());
                }
                signing.push((*active_from, Arc::new(TokenKey::new(kid, *alg, key))));
            }
            let public = entry.public_key()?;
            keys.push(jwk(entry, &public));
            verifying.push((entry.schedule.clone(), public));
        }
        signing.sort_by(|a, b| (a.0, &a.1.kid).cmp(&(b.0, &b.1.kid)));
        let line = |alg| {
            let mut keys = signing.iter().filter(|(_, key)| key.alg == alg).cloned();
            let first = keys.next().ok_or(SetError::NoKey(alg))?;
            Ok::<_, SetError>(Line { first, later: keys.collect() })
        };
        let jwks_v1 = document(keys.clone());
        let issuer = format!("{public_url}/{{tenantid}}/v2.0");
        let with_issuer = keys.into_iter().map(|key| Jwk { issuer: Some(issuer.clone()), ..key });
        let jwks_v2 = document(with_issuer.collect());
        let retirements = verifying.iter().filter_map(|(schedule, _)| schedule.retire_at);
        let changes_at = retirements.min();
        let (rsa, ecdsa) = (line(TokenAlg::Rs256)?, line(TokenAlg::Es256)?);
        Ok(Self { schedules, rsa, ecdsa, verifying, jwks_v1, jwks_v2, changes_at, wrapped_before })
    }

    /// The key that signs at `now`. A new key takes over by its schedule alone.
    pub fn active(&self, alg: TokenAlg, now: Timestamp) -> &Arc<TokenKey> {
        match alg {
            TokenAlg::Rs256 => self.rsa.at(now),
            TokenAlg::Es256 => self.ecdsa.at(now),
        }
    }

    /// The JWKS: v2 names each key's issuer, v1 does not (protocol 1.5).
    pub fn jwks(&self, version: TokenVersion) -> &Document {
        match version {
            TokenVersion::V1 => &self.jwks_v1,
            TokenVersion::V2 => &self.jwks_v2,
        }
    }

    /// The key named `kid` if a token that says it was issued at `issued` may be its.
    pub fn verifying(&self, kid: &str, issued: Timestamp, now: Timestamp) -> Option<&VerifyingKey> {
        let (schedule, key) = self.verifying.iter().find(|(schedule, _)| schedule.kid == kid)?;
        schedule.vouches_for(&self.schedules, issued, now).then_some(key)
    }

    /// Every key's schedule and state, in the order in which they sign.
    pub fn keys(&self, now: Timestamp) -> Vec<(Schedule, State)> {
        let state = |key: &Schedule| (key.clone(), key.state(&self.schedules, now));
        self.schedules.iter().map(state).collect()
    }

    pub(super) fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    /// Whether time alone has made the documents outdated.
    pub(super) fn outdated(&self, now: Timestamp) -> bool {
        self.changes_at.is_some_and(|changes_at| now > changes_at)
    }
}

fn jwk(entry: &Entry, public: &VerifyingKey) -> Jwk {
    let kid = entry.schedule.kid.clone();
    Jwk {
        key_use: Some("sig".to_owned()),
        alg: Some(super::entry::algorithm(entry.schedule.alg).as_str().to_owned()),
        x5t: Some(kid.clone()),
        kid: Some(kid),
        x5c: vec![entry.x5c()],
        ..public.to_jwk()
    }
}

fn document(keys: Vec<Jwk>) -> Document {
    // Texts only: serialising cannot fail.
    let body = serde_json::to_vec(&JwkSet { keys }).unwrap_or_default();
    let etag = etag(&body);
    Document { body: body.into(), etag }
}
