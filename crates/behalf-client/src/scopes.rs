use std::fmt;

/// Scopes that no request can be made for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// None at all.
    #[error("no scope: name what the token is for, such as api://ledger/.default")]
    None,
    /// Not a scope-token of RFC 6749 section 3.3.
    #[error("{0:?} is no scope: expected one visible ASCII word without quotes and backslashes")]
    Malformed(String),
    /// An application cannot ask for single permissions (the server's code is 1002012).
    #[error(
        "{0:?} is not for an application: ask for one resource followed by /.default, which gives \
         every role that was assigned"
    )]
    NotDefault(String),
}

/// What a token is asked for: sorted and without repetition, so that equal sets are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scopes(Vec<String>);

impl Scopes {
    pub(crate) fn parse<S: Into<String>>(
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<Self, ScopeError> {
        let mut scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        if let Some(odd) = scopes.iter().find(|scope| !is_scope_token(scope)) {
            return Err(ScopeError::Malformed(odd.clone()));
        }
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() { Err(ScopeError::None) } else { Ok(Self(scopes)) }
    }

    /// The scopes of an application on its own behalf: one resource's `/.default`.
    pub(crate) fn for_application<S: Into<String>>(
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<Self, ScopeError> {
        let scopes = Self::parse(scopes)?;
        match scopes.0.as_slice() {
            [one] if one.ends_with("/.default") => Ok(scopes),
            _ => Err(ScopeError::NotDefault(scopes.to_string())),
        }
    }

    /// These and `more`.
    pub(crate) fn with(&self, more: &[&str]) -> Self {
        let mut scopes = self.0.clone();
        scopes.extend(more.iter().map(|scope| (*scope).to_owned()));
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }
}

impl fmt::Display for Scopes {
    /// As the parameter `scope` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn is_scope_token(text: &str) -> bool {
    let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    (1..=1024).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_are_equal() {
        let one = Scopes::parse(["api://a/B", "openid", "api://a/A", "openid"]).unwrap();
        assert_eq!(one.to_string(), "api://a/A api://a/B openid");
        assert_eq!(one, Scopes::parse(["openid", "api://a/A", "api://a/B"]).unwrap());
        assert_eq!(
            one.with(&["profile", "openid"]).to_string(),
            "api://a/A api://a/B openid profile"
        );
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        assert_eq!(Scopes::parse(Vec::<String>::new()), Err(ScopeError::None));
        for odd in ["", "a b", "a\"b", "a\\b", "a\nb", "é"] {
            assert_eq!(Scopes::parse([odd]), Err(ScopeError::Malformed(odd.to_owned())));
        }
    }

    #[test]
    fn an_application_asks_for_the_default_of_one_resource() {
        assert!(Scopes::for_application(["api://ledger/.default"]).is_ok());
        assert!(
            Scopes::for_application(["https://x//.default"]).is_ok(),
            "the resource https://x/"
        );
        for odd in [vec!["api://ledger/Read"], vec!["api://a/.default", "api://b/.default"]] {
            let error = Scopes::for_application(odd).unwrap_err();
            assert!(matches!(error, ScopeError::NotDefault(_)), "{error}");
        }
    }
}
