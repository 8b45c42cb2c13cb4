use proptest::prelude::*;

use super::*;

fn v2(scope: &str) -> Result<RequestedScopes<'_>, TargetError> {
    RequestedScopes::parse(EndpointVersion::V2, None, Some(scope))
}

fn v1<'a>(
    resource: Option<&'a str>,
    scope: Option<&'a str>,
) -> Result<RequestedScopes<'a>, TargetError> {
    RequestedScopes::parse(EndpointVersion::V1, resource, scope)
}

/// `resource: scopes` of each resource, `*` for everything.
fn shown(scopes: &RequestedScopes<'_>) -> Vec<String> {
    let shown = |asked: &RequestedResource<'_>| match &asked.permissions {
        RequestedPermissions::Default => format!("{}: *", asked.resource),
        RequestedPermissions::Named(names) => format!("{}: {}", asked.resource, names.join(" ")),
    };
    scopes.resources.iter().map(shown).collect()
}

#[test]
fn what_msal_asks_on_behalf_of_a_user() {
    let asked = v2("api://ledger/.default openid profile offline_access").unwrap();
    assert_eq!(shown(&asked), ["api://ledger: *"]);
    assert_eq!(asked.oidc.iter().collect::<Vec<_>>(), ["openid", "profile", "offline_access"]);
    assert!(asked.oidc.openid() && asked.oidc.profile() && asked.oidc.offline_access());
    assert!(!asked.oidc.email());
    assert_eq!(asked.sole().unwrap().resource.as_str(), "api://ledger");
}

#[test]
fn the_last_slash_divides_resource_and_scope() {
    for (scope, expected) in [
        ("api://ledger/Entries.Read", "api://ledger: Entries.Read"),
        ("https://host//.default", "https://host/: *"),
        ("https://host/api/v1/Read", "https://host/api/v1: Read"),
        ("7e4d0000-0000-4000-8000-000000000004/Read", "7e4d0000-0000-4000-8000-000000000004: Read"),
        ("a/Read  a/Write a/Read ", "a: Read Write"),
        ("a/.default a/.default", "a: *"),
        ("a/.DEFAULT", "a: .DEFAULT"),
        ("a/Openid", "a: Openid"),
    ] {
        assert_eq!(shown(&v2(scope).unwrap()), [expected], "{scope}");
    }
}

#[test]
fn a_scope_without_a_resource_is_graphs() {
    let graph = |scopes: &str| format!("{GRAPH}: {scopes}");
    assert_eq!(shown(&v2("User.Read openid Mail.Read").unwrap()), [graph("User.Read Mail.Read")]);
    assert_eq!(shown(&v2(".default").unwrap()), [graph("*")]);
    assert_eq!(shown(&v2("openid profile").unwrap()), [graph("")], "an access token for Graph");
    assert_eq!(shown(&v2("a/Read openid").unwrap()), ["a: Read"]);
}

#[test]
fn several_resources_may_be_consented_but_not_put_into_one_token() {
    let asked = v2("b/Read a/.default b/Write").unwrap();
    assert_eq!(shown(&asked), ["b: Read Write", "a: *"]);
    assert_eq!(asked.sole(), Err(TargetError::SeveralResources));
    assert_eq!(asked.first().unwrap().resource.as_str(), "b");
    assert_eq!(v2("https://a/R https://a//R").unwrap().resources.len(), 2, "spelling decides");
}

#[test]
fn v2_refuses() {
    let many = "a/Read ".repeat(MAX_SCOPES + 1);
    let long = "a".repeat(MAX_SCOPE_BYTES + 1);
    let long_name = format!("{}/Read", "a".repeat(513));
    for (scope, expected, code) in [
        ("", TargetError::Missing { name: "scope" }, 900_144),
        ("  ", TargetError::Missing { name: "scope" }, 900_144),
        ("a/.default a/Read", TargetError::DefaultAndNamed, 70_011),
        ("a/Read b/Read a/.default", TargetError::DefaultAndNamed, 70_011),
        ("/Read", TargetError::MalformedScope, 70_011),
        ("/.default", TargetError::MalformedScope, 70_011),
        ("api://a/", TargetError::MalformedScope, 70_011),
        ("api://\u{ff41}/Read", TargetError::MalformedScope, 70_011),
        ("a/\"Read\"", TargetError::MalformedScope, 70_011),
        ("a/Re\\ad", TargetError::MalformedScope, 70_011),
        ("a/Read\tb/Read", TargetError::MalformedScope, 70_011),
        (long_name.as_str(), TargetError::MalformedScope, 70_011),
        (many.as_str(), TargetError::TooLong, 70_011),
        (long.as_str(), TargetError::TooLong, 70_011),
    ] {
        let error = v2(scope).unwrap_err();
        assert_eq!((error, error.aadsts().code()), (expected, code), "{scope:.40}");
    }
    let both = RequestedScopes::parse(EndpointVersion::V2, Some("a"), Some("a/.default"));
    assert_eq!(both, Err(TargetError::ResourceNotSupported));
    let neither = RequestedScopes::parse(EndpointVersion::V2, None, None);
    assert_eq!(neither, Err(TargetError::Missing { name: "scope" }));
}

#[test]
fn v1_reads_resource_and_of_scope_only_openid() {
    let asked = v1(Some("https://host/"), Some("openid offline_access b/Read \u{e9}")).unwrap();
    assert_eq!(shown(&asked), ["https://host/: *"]);
    assert_eq!(asked.oidc.iter().collect::<Vec<_>>(), ["openid"]);

    let asked = v1(None, Some("api://b/.default openid offline_access")).unwrap();
    assert_eq!(shown(&asked), ["api://b: *"], "read as v2's");
    assert!(asked.oidc.openid() && asked.oidc.offline_access());

    let asked = v1(None, Some("openid profile")).unwrap();
    assert!(asked.oidc.openid() && asked.resources.is_empty());
    assert_eq!(asked.sole(), Err(TargetError::Missing { name: "resource" }));
    assert_eq!(v1(None, None), Ok(RequestedScopes::default()));
    assert_eq!(v1(Some("a b"), None), Err(TargetError::MalformedResource));
    assert_eq!(v1(None, Some("/.default")), Err(TargetError::MalformedScope));
}

proptest! {
    #[test]
    fn what_is_accepted_is_what_was_sent(scope in "[a-c./: \"]{0,24}( [ab]/(R|W|\\.default))*( openid)?") {
        if let Ok(asked) = v2(&scope) {
            let sent: Vec<_> = scope.split(' ').filter(|value| !value.is_empty()).collect();
            for name in asked.oidc.iter() {
                prop_assert!(sent.contains(&name));
            }
            for known in &asked.resources {
                let names = match &known.permissions {
                    RequestedPermissions::Default => vec![".default"],
                    RequestedPermissions::Named(names) => names.clone(),
                };
                for name in names {
                    let spelt = format!("{}/{name}", known.resource);
                    let bare = known.resource.as_str() == GRAPH && sent.contains(&name);
                    prop_assert!(bare || sent.contains(&spelt.as_str()), "{} of {}", spelt, scope);
                }
            }
        }
    }

    #[test]
    fn never_panics(scope in ".{0,64}", resource in proptest::option::of(".{0,16}")) {
        let _ = v2(&scope);
        let _ = v1(resource.as_deref(), Some(&scope));
    }
}
