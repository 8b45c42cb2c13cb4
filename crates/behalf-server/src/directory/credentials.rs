//! Secrets and certificates of applications.

use behalf_core::{
    application::{Application, CertificateCredential, SecretCredential},
    id::{CredentialId, TenantId},
    secret::{DEV_PREFIX, SecretText},
    time::{Timestamp, written},
};
use behalf_jose::{Certificate, CertificateError};

use super::{AppRef, Directory, ObjectIds, Refusal, check};
use crate::entropy::random;

/// A secret to be added.
#[derive(Debug, Clone)]
pub struct NewSecret {
    /// What people call it; unique among the application's secrets.
    pub name: String,
    /// Its value; made here when absent, and then shown once.
    pub value: Option<SecretText>,
    /// From when on it is refused.
    pub expires: Timestamp,
    /// A secret that goes in the same moment.
    pub replaces: Option<CredentialId>,
}

/// A secret that was added.
#[derive(Debug)]
pub struct AddedSecret {
    /// Its id.
    pub id: CredentialId,
    /// Its value, if it was made here: it is kept nowhere and cannot be shown again.
    pub generated: Option<SecretText>,
}

/// A certificate to be added.
#[derive(Debug, Clone)]
pub struct NewCertificate {
    /// What people call it; unique among the application's certificates.
    pub name: String,
    /// PEM or DER.
    pub bytes: Vec<u8>,
    /// A certificate that goes in the same moment.
    pub replaces: Option<CredentialId>,
}

/// A certificate that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedCertificate {
    /// Its id.
    pub id: CredentialId,
    /// Until when it is valid, inclusive, in seconds since 1970.
    pub not_after: i64,
}

impl Directory {
    /// Adds a secret; several may be live at once.
    pub async fn add_secret(
        &self,
        tenant: TenantId,
        app: &AppRef,
        new: &NewSecret,
    ) -> Result<AddedSecret, Refusal> {
        check::name("secret name", &new.name)?;
        let now = self.now();
        if new.expires <= now {
            return Err(Refusal::Expired(new.name.clone()));
        }
        let (value, generated) = if let Some(value) = &new.value {
            (value.clone(), None)
        } else {
            let made = SecretText::generate(&random(&*self.entropy));
            (made.clone(), Some(made))
        };
        let credential = SecretCredential {
            id: CredentialId(self.uuid()),
            name: new.name.clone(),
            hint: value.hint(),
            hash: self.pepper.hash(value.expose()),
            created: now,
            expires: new.expires,
        };
        let edit = |app: &mut Application| {
            app.secrets.retain(|known| Some(known.id) != new.replaces);
            unused(app, &new.name, app.secrets.iter().map(|secret| &secret.name))?;
            app.secrets.push(credential.clone());
            Ok(())
        };
        self.edit_application(tenant, app, ("add secret", &edit)).await?;
        Ok(AddedSecret { id: credential.id, generated })
    }

    /// Adds a certificate. Chain and signature on it mean nothing; its key must be one that client
    /// assertions may use, and its time must not be over.
    pub async fn add_certificate(
        &self,
        tenant: TenantId,
        app: &AppRef,
        new: &NewCertificate,
    ) -> Result<AddedCertificate, Refusal> {
        check::name("certificate name", &new.name)?;
        // The development world has a certificate whose key everybody knows; nobody else may.
        let read = if self.ids == ObjectIds::Derived { sound } else { usable };
        let certificate = read(&new.name, &new.bytes, self.now())?;
        let credential = CertificateCredential {
            id: CredentialId(self.uuid()),
            name: new.name.clone(),
            der: certificate.der().to_vec(),
            created: self.now(),
        };
        let edit = |app: &mut Application| {
            app.certificates.retain(|known| Some(known.id) != new.replaces);
            unused(app, &new.name, app.certificates.iter().map(|known| &known.name))?;
            if let Some(same) = app.certificates.iter().find(|c| c.der == credential.der) {
                return Err(exists(app, &same.name));
            }
            app.certificates.push(credential.clone());
            Ok(())
        };
        self.edit_application(tenant, app, ("add certificate", &edit)).await?;
        Ok(AddedCertificate { id: credential.id, not_after: certificate.not_after() })
    }

    /// Removes a secret or certificate: it is refused from the moment this answers.
    pub async fn remove_credential(
        &self,
        tenant: TenantId,
        app: &AppRef,
        id: CredentialId,
    ) -> Result<(), Refusal> {
        let edit = |app: &mut Application| {
            let before = app.secrets.len() + app.certificates.len();
            app.secrets.retain(|secret| secret.id != id);
            app.certificates.retain(|certificate| certificate.id != id);
            if app.secrets.len() + app.certificates.len() == before {
                let (application, credential) = (app.name.clone(), id.to_string());
                return Err(Refusal::NoCredential { application, credential });
            }
            Ok(())
        };
        self.edit_application(tenant, app, ("remove credential", &edit)).await.map(|_| ())
    }
}

/// Reads a certificate, PEM or DER.
pub(super) fn read(bytes: &[u8]) -> Result<Certificate, CertificateError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN") => Certificate::from_pem(text),
        _ => Certificate::from_der(bytes),
    }
}

/// Reads a certificate that may authenticate a client.
pub(super) fn usable(name: &str, bytes: &[u8], now: Timestamp) -> Result<Certificate, Refusal> {
    let certificate = sound(name, bytes, now)?;
    let subject = certificate.common_name().unwrap_or_default();
    if subject.starts_with(DEV_PREFIX) {
        let cause = format!("its subject {subject} marks it as one whose key is public");
        return Err(Refusal::Certificate { name: name.to_owned(), cause });
    }
    Ok(certificate)
}

/// The same for certificates whose key may be public.
fn sound(name: &str, bytes: &[u8], now: Timestamp) -> Result<Certificate, Refusal> {
    let refused = |cause: String| Refusal::Certificate { name: name.to_owned(), cause };
    let certificate = read(bytes).map_err(|error| refused(error.to_string()))?;
    certificate.verifying_key().map_err(|error| refused(error.to_string()))?;
    if now.unix_seconds() > certificate.not_after() {
        let ended = written(certificate.not_after());
        return Err(refused(format!("it expired on {ended}: register its successor")));
    }
    Ok(certificate)
}

fn unused<'a>(
    app: &Application,
    name: &str,
    mut names: impl Iterator<Item = &'a String>,
) -> Result<(), Refusal> {
    if names.any(|known| known == name) { Err(exists(app, name)) } else { Ok(()) }
}

fn exists(app: &Application, name: &str) -> Refusal {
    Refusal::CredentialExists { application: app.name.clone(), credential: name.to_owned() }
}
