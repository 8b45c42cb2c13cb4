use uuid::Uuid;

use behalf_protocol::authority::tenant_id;

/// The audiences an API answers to, in every accepted spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Audiences(Vec<String>);

/// An audience as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Audience {
    pub(crate) value: String,
    /// The program states that it owns the URI in all accepted tenants.
    pub(crate) owned_everywhere: bool,
}

impl Audiences {
    /// The accepted values: each configured one, `api://{id}` for an application id, and each with
    /// and without a slash at the end.
    ///
    /// Names of resources are unique per tenant only: in another tenant, somebody else's resource
    /// may have the same App ID URI, and with it tokens meant for that resource would arrive here.
    /// So with `several_tenants` an audience must contain the application id, or be stated as owned
    /// in all of them. `Err` is the first that is neither.
    pub(crate) fn new(configured: &[Audience], several_tenants: bool) -> Result<Self, String> {
        let app_id = configured
            .iter()
            .find_map(|audience| tenant_id(&audience.value))
            .or_else(|| configured.iter().find_map(|audience| id_of_api_uri(&audience.value)));
        let mut values = Vec::new();
        for audience in configured {
            let value = audience.value.trim_end_matches('/');
            let names_app = app_id.is_some_and(|id| contains_id(value, id));
            if several_tenants && !names_app && !audience.owned_everywhere {
                return Err(audience.value.clone());
            }
            let mut add = |value: String| {
                values.push(format!("{value}/"));
                values.push(value);
            };
            match tenant_id(value) {
                Some(id) => {
                    add(id.to_string());
                    add(format!("api://{id}"));
                }
                None => add(value.to_owned()),
            }
        }
        Ok(Self(values))
    }

    /// Exact comparison: no prefixes, and letter case counts.
    pub(crate) fn contains(&self, value: &str) -> bool {
        self.0.iter().any(|own| own == value)
    }
}

fn id_of_api_uri(value: &str) -> Option<Uuid> {
    value.strip_prefix("api://").and_then(|rest| rest.split('/').find_map(tenant_id))
}

/// Whether the id stands in `value` on its own or as a segment of a URI.
fn contains_id(value: &str, id: Uuid) -> bool {
    value.split('/').any(|segment| tenant_id(segment) == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f6c2a0e-0000-4000-8000-00000000000a";

    fn audiences(values: &[&str], several: bool) -> Result<Audiences, String> {
        let configured: Vec<_> = values
            .iter()
            .map(|value| Audience { value: (*value).to_owned(), owned_everywhere: false })
            .collect();
        Audiences::new(&configured, several)
    }

    #[test]
    fn an_application_id_is_accepted_in_its_four_spellings() {
        let audiences = audiences(&[ID], true).unwrap();
        for value in [ID, &format!("{ID}/"), &format!("api://{ID}"), &format!("api://{ID}/")] {
            assert!(audiences.contains(value), "{value}");
        }
        for value in ["", "api://", &ID.to_uppercase(), &format!("{ID}x"), &format!("api://{ID}/x")]
        {
            assert!(!audiences.contains(value), "{value}");
        }
    }

    #[test]
    fn with_several_tenants_an_audience_must_contain_the_application_id() {
        let uri = format!("api://{ID}/ledger");
        assert!(audiences(&["api://ledger"], false).is_ok());
        assert!(audiences(&[ID, &uri], true).is_ok());
        assert!(audiences(&[&uri], true).is_ok());
        assert_eq!(audiences(&["api://ledger"], true), Err("api://ledger".to_owned()));
        assert_eq!(audiences(&[ID, "api://ledger"], true), Err("api://ledger".to_owned()));
        let other = "api://3f6c2a0e-0000-4000-8000-00000000000b";
        assert_eq!(audiences(&[ID, other], true), Err(other.to_owned()));
        let owned = Audience { value: "api://ledger".to_owned(), owned_everywhere: true };
        assert!(Audiences::new(&[owned], true).is_ok());
    }
}
