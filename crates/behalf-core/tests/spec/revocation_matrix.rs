//! Disabling bites (security rule 1): whatever is taken away, for every way to authenticate, the
//! next request is refused or its token lacks the role.

use behalf_core::application::SignInAudience;

use crate::common::{
    Credential, Directory, GLOBEX, NOW, SECRET,
    assertion::{Assertion, EXPIRED},
    certificate, id, secret,
};

/// What must come of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Refused(u32),
    WithoutRoles,
    /// What was taken away was not used.
    Unharmed,
}
use Outcome::{Refused, Unharmed, WithoutRoles};

struct Row {
    taken: &'static str,
    change: fn(&mut Directory),
    by_secret: Outcome,
    by_certificate: Outcome,
}

const fn row(
    taken: &'static str,
    change: fn(&mut Directory),
    by_secret: Outcome,
    by_certificate: Outcome,
) -> Row {
    Row { taken, change, by_secret, by_certificate }
}

const MATRIX: &[Row] = &[
    row("client disabled", |d| d.client.disabled = true, Refused(7_000_112), Refused(7_000_112)),
    row(
        "client's home tenant disabled",
        |d| d.client_home_disabled = true,
        Refused(7_000_112),
        Refused(7_000_112),
    ),
    row(
        "client no longer multi-tenant",
        |d| {
            d.client.tenant = id(GLOBEX);
            d.client.audience = SignInAudience::Single;
        },
        Refused(700_016),
        Refused(700_016),
    ),
    row("secret removed", |d| d.client.secrets.clear(), Refused(7_000_215), Unharmed),
    row(
        "secret expired",
        |d| d.client.secrets = vec![secret(1, "main", SECRET, NOW)],
        Refused(7_000_222),
        Unharmed,
    ),
    row("certificate removed", |d| d.client.certificates.clear(), Unharmed, Refused(700_027)),
    row(
        "certificate expired",
        |d| d.client.certificates = vec![certificate(2, EXPIRED)],
        Unharmed,
        Refused(1_000_502),
    ),
    row(
        "service principal disabled",
        |d| d.client_principal.as_mut().unwrap().disabled = true,
        Refused(7_000_112),
        Refused(7_000_112),
    ),
    row(
        "service principal deleted",
        |d| d.client_principal = None,
        Refused(7_000_229),
        Refused(7_000_229),
    ),
    row("role removed", |d| d.resource.roles.clear(), WithoutRoles, WithoutRoles),
    row("role disabled", |d| d.resource.roles[0].disabled = true, WithoutRoles, WithoutRoles),
    row(
        "role no longer for applications",
        |d| d.resource.roles[0].members.clear(),
        WithoutRoles,
        WithoutRoles,
    ),
    row("assignment removed", |d| d.assignments.clear(), WithoutRoles, WithoutRoles),
    row(
        "assignment removed where one is required",
        |d| {
            d.resource_principal.assignment_required = true;
            d.assignments.clear();
        },
        Refused(501_051),
        Refused(501_051),
    ),
    row(
        "resource's service principal disabled",
        |d| d.resource_principal.disabled = true,
        Refused(500_014),
        Refused(500_014),
    ),
    row("resource disabled", |d| d.resource.disabled = true, Refused(500_014), Refused(500_014)),
    row(
        "resource's home tenant disabled",
        |d| d.resource_home_disabled = true,
        Refused(500_014),
        Refused(500_014),
    ),
    row(
        "name removed from the resource",
        |d| d.resource.identifier_uris.clear(),
        Refused(500_011),
        Refused(500_011),
    ),
];

fn outcome(directory: &Directory, credential: Credential<'_>) -> Outcome {
    match directory.ask_with(credential) {
        Err(refusal) => Refused(refusal.aadsts().code()),
        Ok(granted) if granted.roles().is_empty() => WithoutRoles,
        Ok(_) => Unharmed,
    }
}

#[test]
fn every_cell() {
    let assertion = Assertion::good()
        .named_by("kid", serde_json::json!(crate::common::credential(2).to_string()))
        .sign();
    let (secret, certificate) = (Credential::Secret(SECRET), Credential::Assertion(&assertion));
    assert_eq!(outcome(&Directory::acme(), secret), Unharmed);
    assert_eq!(outcome(&Directory::acme(), certificate), Unharmed);
    for row in MATRIX {
        let directory = Directory::acme_but(row.change);
        assert_eq!(outcome(&directory, secret), row.by_secret, "{} × secret", row.taken);
        assert_eq!(
            outcome(&directory, certificate),
            row.by_certificate,
            "{} × certificate",
            row.taken
        );
    }
}
