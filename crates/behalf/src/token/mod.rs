//! `behalf token`: gets tokens, for scripts and for trying things out.

use std::process::ExitCode;

use serde::Deserialize;

use crate::{
    environment::Environment,
    failure::{Exit, Failure},
    http_client,
    known_app::{Catalogue, KnownApp},
    output,
    target::{self, ServerArgs, Target},
};

/// `behalf token`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Get a token as an application; prints nothing but the token
    Get(GetArgs),
}

/// `behalf token get`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The secret comes from BEHALF_CLIENT_SECRET, BEHALF_CLIENT_SECRET_FILE, the dev \
instance or standard input; never from an argument."
)]
pub(crate) struct GetArgs {
    /// The application, by name, client id or App ID URI
    #[arg(long = "as", value_name = "APP")]
    pub(crate) client: String,
    /// What to ask for on the v2 endpoint, such as `api://ledger/.default`
    #[arg(long, required_unless_present = "resource", conflicts_with = "resource")]
    pub(crate) scope: Option<String>,
    /// What to ask for on the v1 endpoint, such as `api://ledger`
    #[arg(long)]
    pub(crate) resource: Option<String>,
    /// The tenant, by domain or by id; needed where no dev instance tells it
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Print the whole answer as JSON
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    pub(crate) output: Option<String>,
    /// Where to ask.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Runs the command.
pub(crate) fn run(command: &Command, environment: &Environment) -> anyhow::Result<ExitCode> {
    let Command::Get(args) = command;
    let target = Target::resolve(&args.server, environment)?;
    let app = known(&args.client, &target, environment)?;
    let request = Request::of(args, &target, app.as_ref())?;
    if let Some(public) = app.as_ref().filter(|app| app.info.kind.is_public()) {
        return Err(Failure::usage(format!(
            "{} is a native application: it has no secret, and gets no token as itself",
            public.info.name
        ))
        .fix("a daemon, web or api application")
        .into());
    }
    let seeded = app.as_ref().and_then(|app| app.seeded.as_ref());
    let secret = target::secret(environment, seeded)?;
    let client = http_client::client(target.ca_file())?;
    let form = request.form(&secret);
    let answer = http_client::block_on(async {
        Ok(http_client::post_form(&client, &request.url, &form).await?)
    })?;
    let token = granted(&answer, &request.url)?;
    if args.output.is_some() {
        output::result(&format!("{}\n", answer.body.trim_end()))?;
    } else {
        output::result(&format!("{}\n", token.access_token))?;
    }
    Ok(ExitCode::SUCCESS)
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

/// A request without its secret.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    url: String,
    client_id: String,
    target: (&'static str, String),
}

impl Request {
    fn of(args: &GetArgs, target: &Target, app: Option<&KnownApp>) -> Result<Self, Failure> {
        let client_id = match app {
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
        let tenant =
            args.tenant.clone().or_else(|| app.map(KnownApp::domain)).ok_or_else(|| {
                Failure::usage("the tenant is not known").fix("--tenant DOMAIN or --tenant GUID")
            })?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
        if tenant.is_empty() || !tenant.bytes().all(plain) {
            return Err(Failure::usage(format!(
                "{tenant:?} names no tenant: expected a domain or a GUID"
            )));
        }
        let (path, target_field) = match (&args.scope, &args.resource) {
            (Some(scope), _) => ("oauth2/v2.0/token", ("scope", scope.clone())),
            (None, resource) => {
                ("oauth2/token", ("resource", resource.clone().unwrap_or_default()))
            }
        };
        let url = format!("{}/{tenant}/{path}", target.base_url);
        Ok(Self { url, client_id, target: target_field })
    }

    fn form<'a>(&'a self, secret: &'a str) -> [(&'a str, &'a str); 4] {
        [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", secret),
            (self.target.0, &self.target.1),
        ]
    }
}

/// RFC 6749 5.1.
#[derive(Debug, Deserialize)]
struct Granted {
    access_token: String,
}

/// RFC 6749 5.2.
#[derive(Debug, Deserialize)]
struct Refused {
    error: String,
    #[serde(default)]
    error_description: String,
}

fn granted(answer: &http_client::Answer, url: &str) -> Result<Granted, Failure> {
    if answer.status == 200
        && let Ok(granted) = serde_json::from_str(&answer.body)
    {
        return Ok(granted);
    }
    let Ok(refused) = serde_json::from_str::<Refused>(&answer.body) else {
        let text =
            format!("{url} answered {} and no token: is it a token endpoint?", answer.status);
        return Err(Failure::new(Exit::Failed, text));
    };
    let exit = if answer.status < 429 { Exit::Denied } else { Exit::Failed };
    Err(Failure::new(exit, format!("{}: {}", refused.error, refused.error_description)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dev::ready::tests::ready, known_app::tests::catalogue};

    fn args(client: &str) -> GetArgs {
        GetArgs {
            client: client.to_owned(),
            scope: Some("api://ledger/.default".to_owned()),
            resource: None,
            tenant: None,
            output: None,
            server: ServerArgs::default(),
        }
    }

    fn dev() -> Target {
        Target { base_url: "https://localhost:8443".into(), instance: Some(ready()) }
    }

    fn daemon() -> KnownApp {
        catalogue().find("invoice-daemon").unwrap().clone()
    }

    #[test]
    fn a_name_of_the_dev_world_is_enough() {
        let request = Request::of(&args("invoice-daemon"), &dev(), Some(&daemon())).unwrap();
        assert_eq!(request.url, "https://localhost:8443/acme.test/oauth2/v2.0/token");
        assert_eq!(
            request.form("s3cret"),
            [
                ("grant_type", "client_credentials"),
                ("client_id", "dae00000-0000-4000-8000-000000000001"),
                ("client_secret", "s3cret"),
                ("scope", "api://ledger/.default"),
            ]
        );
    }

    #[test]
    fn resource_asks_the_v1_endpoint() {
        let resource = Some("api://ledger".to_owned());
        let v1 = GetArgs { scope: None, resource, ..args("invoice-daemon") };
        let request = Request::of(&v1, &dev(), Some(&daemon())).unwrap();
        assert_eq!(request.url, "https://localhost:8443/acme.test/oauth2/token");
        assert_eq!(request.target, ("resource", "api://ledger".to_owned()));
    }

    #[test]
    fn elsewhere_the_id_and_the_tenant_are_needed() {
        let other = Target { base_url: "https://login.example.com".into(), instance: None };
        let id = "3f6c2a0e-0000-4000-8000-000000000001";
        let told = |args: GetArgs| Request::of(&args, &other, None).unwrap_err().to_string();
        assert!(told(args("billing-sync")).contains("no application id"));
        assert!(told(args(id)).contains("--tenant"));
        let odd = GetArgs { tenant: Some("a/b".into()), ..args(id) };
        assert!(told(odd).contains("names no tenant"));
        let full = GetArgs { tenant: Some("example.com".into()), ..args(id) };
        let request = Request::of(&full, &other, None).unwrap();
        assert_eq!(request.url, "https://login.example.com/example.com/oauth2/v2.0/token");
    }

    #[test]
    fn a_refusal_is_denied_and_an_overload_is_a_failure() {
        let exit = |status, body: &str| {
            let answer = http_client::Answer { status, body: body.to_owned() };
            let error = anyhow::Error::from(granted(&answer, "https://x/t").unwrap_err());
            (crate::failure::exit_of(&error), error.to_string())
        };
        let refused = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Wrong."}"#;
        assert_eq!(
            exit(401, refused),
            (Exit::Denied, "invalid_client: AADSTS7000215: Wrong".into())
        );
        assert_eq!(exit(503, refused).0, Exit::Failed);
        assert!(exit(404, "<html>").1.contains("is it a token endpoint"));
    }
}
