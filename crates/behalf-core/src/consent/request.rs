//! What a client asks to be allowed.

use crate::consent::ConsentRefusal;

/// The value that stands for all a client's registration requires.
const DEFAULT: &str = ".default";

/// What a client asks to be allowed, as far as consent cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it wants.
    pub wanted: Wanted,
    /// `prompt=consent`: show the page whatever is granted already.
    pub prompt: bool,
    /// `prompt=admin_consent` or an adminconsent endpoint: for everyone, app roles included where
    /// the registration is asked for.
    pub admin: bool,
}

/// Which permissions are wanted (protocol 6.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All that the client's registration requires: v1, `.default`, adminconsent. `target` is the
    /// resource that the request names, as it names it.
    Registered {
        /// The resource, if one is named.
        target: Option<String>,
    },
    /// Named scopes (v2); none is a sign-in alone.
    Named(Vec<NamedScopes>),
}

/// Scopes of one resource by value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedScopes {
    /// The resource, as the client names it.
    pub resource: String,
    /// Values, as they would stand in `scp`.
    pub values: Vec<String>,
}

impl Wanted {
    /// Reads pairs of resource and value, OpenID Connect's own scopes left out. `.default` stands
    /// alone: with a named scope or for a second resource it is refused (70011).
    pub fn from_scopes<'a>(
        scopes: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ConsentRefusal> {
        let (mut named, mut target): (Vec<NamedScopes>, Option<&str>) = (Vec::new(), None);
        for (resource, value) in scopes {
            if value == DEFAULT {
                if target.is_some_and(|other| other != resource) {
                    return Err(ConsentRefusal::DefaultMixed);
                }
                target = Some(resource);
                continue;
            }
            let value = value.to_owned();
            match named.iter_mut().find(|known| known.resource == resource) {
                Some(known) if known.values.contains(&value) => {}
                Some(known) => known.values.push(value),
                None => {
                    named.push(NamedScopes { resource: resource.to_owned(), values: vec![value] });
                }
            }
        }
        match target {
            Some(_) if !named.is_empty() => Err(ConsentRefusal::DefaultMixed),
            Some(target) => Ok(Self::Registered { target: Some(target.to_owned()) }),
            None => Ok(Self::Named(named)),
        }
    }
}
