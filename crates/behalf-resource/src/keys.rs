use behalf_jose::{JwkSet, JwkSetError, VerifyingKey};

use crate::metadata::IssuerTemplate;

/// A key of an issuer, pinned to one algorithm.
#[derive(Debug)]
pub(crate) struct Key {
    kid: String,
    /// Whose tokens the key may sign, if the document says so.
    pub(crate) issuer: Option<IssuerTemplate>,
    pub(crate) verifying: VerifyingKey,
}

/// The usable keys of one issuer's document. Sets of different issuers are never merged, so a `kid`
/// finds a key of the token's own issuer or none.
#[derive(Debug)]
pub(crate) struct KeySet {
    document: JwkSet,
    keys: Vec<Key>,
}

impl KeySet {
    /// Reads a document. Keys without `kid`, unusable ones, and those of another cloud than
    /// `cloud` (where both are named) are left out; no key at all is a valid set.
    pub(crate) fn parse(body: &[u8], cloud: Option<&str>) -> Result<Self, JwkSetError> {
        let document = JwkSet::parse(body)?;
        let of_this_cloud =
            |name: Option<&str>| name.is_none_or(|name| cloud.is_none_or(|cloud| cloud == name));
        let keys = document
            .keys
            .iter()
            .filter(|jwk| of_this_cloud(jwk.cloud_instance_name.as_deref()))
            .filter_map(|jwk| {
                Some(Key {
                    kid: jwk.kid.clone()?,
                    issuer: jwk.issuer.clone().map(IssuerTemplate),
                    verifying: VerifyingKey::from_jwk(jwk).ok()?,
                })
            })
            .collect();
        Ok(Self { document, keys })
    }

    /// The keys named `kid`; more than one is the document's doing.
    pub(crate) fn named<'a>(&'a self, kid: &'a str) -> impl Iterator<Item = &'a Key> {
        self.keys.iter().filter(move |key| key.kid == kid)
    }

    /// Whether `other` comes from the same keys.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.document == other.document
    }
}
