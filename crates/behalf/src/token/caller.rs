//! Who asks for a token, and where.

use behalf_client::{BuildError, ConfidentialClient, Credential, Error, PublicClient};

use crate::{
    environment::Environment,
    failure::{Exit, Failure},
    known_app::{Catalogue, KnownApp},
    target::{self, ServerArgs, Stdin, Target},
};

/// What every `behalf token` command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct CallerArgs {
    /// The application, by name, client id or App ID URI
    #[arg(long = "as", value_name = "APP")]
    pub(super) client: String,
    /// The tenant, by domain or by id; needed where no dev instance tells it
    #[arg(long)]
    pub(super) tenant: Option<String>,
    /// Print the whole answer as JSON
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    pub(super) output: Option<String>,
    /// Where to ask.
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

impl CallerArgs {
    /// Whether the whole answer is wanted.
    pub(super) const fn as_json(&self) -> bool {
        self.output.is_some()
    }
}

/// An application of a server, known by name where a dev instance knows it.
pub(super) struct Caller {
    target: Target,
    app: Option<KnownApp>,
    client_id: String,
    authority: String,
}

impl Caller {
    /// Finds out whom the arguments mean.
    pub(super) fn resolve(args: &CallerArgs, environment: &Environment) -> anyhow::Result<Self> {
        let target = Target::resolve(&args.server, environment)?;
        let app = known(&args.client, &target, environment)?;
        Ok(Self::of(args, target, app)?)
    }

    fn of(args: &CallerArgs, target: Target, app: Option<KnownApp>) -> Result<Self, Failure> {
        let client_id = match &app {
            Some(app) => app.app_id(),
            None if behalf_core::id::parse_guid(&args.client).is_ok() => args.client.clone(),
            None => {
                return Err(Failure::usage(format!(
                    "{:?} is no application id, and only a dev instance knows apps by name",
                    args.client
                ))
                .fix("--as GUID"));
            }
        };
        let of_app = || app.as_ref().map(KnownApp::domain);
        let tenant = args.tenant.clone().or_else(of_app).ok_or_else(|| {
            Failure::usage("the tenant is not known").fix("--tenant DOMAIN or --tenant GUID")
        })?;
        let authority = format!("{}/{tenant}", target.base_url);
        Ok(Self { target, app, client_id, authority })
    }

    /// The application as a client with its secret.
    pub(super) fn confidential(
        &self,
        environment: &Environment,
        stdin: Stdin,
    ) -> anyhow::Result<ConfidentialClient> {
        let seeded = self.app.as_ref().and_then(|app| app.seeded.as_ref());
        let secret = target::secret(environment, seeded, stdin)?;
        let mut builder = ConfidentialClient::builder(&self.authority, &self.client_id)
            .credential(Credential::secret(secret.as_str()));
        if let Some(path) = self.target.ca_file() {
            builder = builder.ca_file(path);
        }
        Ok(builder.build().map_err(|error| unbuilt(&error))?)
    }

    /// The application as a client without a secret.
    pub(super) fn public(&self) -> anyhow::Result<PublicClient> {
        let mut builder = PublicClient::builder(&self.authority, &self.client_id);
        if let Some(path) = self.target.ca_file() {
            builder = builder.ca_file(path);
        }
        Ok(builder.build().map_err(|error| unbuilt(&error))?)
    }

    /// Its name, if it is known to be a public client.
    pub(super) fn public_name(&self) -> Option<&str> {
        let public = self.app.as_ref().filter(|app| app.info.kind.is_public());
        public.map(|app| app.info.name.as_str())
    }

    /// Its name, if it is known not to be a public client.
    pub(super) fn confidential_name(&self) -> Option<&str> {
        let confidential = self.app.as_ref().filter(|app| !app.info.kind.is_public());
        confidential.map(|app| app.info.name.as_str())
    }

    /// Whether it authenticates: as its kind says; where nobody knows that, if a secret was given.
    pub(super) fn has_secret(&self, environment: &Environment) -> Result<bool, Failure> {
        Ok(match &self.app {
            Some(app) => !app.info.kind.is_public(),
            None => {
                environment.text("BEHALF_CLIENT_SECRET")?.is_some()
                    || environment.path("BEHALF_CLIENT_SECRET_FILE").is_some()
            }
        })
    }

    /// What a person is told of an error, with the way to its explanation.
    pub(super) fn failure(&self, error: &Error) -> Failure {
        let failure = failure(error);
        let logged = error.refusal().and_then(|refusal| refusal.trace_id.as_deref());
        match logged.filter(|id| behalf_core::id::parse_guid(id).is_ok()) {
            Some(id) if self.target.instance.is_some() => {
                failure.fix(format!("behalf explain {id}"))
            }
            _ => failure,
        }
    }
}

