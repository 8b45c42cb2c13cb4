//! YAML to a manifest. An error says the line, and never repeats a value: a value in the wrong
//! place may be a secret.

use std::fmt;

use behalf_server::directory::apply::{
    Manifest,
    manifest::{Credential, PasswordSource, SecretSource, User},
};
use serde_saphyr::{Error, options::MergeKeyPolicy};

use super::MAX;

/// Keys that later versions will know: never ignored, and not called misspelt either.
const LATER: [&str; 8] = [
    "claims",
    "conditional-access",
    "federated",
    "groups",
    "guests",
    "managed-identities",
    "owners",
    "policies",
];
/// Deepest nesting; a manifest has seven.
const DEPTH: usize = 32;

/// Why a text is no manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestError {
    /// Line and column, from 1, where they are known.
    pub(crate) at: Option<(u64, u64)>,
    /// What was found, what was expected.
    pub(crate) message: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{line}:{column}: {}", self.message),
            None => write!(f, " {}", self.message),
        }
    }
}

impl std::error::Error for ManifestError {}

/// Parses a manifest. Aliases, anchors and merge keys are refused: a short text must not become a
/// long one.
pub(crate) fn parse(text: &str) -> Result<Manifest, ManifestError> {
    let whole = |message: String| ManifestError { at: None, message };
    if text.len() as u64 > MAX {
        return Err(whole(format!("the manifest is longer than {MAX} bytes: split it")));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 1,
            max_depth: DEPTH,
        },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    let manifest: Manifest =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(&error))?;
    let value =
        |credential: &&Credential| matches!(credential.secret, Some(SecretSource::Value(_)));
    for app in &manifest.apps {
        if let Some(credential) = app.credentials.iter().flatten().find(value) {
            return Err(whole(format!(
                "{}: credential {:?}: a secret never stands in a manifest: write `secret: generate`, `{{from-env: NAME}}` or `{{from-file: PATH}}`",
                app.name, credential.name
            )));
        }
    }
    let given = |user: &&User| matches!(user.password, Some(PasswordSource::Value(_)));
    match manifest.users.iter().find(given) {
        Some(user) => Err(whole(format!(
            "{}: a password never stands in a manifest: write `password: generate`, `{{from-env: NAME}}` or `{{from-file: PATH}}`",
            user.name
        ))),
        None => Ok(manifest),
    }
}

fn explain(error: &Error) -> ManifestError {
    let at = error.location().map(|location| (location.line(), location.column()));
    let message = match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => unknown(field, expected),
        Error::SerdeUnknownVariant { expected, .. } => {
            format!("expected {}", one_of(expected))
        }
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            format!("expected {expected}")
        }
        Error::SerdeMissingField { field, .. } => format!("the key {field:?} is missing"),
        Error::MergeKeyNotAllowed { .. } => "merge keys (<<) are not supported".to_owned(),
        Error::Budget { .. } => {
            "anchors, aliases, several documents and deep nesting are not supported".to_owned()
        }
        other => other.to_string(),
    };
    ManifestError { at, message }
}

fn unknown(field: &str, expected: &[&str]) -> String {
    let shown: String = field.chars().take(40).collect();
    if LATER.contains(&field) {
        return format!("{shown:?} is not in this version: remove it, it would have no effect");
    }
    let near = expected
        .iter()
        .map(|known| (distance(field, known), *known))
        .filter(|(far, known)| *far <= known.len().max(3) / 3)
        .min();
    match near {
        Some((_, near)) => format!("unknown key {shown:?}: did you mean {near:?}?"),
        None => format!("unknown key {shown:?}: expected {}", one_of(expected)),
    }
}

fn one_of(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("one of {} and {last}", others.join(", ")),
        None => "no key here".to_owned(),
    }
}

