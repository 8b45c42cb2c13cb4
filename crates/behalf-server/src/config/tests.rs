use std::{collections::HashSet, path::Path};

use proptest::prelude::*;

use super::{
    table::{SETTINGS, Setting},
    *,
};
use crate::{limits::Rate, net::Proxies};

const GOOD: &str = r#"
public_url = "https://login.example.com"
master_key_file = "master.key"
[tls]
cert = "/etc/tls/fullchain.pem"
key = "key.pem"
[storage]
url = "sqlite:///var/lib/behalf/behalf.db"
"#;

#[expect(clippy::unnecessary_wraps, reason = "what `Config::load` takes")]
fn file(text: &str) -> Option<File<'_>> {
    Some(File { path: Path::new("/etc/behalf/behalf.toml"), text })
}

fn from_file(text: &str) -> Result<Config, Problems> {
    Config::load(file(text), &Environment::default(), &[])
}

fn with(extra: &str) -> Result<Config, Problems> {
    from_file(&format!("{extra}\n{GOOD}"))
}

/// The one problem of `GOOD` with `extra` at its head.
fn problem(extra: &str) -> Problem {
    let problems = with(extra).unwrap_err();
    assert_eq!(problems.iter().count(), 1, "{problems}");
    problems.iter().next().unwrap().clone()
}

