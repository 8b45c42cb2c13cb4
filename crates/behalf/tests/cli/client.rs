//! behalf-client against a `behalf dev`: the whole way, over TLS.

use std::{
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use behalf_client::{
    Builder, Clock, ConfidentialClient, Credential, PublicClient, Source, SystemClock,
};

use crate::{
    browser::{Browser, Page, Seen},
    support::{Dev, succeed},
    token::client_without_redirects,
};

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

/// While the program waits before it polls, its user is in a browser with the code.
struct InTheMeantime {
    browser: Arc<tokio::sync::Mutex<Browser>>,
    address: String,
    code: Arc<Mutex<Option<String>>>,
    /// What he presses on each page.
    presses: &'static [&'static str],
}

impl Clock for InTheMeantime {
    fn now(&self) -> u64 {
        SystemClock.now()
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (browser, presses) = (Arc::clone(&self.browser), self.presses);
        let (address, code) = (self.address.parse().unwrap(), self.code.lock().unwrap().take());
        Box::pin(async move {
            let Some(code) = code else { return };
            let mut browser = browser.lock().await;
            let mut page = page(browser.open(&address).await.unwrap());
            let bob = [("username", "bob@acme.test"), ("password", "behalf-dev")];
            for press in presses {
                let fields = [&[("user_code", code.as_str()), ("do", press)], &bob[..]].concat();
                page = self::page(browser.submit(&page, &fields).await.unwrap());
                assert_eq!(page.status, 200, "{}", page.heading());
            }
        })
    }
}

fn page(seen: Seen) -> Page {
    match seen {
        Seen::Page(page) => page,
        Seen::Left(to) => panic!("left for {to}"),
    }
}

#[tokio::test]
async fn a_device_is_signed_in_or_told_no_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), &[]);
    let desk = dev.ready["apps"]["desk-app"]["app_id"].as_str().unwrap();
    for (presses, expected) in [
        (&["", "sign-in", "cancel"][..], Err("authorization_declined")),
        (&["", "sign-in", "continue", "accept"], Ok(())),
    ] {
        let http = client_without_redirects(&dev.ca_file());
        let browser = Browser::new(http, dev.base_url()).unwrap();
        let code = Arc::new(Mutex::new(None));
        let clock = InTheMeantime {
            browser: Arc::new(tokio::sync::Mutex::new(browser)),
            address: format!("{}/devicelogin", dev.base_url()),
            code: Arc::clone(&code),
            presses,
        };
        let authority = format!("{}/acme.test", dev.base_url());
        let app = PublicClient::builder(authority, desk).ca_file(dev.ca_file()).clock(clock);
        let app = app.build().unwrap();
        let signed_in = app.acquire_token_by_device_code(["api://orders/Orders.Read"], |prompt| {
            assert!(prompt.message.contains(&prompt.user_code), "{}", prompt.message);
            *code.lock().unwrap() = Some(prompt.user_code.clone());
        });
        match (signed_in.await, expected) {
            (Ok(_), Ok(())) => assert_eq!(app.accounts().len(), 1),
            (Err(error), Err(told)) => assert_eq!(error.refusal().unwrap().error, told),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }
}