/// How many characters must be added, dropped or changed to make `one` of the other; both short.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, a) in one.chars().take(64).enumerate() {
        let mut diagonal = n;
        let mut left = n + 1;
        for (b, above) in other.iter().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(a != *b);
            diagonal = *above;
            left = changed.min(diagonal + 1).min(left + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = n + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use behalf_core::application::{AppKind, Platform, TokenAlg, TokenVersion};

    use super::*;

    const WHOLE: &str = "\
apiVersion: behalf/v1
tenant: acme.test
apps:
  - name: ledger-api
    id: a9200000-0000-4000-8000-000000000004
    display: Ledger
    type: api
    audience: single
    uri: api://ledger
    token: { version: 2, alg: ES256, lifetime: 1h }
    assignment-required: false
    disabled: false
    offers:
      scopes: { Entries.Read: { consent: user, text: Read your entries } }
      roles:
        Entries.Read.All: { for: [app, user], enabled: true, id: 90150000-0000-4000-8000-000000000001 }
    redirects: []
    logout: https://ledger.acme.test/bye
    fallback-public-client: true
    password-grant: false
    optional-claims: { access-token: [act, idtyp+include_user_token], id-token: [email] }
    require: { mfa: true, max-age: 1h, acrs: [c1] }
    combined-consent-for: [desk-app]
    pre-authorized: { desk-app: [Entries.Read] }
  - name: invoice-daemon
    uri: [api://one, api://two]
    redirects: [http://localhost, { web: https://a.test/cb }, { spa: https://b.test }, { native: app://cb }]
    calls: { ledger-api: { as-user: [Entries.Read], as-app: [Entries.Read.All] } }
    credentials:
      - { secret: generate, name: initial, expires: 180d }
      - { secret: { from-env: SECRET }, name: vault }
      - { secret: { from-file: secret.txt }, name: file }
      - { certificate: daemon.pem, name: ci }
users:
  - { name: bob@acme.test, display: Bob, roles: [user-administrator], password: generate }
  - { name: eve@acme.test, password: { from-env: EVE }, disabled: true, roles: [] }
grants: { admin-consent: [invoice-daemon] }
";

    #[test]
    fn the_whole_shape_is_read() {
        let manifest = parse(WHOLE).unwrap();
        let [api, daemon] = &manifest.apps[..] else { panic!("two applications") };
        assert_eq!(api.kind, Some(AppKind::Api));
        let token = api.token.unwrap();
        assert_eq!((token.version, token.alg), (Some(TokenVersion::V2), Some(TokenAlg::Es256)));
        assert_eq!(token.lifetime.unwrap().to_string(), "1h");
        assert_eq!(api.redirects, Some(vec![]), "empty is not absent");
        assert_eq!(api.require.as_ref().unwrap().acrs, ["c1".to_owned()].into());
        let redirects = daemon.redirects.as_ref().unwrap();
        let platforms: Vec<_> = redirects.iter().map(|to| to.of(AppKind::Native).1).collect();
        let (web, spa) = (Platform::Web, Platform::Spa);
        assert_eq!(platforms, [Platform::InstalledClient, web, spa, Platform::InstalledClient]);
        assert_eq!(redirects[0].of(AppKind::Web), ("http://localhost", web));
        assert_eq!(daemon.uri.as_ref().unwrap().as_slice().len(), 2);
        let credentials = daemon.credentials.as_ref().unwrap();
        assert_eq!(credentials[0].secret, Some(SecretSource::Generate));
        assert_eq!(credentials[1].secret, Some(SecretSource::FromEnv("SECRET".into())));
        assert_eq!(credentials[3].certificate.as_deref(), Some("daemon.pem"));
        let [bob, eve] = &manifest.users[..] else { panic!("two users") };
        assert_eq!(bob.password, Some(PasswordSource::Generate));
        assert_eq!(eve.roles, Some([].into()), "empty is not absent");
        let consent = manifest.grants.unwrap().admin_consent.unwrap();
        assert_eq!(consent, ["invoice-daemon"]);
    }

    #[test]
    fn the_reference_page_is_a_manifest_and_names_every_key() {
        let page = include_str!("../../../../docs/reference/manifest.md");
        let example = page.split("```").nth(1).unwrap().strip_prefix("yaml").unwrap();
        parse(example).unwrap();
        let expected = error("apps:\n  - name: a\n    zzzzzz: 1\n");
        let keys: Vec<_> = expected.split('`').skip(1).step_by(2).collect();
        assert!(keys.len() > 15, "{expected}");
        for key in keys {
            assert!(
                page.contains(&format!("`{key}`")),
                "{key} is not in docs/reference/manifest.md"
            );
        }
    }

    #[test]
    fn what_is_sent_is_what_was_read() {
        let manifest = parse(WHOLE).unwrap();
        let sent = serde_json::to_string(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&sent).unwrap(), manifest);
    }

    /// An error in `line` of an otherwise good manifest.
    fn error(lines: &str) -> String {
        let text = format!("apiVersion: behalf/v1\ntenant: acme.test\n{lines}");
        parse(&text).unwrap_err().to_string()
    }

    #[test]
    fn unknown_keys_are_errors_with_their_line_and_a_guess() {
        for (lines, expected) in [
            ("uzers: []\n", "3:1: unknown key \"uzers\": did you mean \"users\"?"),
            ("peeple: []\n", "3:1: unknown key \"peeple\": expected one of"),
            ("users:\n  - nme: a\n", "did you mean \"name\"?"),
            ("app: []\n", "3:1: unknown key \"app\": did you mean \"apps\"?"),
            (
                "apps:\n  - name: a\n    urii: api://x\n",
                "5:5: unknown key \"urii\": did you mean \"uri\"?",
            ),
            (
                "apps:\n  - name: a\n    assignment_required: true\n",
                "did you mean \"assignment-required\"?",
            ),
            ("apps:\n  - name: a\n    offers: { rolls: {} }\n", "did you mean \"roles\"?"),
            ("apps:\n  - name: a\n    token: { versoin: 2 }\n", "did you mean \"version\"?"),
            (
                "apps:\n  - name: a\n    zzzzzz: 1\n",
                "5:5: unknown key \"zzzzzz\": expected one of `name`",
            ),
        ] {
            let found = error(lines);
            assert!(found.contains(expected), "{lines}: {found}");
        }
    }

    #[test]
    fn keys_of_later_versions_are_said_to_be_so() {
        for (lines, key) in [
            ("guests: []\n", "guests"),
            ("groups: []\n", "groups"),
            ("apps:\n  - name: a\n    credentials: [{ federated: { issuer: x } }]\n", "federated"),
        ] {
            let found = error(lines);
            assert!(found.contains(&format!("{key:?} is not in this version")), "{found}");
        }
    }

    #[test]
    fn wrong_values_are_named_by_place_and_never_repeated() {
        for (lines, expected) in [
            ("apps:\n  - name: a\n    type: bhs_hunter2\n", "expected one of `api`"),
            ("apps:\n  - name: a\n    credentials: [{ secret: bhs_hunter2 }]\n", "`generate`"),
            ("apps:\n  - name: a\n    token: bhs_hunter2\n", "expected"),
            ("apps:\n  - name: a\n    disabled: bhs_hunter2\n", ""),
            ("apps:\n  - name: a\n    token: { version: 3 }\n", "expected 1 or 2"),
            ("apps:\n  - name: a\n    token: { lifetime: 1 week }\n", "such as 30s"),
            ("apps:\n  - name: a\n    id: bhs_hunter2\n", ""),
            ("apps:\n  - display: a\n", "\"name\" is missing"),
            (
                "apps:\n  - name: a\n    credentials:\n      - secret: { value: Qm8~tXw2.Lz9_Kd4-Rv7sJh1pNc6Ye3B }\n",
                "a secret never stands in a manifest",
            ),
            (
                "users:\n  - { name: bob@acme.test, password: { value: hunter2 } }\n",
                "a password never stands in a manifest",
            ),
            ("users:\n  - { name: bob@acme.test, password: hunter2 }\n", "`generate`"),
            ("users:\n  - { name: bob@acme.test, roles: [hunter2] }\n", "`global-administrator`"),
        ] {
            let found = error(lines);
            assert!(found.contains(expected), "{lines}: {found}");
            assert!(!found.contains("hunter2") && !found.contains("Qm8~"), "{found}");
        }
        let version = parse("apiVersion: behalf/v2\ntenant: a.test\n").unwrap_err().to_string();
        assert!(version.contains("expected `behalf/v1`"), "{version}");
    }

    #[test]
    fn what_makes_short_texts_long_is_refused() {
        for lines in [
            "apps:\n  - &a { name: a }\n",
            "apps:\n  - &a { name: a }\n  - *a\n",
            "apps:\n  - name: a\n    token: { <<: { version: 1 } }\n",
            "---\napiVersion: behalf/v1\n",
            "tenant: again.test\n",
        ] {
            error(lines);
        }
        let deep = format!("apps: {}{}", "[".repeat(10_000), "]".repeat(10_000));
        error(&deep);
        let long = format!("{WHOLE}# {}", "x".repeat(1 << 20));
        let found = parse(&long).unwrap_err().to_string();
        assert!(found.contains("longer than 1048576 bytes"), "{found}");
        for text in ["", "\0", "apps", "- a", "{", "\u{feff}", "apiVersion: [behalf/v1"] {
            parse(text).unwrap_err();
        }
    }
}
