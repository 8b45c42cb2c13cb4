//! Settings: the builder's, and the environment's of azure-identity.

use behalf_client::{BuildError, Builder, ConfidentialClient, Credential};
use tempfile::NamedTempFile;

use crate::world::{DAEMON, LEDGER, Service};

fn build(settings: &[(&str, &str)]) -> Result<ConfidentialClient, BuildError> {
    Builder::from_lookup(|name| {
        settings.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
    })?
    .build()
}

#[tokio::test]
async fn the_environment_of_azure_identity_is_enough() {
    let service = Service::start().await;
    let ca_file = service.server.ca_file.path().display().to_string();
    let token_file = NamedTempFile::new().unwrap();
    std::fs::write(token_file.path(), "eyJ.federated").unwrap();
    let token_file = token_file.path().display().to_string();
    let host = format!("{}/", service.server.base);
    let common = [
        ("AZURE_AUTHORITY_HOST", host.as_str()),
        ("AZURE_TENANT_ID", "acme.test"),
        ("AZURE_CLIENT_ID", DAEMON),
        ("BEHALF_CA_FILE", &ca_file),
        ("AZURE_FEDERATED_TOKEN_FILE", &token_file),
    ];
    for (more, field, sent) in [
        (("AZURE_CLIENT_SECRET", "s3cret"), "client_secret", "s3cret"),
        (("AZURE_CLIENT_SECRET", ""), "client_assertion", "eyJ.federated"),
    ] {
        let settings: Vec<_> = common.into_iter().chain([more]).collect();
        let app = build(&settings).unwrap();
        app.acquire_token_for_client([LEDGER]).await.unwrap();
        let request = service.token_requests().pop().unwrap();
        assert_eq!(request.field(field).as_deref(), Some(sent));
    }
}

#[test]
fn what_is_missing_is_named_with_what_it_should_hold() {
    let host = ("AZURE_AUTHORITY_HOST", "https://login.acme.test");
    let tenant = ("AZURE_TENANT_ID", "acme.test");
    let client = ("AZURE_CLIENT_ID", DAEMON);
    for (settings, text) in [
        (vec![tenant, client], "AZURE_AUTHORITY_HOST is not set: expected https://host"),
        (vec![host, client], "AZURE_TENANT_ID is not set"),
        (vec![host, tenant], "AZURE_CLIENT_ID is not set"),
        (vec![host, tenant, client], "AZURE_CLIENT_SECRET is not set"),
        (
            vec![host, tenant, client, ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "x")],
            "store the private key unencrypted",
        ),
        (
            vec![host, tenant, client, ("AZURE_CLIENT_CERTIFICATE_PATH", "/nonexistent.pem")],
            "/nonexistent.pem cannot be read",
        ),
    ] {
        let error = build(&settings).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn what_no_client_can_be_made_of_is_refused() {
    let build = |authority: &str, client: &str| {
        let builder = ConfidentialClient::builder(authority, client);
        builder.credential(Credential::secret("s3cret")).build().map(|_| ())
    };
    for authority in ["http://login.acme.test/acme.test", "https://login.acme.test", "acme.test"] {
        let error = build(authority, DAEMON).unwrap_err();
        assert!(matches!(error, BuildError::Authority(_)), "{error}");
    }
    for client in ["", "daemon", "dae00000&scope=x"] {
        let error = build("https://login.acme.test/acme.test", client).unwrap_err();
        assert!(matches!(error, BuildError::ClientId(_)), "{error}");
    }
    let none = ConfidentialClient::builder("https://login.acme.test/acme.test", DAEMON).build();
    assert!(matches!(none.unwrap_err(), BuildError::NoCredential));
}

#[test]
fn a_ca_file_must_exist_and_hold_a_certificate() {
    let with = |path: &std::path::Path| {
        ConfidentialClient::builder("https://login.acme.test/acme.test", DAEMON)
            .credential(Credential::secret("s3cret"))
            .ca_file(path)
            .build()
            .unwrap_err()
            .to_string()
    };
    assert!(with("/nonexistent/ca.pem".as_ref()).contains("/nonexistent/ca.pem"));
    let file = NamedTempFile::new().unwrap();
    assert!(with(file.path()).contains("no usable CA certificate"));
}