#[test]
fn a_good_file_is_complete() {
    let config = from_file(GOOD).unwrap();
    assert_eq!(config.public_url, "https://login.example.com");
    assert_eq!(config.master_key_file, Path::new("/etc/behalf/master.key"), "beside the file");
    assert_eq!(config.tls_key, Path::new("/etc/behalf/key.pem"));
    assert_eq!(config.tls_cert, Path::new("/etc/tls/fullchain.pem"));
    assert_eq!(config.storage.file(), Some(Path::new("/var/lib/behalf/behalf.db")));
    assert_eq!(config.token_lifetime, Duration::from_hours(1));
    assert_eq!(config.token_jitter, Duration::from_mins(30));
    assert_eq!(config.key_announce, Duration::from_hours(24));
    assert_eq!(config.degraded_window, Duration::from_mins(15));
    assert_eq!(config.sign_in_log_durability, Durability::BeforeAnswer);
    assert_eq!(config.sign_in_log_retention, Some(Duration::from_hours(720)));
    assert_eq!(config.limits, LimitSettings::default());
    assert_eq!(config.sign_queue, crate::keys::QUEUE_DEFAULT);
    assert_eq!((config.default_tenant, config.cores), (None, None));
    assert_eq!(config.management_listen, Some(SocketAddr::from(([127, 0, 0, 1], 9464))));
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let problems = Config::load(None, &Environment::default(), &[]).unwrap_err();
    let keys: Vec<_> = problems.iter().map(|p| p.key.as_str()).collect();
    let required: Vec<_> = SETTINGS.iter().filter(|s| s.required).map(|s| s.key).collect();
    assert_eq!(keys, required);
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let problems = from_file(
        r#"
        publik_url = "https://login.example.com"
        listen = 8443
        lifetime = "1h"
        default_tenant = "common"
        [storage]
        url = "mysql://behalf:canary-password@db/behalf"
        [tokens]
        lifetime = "2d"
        jitter = "10"
        [limits]
        client = 0
        connections = [1]
        "#,
    )
    .unwrap_err();
    let text = problems.to_string();
    assert!(!text.contains("canary-password"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_degraded_window_is_a_duration_or_off() {
    let window = |text: &str| {
        let variable = Environment::of([("BEHALF_STORAGE_DEGRADED_WINDOW", text)]);
        Config::load(file(GOOD), &variable, &[]).map(|config| config.degraded_window)
    };
    assert_eq!(window("off").unwrap(), Duration::ZERO);
    assert_eq!(window("1h").unwrap(), Duration::from_hours(1));
    for wrong in ["25h", "15", "never", "-1m"] {
        assert!(window(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn former_public_urls_are_origins_in_an_array_or_with_commas_between() {
    let expected = ["https://old.example.com", "https://older.example.com:8443"];
    let array = with(
        r#"previous_public_urls = ["https://Old.example.com/", "https://older.example.com:8443"]"#,
    );
    assert_eq!(array.unwrap().previous_public_urls, expected);
    let listed = "https://old.example.com,https://older.example.com:8443";
    let variable = Environment::of([("BEHALF_PREVIOUS_PUBLIC_URLS", listed)]);
    let config = Config::load(file(GOOD), &variable, &[]).unwrap();
    assert_eq!(config.previous_public_urls, expected);
    assert_eq!(from_file(GOOD).unwrap().previous_public_urls, [""; 0]);
    assert_eq!(with("previous_public_urls = []").unwrap().previous_public_urls, [""; 0]);

    for (given, what) in [
        (r#"["http://old.example.com"]"#, "its scheme is http"),
        (r#"["https://old.example.com/path"]"#, "it has a path"),
        (r#"["https://old.example.com", "x"]"#, "not a URL"),
        (r"[1]", "its type in"),
        (r"true", "its type in"),
    ] {
        let found = problem(&format!("previous_public_urls = {given}"));
        assert!(found.what.contains(what), "{given}: {}", found.what);
    }
    let many = format!("previous_public_urls = [{}]", r#""https://a.example","#.repeat(9));
    assert!(problem(&many).what.contains("9 of them, expected 8 at most"));
    // Only where several make sense.
    assert!(problem(r#"default_tenant = ["acme.test"]"#).what.contains("its type in"));
}

#[test]
fn a_public_url_is_an_https_origin() {
    for (given, expected) in [
        ("https://login.example.com", "https://login.example.com"),
        ("https://Login.Example.com:443/", "https://login.example.com"),
        ("https://login.example.com:8443", "https://login.example.com:8443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ] {
        let config =
            Config::load(file(GOOD), &Environment::of([("BEHALF_PUBLIC_URL", given)]), &[]);
        assert_eq!(config.unwrap().public_url, expected);
    }
    for (given, expected) in [
        ("login.example.com", "not a URL"),
        ("http://login.example.com", "its scheme is http"),
        ("https://login.example.com/behalf", "it has a path"),
        ("https://login.example.com//", "it has a path"),
        ("https://login.example.com?x", "query"),
        ("https://login.example.com#x", "fragment"),
        ("https://u:p@login.example.com", "user"),
        ("https://login.example.com.", "dot"),
        ("https://", "not a URL"),
        ("", "missing"),
    ] {
        let problems =
            Config::load(file(GOOD), &Environment::of([("BEHALF_PUBLIC_URL", given)]), &[])
                .unwrap_err();
        assert!(problems.to_string().contains(expected), "{given}: {problems}");
    }
    let path = Environment::of([("BEHALF_PUBLIC_URL", "https://a.example/b")]);
    let text = Config::load(file(GOOD), &path, &[]).unwrap_err().to_string();
    assert!(text.contains("MSAL takes the first segment"), "{text}");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let text = format!("shutdown_grace = \"1s\"\n{GOOD}");
    let variables = Environment::of([
        ("BEHALF_SHUTDOWN_GRACE", "2s"),
        ("BEHALF_LOG_LEVEL", "debug"),
        ("PATH", "/bin"),
    ]);
    let flags = [("shutdown_grace", "3s".to_owned())];
    let config = Config::load(file(&text), &variables, &flags).unwrap();
    assert_eq!(config.shutdown_grace, Duration::from_secs(3));
    assert_eq!(config.log_level, Level::Debug);
    let origin = |key| {
        let shown = config.shown.iter().find(|shown| shown.key == key).unwrap();
        (shown.value.as_deref(), shown.origin.to_string())
    };
    assert_eq!(origin("shutdown_grace"), (Some("3s"), "--shutdown-grace".to_owned()));
    assert_eq!(origin("log.level"), (Some("debug"), "BEHALF_LOG_LEVEL".to_owned()));
    assert_eq!(origin("tls.key"), (Some("key.pem"), "/etc/behalf/behalf.toml".to_owned()));
    assert_eq!(origin("log.format"), (Some("auto"), "default".to_owned()));
    assert_eq!(origin("default_tenant"), (None, "default".to_owned()));
    let variables = Environment::of([("BEHALF_SHUTDOWN_GRACE", "2s")]);
    let config = Config::load(file(&text), &variables, &[]).unwrap();
    assert_eq!(config.shutdown_grace, Duration::from_secs(2));
}

#[test]
fn an_unknown_name_is_an_error_wherever_it_is() {
    for (text, meant) in [
        ("publc_url = \"x\"", "did you mean public_url?"),
        ("retention = \"1d\"", "did you mean sign_in_log.retention?"),
        ("colour = \"blue\"", "docs/reference/configuration.md lists all settings"),
        ("trusted_proxy = \"10.0.0.0/8\"", "did you mean trusted_proxies?"),
    ] {
        assert!(problem(text).fix.contains(meant), "{text}");
    }
    let load = |name: &str| {
        let problems = Config::load(file(GOOD), &Environment::of([(name, "x")]), &[]);
        problems.unwrap_err().to_string()
    };
    assert!(load("BEHALF_TOKEN_LIFETIME").contains("did you mean BEHALF_TOKENS_LIFETIME?"));
    assert!(load("BEHALF_COLOUR").contains("no such setting"));
    let flag = Config::load(file(GOOD), &Environment::default(), &[("lisen", "x".to_owned())]);
    assert!(flag.unwrap_err().to_string().contains("did you mean listen?"));
}

#[test]
fn variables_of_others_are_left_alone() {
    let variables = Environment::of([
        ("BEHALF_PORT", "tcp://10.0.0.1:8443"),
        ("BEHALF_PORT_8443_TCP_ADDR", "10.0.0.1"),
        ("BEHALF_SERVICE_HOST", "10.0.0.1"),
        ("BEHALF_SERVICE_PORT_HTTPS", "8443"),
        ("BEHALF_CLIENT_SECRET", "canary"),
        ("BEHALF_URL", "https://login.example.com"),
    ]);
    assert!(!format!("{variables:?}").contains("canary"));
    assert!(Config::load(file(GOOD), &variables, &[]).is_ok());
}

#[test]
fn a_secret_may_be_named_by_a_file_and_nothing_else_may() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("url");
    std::fs::write(&path, "sqlite:///srv/behalf.db\n").unwrap();
    let named = |name: &str, path: &Path| {
        let variables = Environment::of([(name, path.to_str().unwrap())]);
        Config::load(file(GOOD), &variables, &[])
    };
    let config = named("BEHALF_STORAGE_URL_FILE", &path).unwrap();
    assert_eq!(config.storage.file(), Some(Path::new("/srv/behalf.db")));
    let absent = named("BEHALF_STORAGE_URL_FILE", &dir.path().join("absent")).unwrap_err();
    assert!(absent.to_string().contains("cannot be read"), "{absent}");
    assert!(named("BEHALF_LISTEN_FILE", &path).is_err());
}

#[test]
fn values_are_checked_and_the_check_says_why() {
    for (text, key, what) in [
        ("listen = \"8443\"", "listen", "not an IP address and port"),
        ("listen = \"localhost:8443\"", "listen", "not an IP address and port"),
        ("sign_in_log.durability = \"never\"", "sign_in_log.durability", "neither before-answer"),
        ("sign_in_log.durability = \"before-answer-shared\"", "sign_in_log.durability", "alone"),
        ("sign_in_log.retention = \"1h\"", "sign_in_log.retention", "too short"),
        ("tokens.lifetime = \"1m\"", "tokens.lifetime", "too short"),
        ("tokens.lifetime = \"25h\"", "tokens.lifetime", "too long"),
        ("tokens.lifetime = \"1.5h\"", "tokens.lifetime", "not a whole number and a unit"),
        ("tokens.lifetime = \"99999999999999999999h\"", "tokens.lifetime", "not a whole number"),
        ("tokens.lifetime = \"9999999999999999999d\"", "tokens.lifetime", "too long"),
        ("tokens.lifetime = 3600", "tokens.lifetime", "its unit is missing"),
        ("keys.announce = \"90d\"", "keys.announce", "shorter than keys.rotation"),
        ("limits.tenant = -1", "limits.tenant", "not a whole number"),
        ("limits.connections = 1", "limits.connections", "out of range"),
        ("log.level = \"trace\"", "log.level", "use error, warn, info or debug"),
        ("log.format = \"pretty\"", "log.format", "use auto, human or json"),
        ("default_tenant = \"consumers\"", "default_tenant", "neither a tenant's id"),
        ("management.listen = \"0.0.0.0:8443\"", "management.listen", "the same as listen"),
        ("cores = 0", "cores", "out of range"),
        ("shutdown_grace = true", "shutdown_grace", "boolean"),
    ] {
        let problem = problem(text);
        assert_eq!(problem.key, key);
        assert!(problem.what.contains(what), "{text}: {}", problem.what);
    }
}

#[test]
fn storage_is_a_file_at_an_absolute_path() {
    for bad in [
        "sqlite://behalf.db",
        "sqlite:behalf.db",
        "/var/behalf.db",
        "sqlite:///",
        "mysql://h/d",
        "sqlite:///a?mode=memory",
    ] {
        let variables = Environment::of([("BEHALF_STORAGE_URL", bad)]);
        let problems = Config::load(file(GOOD), &variables, &[]).unwrap_err();
        assert!(problems.to_string().contains("storage.url"), "{bad}");
        assert!(!problems.to_string().contains(&format!("{bad:?}")), "may hold a secret");
    }
}

#[test]
fn proxies_are_networks_and_never_everybody() {
    let config = with("trusted_proxies = [\"10.0.0.0/8\", \"2001:db8::1\"]").unwrap();
    let networks = ["10.0.0.0/8", "2001:db8::1"].map(|text| text.parse().unwrap());
    assert_eq!(config.trusted_proxies, Proxies::new(networks.to_vec()));
    assert_eq!(from_file(GOOD).unwrap().trusted_proxies, Proxies::default());
    for (bad, what) in [
        ("\"0.0.0.0/0\"", "the whole Internet"),
        ("\"10.0.0.1/8\"", "bits set beyond"),
        ("\"proxy.example\"", "not an IP address"),
    ] {
        let problem = problem(&format!("trusted_proxies = [{bad}]"));
        assert!(problem.what.contains(what), "{bad}: {}", problem.what);
    }
}

#[test]
fn the_node_s_folder_is_the_file_s_unless_it_is_set() {
    assert_eq!(from_file(GOOD).unwrap().data_dir, Path::new("/var/lib/behalf"));
    let config = with("data_dir = \"node\"").unwrap();
    assert_eq!(config.data_dir, Path::new("/etc/behalf/node"), "beside the file that says so");
}

#[cfg(feature = "postgres")]
#[test]
fn postgresql_needs_a_folder_and_tells_no_password() {
    let url = "postgres://behalf:canary@db-1,db-2:5433/directory";
    let set = |more: &[(&str, &str)]| {
        let all = [&[("BEHALF_STORAGE_URL", url)], more].concat();
        Config::load(file(GOOD), &Environment::of(all), &[])
    };
    let problems = set(&[]).unwrap_err();
    assert_eq!(problems.iter().map(|p| p.key.as_str()).collect::<Vec<_>>(), ["data_dir"]);
    let config = set(&[("BEHALF_DATA_DIR", "/srv/behalf")]).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/behalf"));
    assert!(!format!("{config:?} {}", config.storage).contains("canary"));
    let wrong = Environment::of([("BEHALF_STORAGE_URL", "postgres://behalf:canary@:/?what=1")]);
    let problems = Config::load(file(GOOD), &wrong, &[]).unwrap_err().to_string();
    assert!(problems.contains("storage.url") && !problems.contains("canary"), "{problems}");
}

#[test]
fn limits_can_be_lifted_and_listeners_closed() {
    let config = with("limits.client = \"off\"\nlimits.tenant = 5\nmanagement.listen = \"off\"\n");
    let config = config.unwrap();
    assert_eq!(config.limits.client, Rate::UNLIMITED);
    assert_eq!(config.limits.tenant, Rate { per_second: 5, burst: 50 });
    assert_eq!(config.management_listen, None);
    let config = with("limits.connections = 50\nshutdown_grace = \"5s\"\n").unwrap();
    assert_eq!((config.bounds().connections, config.bounds().grace), (50, Duration::from_secs(5)));
}

#[test]
fn a_file_that_is_no_toml_is_refused_without_quoting_it() {
    let problems = from_file("a = 1\nurl = \"canary-secret\n").unwrap_err().to_string();
    assert!(problems.contains("line 2"), "{problems}");
    assert!(!problems.contains("canary-secret"), "{problems}");
}

#[test]
fn settings_are_few_and_their_names_clear() {
    assert!(SETTINGS.len() <= 40);
    let variables: HashSet<_> = SETTINGS.iter().map(Setting::variable).collect();
    assert_eq!(variables.len(), SETTINGS.len());
    for setting in &SETTINGS {
        assert!(setting.about.ends_with('.'), "{}", setting.key);
        assert!(!(setting.required && setting.default.is_some()), "{}", setting.key);
    }
}

#[test]
fn the_reference_page_is_the_table() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    let expected = reference();
    if std::fs::read_to_string(&kept).ok().as_deref() == Some(&expected) {
        return;
    }
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/configuration.md");
    std::fs::create_dir_all(written.parent().unwrap()).unwrap();
    std::fs::write(&written, &expected).unwrap();
    panic!("{} is not the table: cp {} there", kept.display(), written.display());
}

proptest! {
    #[test]
    fn no_text_brings_the_reader_down(text in "\\PC{0,200}", value in "\\PC{0,40}") {
        let _ = from_file(&text);
        for setting in &SETTINGS {
            let variables = Environment::of([(setting.variable(), value.clone())]);
            let _ = Config::load(file(GOOD), &variables, &[]);
        }
    }

    #[test]
    fn a_duration_means_what_it_says(n in 5_u64..1_440) {
        let config = with(&format!("tokens.lifetime = \"{n}m\"")).unwrap();
        prop_assert_eq!(config.token_lifetime, Duration::from_mins(n));
    }
}
