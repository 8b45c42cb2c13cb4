use std::{fs, path::Path};

use crate::support::{Dev, behalf, client, mode, post, run, stderr, succeed};

const FORM: &str = "grant_type=client_credentials&scope=api://ledger/.default\
    &client_id=dae00000-0000-4000-8000-000000000001&client_secret=behalf-dev-invoice-daemon";

#[test]
fn it_gets_ready_gives_a_token_over_trusted_tls_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let ready_file = folder.path().join("ready.json");
    let dev = Dev::start(folder.path(), &["--ready-file", ready_file.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&ready_file).unwrap(), dev.line);
    assert_eq!(mode(&ready_file), 0o600);

    let url = format!("{}/acme.test/oauth2/v2.0/token", dev.base_url());
    let (status, answer) = post(&client(&dev.ca_file()), &url, FORM);
    assert_eq!((status, &answer["token_type"]), (200, &"Bearer".into()), "{answer}");
    assert_eq!(answer["expires_in"], 3599);

    let instance = folder.path().join(format!("dev/instances/{}.json", dev.port()));
    assert_eq!(mode(&instance), 0o600);
    let status = dev.stop();
    assert_eq!(status.code(), Some(0));
    assert!(!instance.exists(), "the entry is removed at exit");
}

#[test]
fn the_ready_json_has_every_promised_key_and_absolute_paths() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let ready = &dev.ready;
    let mut keys: Vec<&str> = ready.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = [
        "admin",
        "apps",
        "base_url",
        "ca_bundle_file",
        "ca_file",
        "management_url",
        "pid",
        "tenants",
        "users",
        "version",
    ];
    assert_eq!(keys, expected);
    for file in ["ca_file", "ca_bundle_file"] {
        let path = Path::new(ready[file].as_str().unwrap());
        assert!(path.is_absolute() && path.exists(), "{file}");
    }
    let daemon = &ready["apps"]["invoice-daemon"];
    assert_eq!(daemon["secret"], "behalf-dev-invoice-daemon");
    assert!(Path::new(daemon["certificate_file"].as_str().unwrap()).exists());
    assert_eq!(ready["apps"]["ledger-api"]["app_id_uri"], "api://ledger");
    assert_eq!(ready["tenants"]["globex"]["domain"], "globex.test");
    for (key, name) in
        [("ada", "ada@acme.test"), ("bob", "bob@acme.test"), ("gus", "gus@globex.test")]
    {
        let user = &ready["users"][key];
        assert_eq!((&user["name"], &user["password"]), (&name.into(), &"behalf-dev".into()));
        assert_eq!(user["id"].as_str().unwrap().len(), 36);
    }
    assert_eq!(ready["admin"]["base_url"], format!("{}/v1.0", dev.base_url()));
}

#[test]
fn two_that_start_together_share_one_ca() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (Dev::begin(folder.path(), &[]), Dev::begin(folder.path(), &[]));
    let (one, two) = (one.wait(), two.wait());
    assert_ne!(one.base_url(), two.base_url());
    let client = client(&folder.path().join("dev/ca.pem"));
    for dev in [&one, &two] {
        let url = format!("{}/acme.test/oauth2/v2.0/token", dev.base_url());
        assert_eq!(post(&client, &url, FORM).0, 200);
    }
    // Which of the two is meant is not guessed.
    let output = run(folder.path(), &["env"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("2 dev instances are running"), "{}", stderr(&output));
    let variables = succeed(folder.path(), &["env", "--server", one.base_url()]);
    assert!(variables.contains(one.base_url()));
}