/// The application, if a dev instance knows it; a client id of elsewhere is nobody's here.
fn known(
    client: &str,
    target: &Target,
    environment: &Environment,
) -> anyhow::Result<Option<KnownApp>> {
    if target.instance.is_none() {
        return Ok(None);
    }
    let all = Catalogue::of(target, environment)?;
    match all.find(client) {
        Ok(app) => Ok(Some(app.clone())),
        Err(_) if behalf_core::id::parse_guid(client).is_ok() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A client that cannot be made: the command line is wrong, or a file.
fn unbuilt(error: &BuildError) -> Failure {
    match error {
        BuildError::Authority(text) => Failure::usage(format!(
            "{:?} names no tenant: expected a domain or a GUID",
            text.rsplit('/').next().unwrap_or_default()
        )),
        BuildError::Https(_) => Failure::environment(error.to_string()),
        other => Failure::usage(other.to_string()),
    }
}

/// Refused by the server: denied. Not reached: the environment. Not askable: the command line.
fn failure(error: &Error) -> Failure {
    let text = error.to_string();
    match error {
        Error::Refused(refusal) if refusal.status < 429 => Failure::new(Exit::Denied, text),
        Error::Scopes(_) | Error::Tenant(_) | Error::Claims(_) => Failure::usage(text),
        Error::Unreachable { .. } => Failure::environment(text)
            .fix("check that the server runs and that its certificate is trusted"),
        Error::Listener(_) | Error::Browser(_) | Error::Entropy(_) => Failure::environment(text),
        _ => Failure::new(Exit::Failed, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dev::ready::tests::ready, known_app::tests::catalogue};

    fn args(client: &str) -> CallerArgs {
        CallerArgs {
            client: client.to_owned(),
            tenant: None,
            output: None,
            server: ServerArgs::default(),
        }
    }

    fn dev() -> Target {
        Target { base_url: "https://localhost:8443".into(), instance: Some(ready()) }
    }

    fn elsewhere() -> Target {
        Target { base_url: "https://login.example.com".into(), instance: None }
    }

    fn resolved(
        args: &CallerArgs,
        target: Target,
        app: Option<&str>,
    ) -> Result<(String, String), String> {
        let app = app.map(|name| catalogue().find(name).unwrap().clone());
        let caller = Caller::of(args, target, app).map_err(|error| error.to_string())?;
        caller.public().map_err(|error| error.to_string())?;
        Ok((caller.authority, caller.client_id))
    }

    #[test]
    fn a_name_of_the_dev_world_is_enough_and_elsewhere_ids_are_needed() {
        let id = "dae00000-0000-4000-8000-000000000001".to_owned();
        let here = Ok(("https://localhost:8443/acme.test".to_owned(), id.clone()));
        let target = Target { instance: None, ..dev() };
        assert_eq!(resolved(&args("invoice-daemon"), target, Some("invoice-daemon")), here);
        let named = CallerArgs { tenant: Some("acme.test".to_owned()), ..args(&id) };
        let there = Ok(("https://login.example.com/acme.test".to_owned(), id.clone()));
        assert_eq!(resolved(&named, elsewhere(), None), there);

        let unknown = resolved(&args("invoice-daemon"), elsewhere(), None).unwrap_err();
        assert!(unknown.contains("is no application id"), "{unknown}");
        let nowhere = resolved(&args(&id), elsewhere(), None).unwrap_err();
        assert!(nowhere.contains("the tenant is not known"), "{nowhere}");
        for odd in ["", "a/b", "acme.test?x", "..%2f"] {
            let odd = CallerArgs { tenant: Some(odd.to_owned()), ..args(&id) };
            assert!(resolved(&odd, elsewhere(), None).unwrap_err().contains("names no tenant"));
        }
    }

    #[test]
    fn who_is_known_to_have_a_secret_uses_it_and_nobody_else_unless_one_is_given() {
        let of = |app: Option<&str>| Caller {
            target: elsewhere(),
            app: app.map(|name| catalogue().find(name).unwrap().clone()),
            client_id: String::new(),
            authority: String::new(),
        };
        let given = Environment::from([("BEHALF_CLIENT_SECRET", "s")]);
        assert!(of(Some("ledger-api")).has_secret(&Environment::default()).unwrap());
        assert!(!of(None).has_secret(&Environment::default()).unwrap());
        assert!(of(None).has_secret(&given).unwrap());
    }
}
