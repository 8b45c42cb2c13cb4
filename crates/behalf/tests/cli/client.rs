//! behalf-client against a `behalf dev`: the whole way, over TLS.

use std::path::Path;

use behalf_client::{Builder, ConfidentialClient, Credential, Source};

use crate::support::{Dev, succeed};

const LEDGER: &str = "api://ledger/.default";

fn builder(dev: &Dev, tenant: &str) -> Builder {
    let authority = format!("{}/{tenant}", dev.base_url());
    let daemon = dev.ready["apps"]["invoice-daemon"]["app_id"].as_str().unwrap();
    ConfidentialClient::builder(authority, daemon).ca_file(dev.ca_file())
}

#[tokio::test]
async fn a_daemon_gets_tokens_with_each_of_its_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let daemon = &dev.ready["apps"]["invoice-daemon"];
    let certificate = Path::new(daemon["certificate_file"].as_str().unwrap());
    for credential in [
        Credential::secret(daemon["secret"].as_str().unwrap()),
        Credential::certificate_pem_file(certificate).unwrap(),
    ] {
        let id = dev.ready["tenants"]["acme"]["id"].as_str().unwrap();
        for tenant in ["acme.test", id, "adfs"] {
            let app = builder(&dev, tenant).credential(credential.clone()).build().unwrap();
            let token = app.acquire_token_for_client([LEDGER]).await.unwrap();
            let shown = format!("{token:?}");
            assert!(
                shown.starts_with("AccessToken { api://ledger, 59m, from: Network, \"eyJ"),
                "{tenant}: {shown}"
            );
            let again = app.acquire_token_for_client([LEDGER]).await.unwrap();
            assert_eq!(again.source(), Source::Cache);
        }
    }
}

#[tokio::test]
async fn what_behalf_env_prints_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let _dev = Dev::start(folder.path(), &[]);
    let lines = succeed(folder.path(), &["env", "invoice-daemon"]);
    let variable = |name: &str| {
        let prefix = format!("export {name}='");
        let line = lines.lines().find_map(|line| line.strip_prefix(&prefix))?;
        line.strip_suffix('\'').map(str::to_owned)
    };
    let app = Builder::from_lookup(variable).unwrap().build().unwrap();
    assert!(app.acquire_token_for_client([LEDGER]).await.is_ok());
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let app = builder(&dev, "acme.test").credential(Credential::secret("wrong")).build().unwrap();
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().codes, [7_000_215]);

    let app = builder(&dev, "nobody.test").credential(Credential::secret("wrong")).build().unwrap();
    let error = app.acquire_token_for_client([LEDGER]).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().codes, [90_002]);
}
