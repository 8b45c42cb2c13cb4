//! The settings of azure-identity, so that a program's surroundings need not change.

use crate::builder::{BuildError, Builder};
use crate::credential::Credential;

pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Builder, BuildError> {
    let lookup = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
    let needed = |name, expected| lookup(name).ok_or(BuildError::Missing { name, expected });
    let host = needed(
        "AZURE_AUTHORITY_HOST",
        "https://host, for Entra ID https://login.microsoftonline.com",
    )?;
    let tenant = needed("AZURE_TENANT_ID", "the tenant's id or domain")?;
    let client_id = needed("AZURE_CLIENT_ID", "the application id")?;
    if lookup("AZURE_CLIENT_CERTIFICATE_PASSWORD").is_some() {
        return Err(BuildError::Unsupported {
            name: "AZURE_CLIENT_CERTIFICATE_PASSWORD",
            fix: "store the private key unencrypted (openssl rsa -in key.pem -out plain.pem) in a \
                  file that only the program can read",
        });
    }
    // The order of azure-identity.
    let credential = if let Some(secret) = lookup("AZURE_CLIENT_SECRET") {
        Credential::secret(secret)
    } else if let Some(path) = lookup("AZURE_CLIENT_CERTIFICATE_PATH") {
        Credential::certificate_pem_file(path)?
    } else if let Some(path) = lookup("AZURE_FEDERATED_TOKEN_FILE") {
        Credential::federated_file(path)
    } else {
        return Err(BuildError::Missing {
            name: "AZURE_CLIENT_SECRET",
            expected: "a secret, or AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE",
        });
    };
    let authority = format!("{}/{}", host.trim().trim_end_matches('/'), tenant.trim());
    let mut builder = Builder::new(authority, client_id.trim().to_owned()).credential(credential);
    if let Some(path) = lookup("BEHALF_CA_FILE") {
        builder = builder.ca_file(path);
    }
    Ok(builder)
}