#[test]
fn commands_find_the_instance_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let get = ["token", "get", "--as", "invoice-daemon", "--scope", "api://ledger/.default"];
    let token = succeed(folder.path(), &get);
    assert_eq!(token.trim_end().split('.').count(), 3, "{token}");
    assert_eq!(token.lines().count(), 1);
    let get =
        ["token", "get", "--as", "invoice-daemon", "--resource", "api://ledger", "-o", "json"];
    let answer: serde_json::Value = serde_json::from_str(&succeed(folder.path(), &get)).unwrap();
    assert_eq!(answer["resource"], "api://ledger", "the v1 endpoint answers");

    let wrong = behalf(folder.path())
        .args(["token", "get", "--as", "invoice-daemon", "--scope", "api://ledger/.default"])
        .env("BEHALF_CLIENT_SECRET", "behalf-dev-wrong")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(4), "{}", stderr(&wrong));
    assert!(stderr(&wrong).contains("AADSTS7000215"), "{}", stderr(&wrong));
    assert!(!stderr(&wrong).contains("behalf-dev-wrong"));
    assert!(wrong.stdout.is_empty());

    let nobody = run(folder.path(), &["run", "nobody", "--", "true"]);
    assert_eq!(nobody.status.code(), Some(5));

    let script = "echo $AZURE_AUTHORITY_HOST $AZURE_TENANT_ID $AZURE_CLIENT_ID; exit 7";
    let program = run(folder.path(), &["run", "invoice-daemon", "--", "sh", "-c", script]);
    let expected = format!("{} adfs dae00000-0000-4000-8000-000000000001\n", dev.base_url());
    assert_eq!(String::from_utf8_lossy(&program.stdout), expected);
    assert_eq!(program.status.code(), Some(7), "the program's exit code is kept");
}

#[test]
fn without_an_instance_commands_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["env"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        stderr(&output),
        "error: no dev instance is running. Try: behalf dev in another terminal, or name a server \
         with --server URL or BEHALF_URL\n"
    );
}

#[test]
fn a_taken_port_names_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let output = run(folder.path(), &["dev", "--port", &dev.port()]);
    assert_eq!(output.status.code(), Some(3));
    let expected = format!("error: port {} is in use by \"behalf\" (pid ", dev.port());
    assert!(stderr(&output).starts_with(&expected), "{}", stderr(&output));
}

#[test]
fn a_foreign_host_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let client = client(&dev.ca_file());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (host, expected) in [("rebound.example.com", 421), ("acme.test:1", 200)] {
        let request = client.get(format!("{}/livez", dev.base_url())).header("host", host);
        let request = request.version(reqwest::Version::HTTP_11);
        let status = runtime.block_on(request.send()).unwrap().status().as_u16();
        assert_eq!(status, expected, "{host}");
    }
}

#[test]
fn a_browser_is_not_told_to_use_tls_for_everything_on_localhost() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let url = format!("{}/acme.test/v2.0/.well-known/openid-configuration", dev.base_url());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(client(&dev.ca_file()).get(url).send()).unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers().get("strict-transport-security"), None);
    assert!(answer.headers().contains_key("x-content-type-options"));
}

#[test]
fn beyond_loopback_secrets_must_be_random() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["dev", "--bind", "0.0.0.0", "--port", "0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--random-secrets"), "{}", stderr(&output));
    let dev = Dev::start(folder.path(), &["--random-secrets"]);
    let daemon = &dev.ready["apps"]["invoice-daemon"];
    assert!(daemon["secret"].as_str().unwrap().starts_with("bhs_"));
    assert_eq!(daemon.get("certificate_file"), None, "its key is public");
    let url = format!("{}/acme.test/oauth2/v2.0/token", dev.base_url());
    assert_eq!(post(&client(&dev.ca_file()), &url, FORM).0, 401);
}

#[test]
fn a_data_folder_is_kept_and_serves_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = Dev::start(folder.path(), &["--data", "data"]);
    let url = format!("{}/acme.test/oauth2/v2.0/token", first.base_url());
    assert_eq!(post(&client(&first.ca_file()), &url, FORM).0, 200);
    assert_eq!(first.stop().code(), Some(0));
    for name in ["master.key", "behalf-dev", "behalf.db"] {
        assert_eq!(mode(&folder.path().join("data").join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&folder.path().join("data")), 0o700);
    let second = Dev::start(folder.path(), &["--data", "data"]);
    let url = format!("{}/acme.test/oauth2/v2.0/token", second.base_url());
    assert_eq!(post(&client(&second.ca_file()), &url, FORM).0, 200);
}

#[test]
fn inspect_knows_what_an_api_of_the_instance_accepts() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    for (scope, accepted) in [("api://ledger/.default", true), ("api://orders/.default", false)] {
        let token =
            succeed(folder.path(), &["token", "get", "--as", "invoice-daemon", "--scope", scope]);
        let mut inspect = behalf(folder.path());
        inspect.args(["inspect", "--for", "ledger-api", "-"]).stdin(std::process::Stdio::piped());
        let mut child = inspect.stdout(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.success(), accepted, "{text}");
        assert!(text.contains("Would ledger-api accept it?"), "{text}");
    }
}
