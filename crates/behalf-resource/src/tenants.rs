use uuid::Uuid;

/// Whose tokens an API accepts. Tenants are named by id or by a domain; domains are looked up once,
/// when the resource server is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenants(pub(crate) Choice);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    Listed(Vec<String>),
    Any,
}

impl Tenants {
    /// One tenant.
    pub fn only(tenant: impl Into<String>) -> Self {
        Self(Choice::Listed(vec![tenant.into()]))
    }

    /// Several tenants. None at all is refused when the resource server is built.
    pub fn allow<T: Into<String>>(tenants: impl IntoIterator<Item = T>) -> Self {
        Self(Choice::Listed(tenants.into_iter().map(Into::into).collect()))
    }

    /// Every tenant that the token service has or will have: the handler must then check whether
    /// it knows the caller's tenant.
    pub const fn any() -> Self {
        Self(Choice::Any)
    }

    /// Reads `any`, or a list with commas or spaces between.
    pub(crate) fn from_list(text: &str) -> Self {
        if text.trim() == "any" { Self::any() } else { Self::allow(list(text)) }
    }
}

/// The items of a list with commas or spaces between.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).map(str::trim).filter(|item| !item.is_empty())
}

/// [`Tenants`] after domains were looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AcceptedTenants {
    Listed(Vec<Uuid>),
    Any,
}

impl AcceptedTenants {
    pub(crate) fn accepts(&self, tenant: Uuid) -> bool {
        match self {
            Self::Listed(ids) => ids.contains(&tenant),
            Self::Any => true,
        }
    }
}
