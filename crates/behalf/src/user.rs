//! `behalf user`: people.

mod run;

pub(crate) use run::run;

use std::{
    fs::File,
    io::{self, BufRead as _, Read as _},
    path::PathBuf,
};

use behalf_core::directory_role::DirectoryRole;
use behalf_server::{
    admin_socket::wire::users::{Assignment, BegunFactor, NewUser, Roles, UserInfo, UserMade},
    directory::apply::manifest::{PasswordSource, PasswordText},
};
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use zeroize::Zeroizing;

use crate::{door::AskArgs, environment::Environment, failure::Failure};

/// Longest password file, in bytes.
const FILE_MAX: u64 = 1_024;
/// Longest line with a code, in bytes.
const CODE_MAX: u64 = 64;

/// `behalf user`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a user; unless a password is given, one is made and shown once
    Create(CreateArgs),
    /// List a tenant's users
    List(ListArgs),
    /// Show a user
    Show(UserArgs),
    /// Give a user another password; everything he is signed in to ends
    ResetPassword(PasswordArgs),
    /// Keep a user from signing in; everything he is signed in to ends
    Disable(UserArgs),
    /// Let a user sign in again; what ended stays ended
    Enable(UserArgs),
    /// Delete a user with his grants and assignments
    Delete(UserArgs),
    /// End a user's sessions and refresh tokens
    RevokeSessions(UserArgs),
    /// Give a user a second factor: shows the secret for his authenticator app, then reads a code
    /// that the app shows from standard input
    AddSecondFactor(UserArgs),
    /// Take a user's second factor away; everything he is signed in to ends
    RemoveSecondFactor(UserArgs),
    /// Give and take directory roles
    #[command(subcommand)]
    Role(RoleCommand),
    /// Assign a user to an application, with a role of it or without
    Assign(AssignArgs),
    /// Take such an assignment back
    Unassign(AssignArgs),
}

/// `behalf user assign` and `unassign`.
#[derive(Debug, clap::Args)]
pub(crate) struct AssignArgs {
    /// Who.
    #[command(flatten)]
    pub(crate) user: UserArgs,
    /// The application, by name, client id or App ID URI
    #[arg(long, value_name = "APP")]
    app: String,
    /// The role; assigned without one unless given
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
}

impl AssignArgs {
    /// What to ask for.
    pub(crate) fn request(&self, assigned: bool) -> Assignment {
        Assignment { app: self.app.clone(), role: self.role.clone(), assigned }
    }
}

/// `behalf user role`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RoleCommand {
    /// Give a user directory roles
    Add(RoleArgs),
    /// Take directory roles from a user
    Remove(RoleArgs),
}

/// Which user.
#[derive(Debug, clap::Args)]
pub(crate) struct UserArgs {
    /// His name, such as bob@acme.example, or with --tenant his object id
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// His tenant, by domain or id; the domain of his name unless given
    #[arg(long)]
    tenant: Option<String>,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

impl UserArgs {
    /// The tenant that is meant.
    pub(crate) fn tenant(&self) -> Result<&str, Failure> {
        let of_name = self.name.split_once('@').map(|(_, domain)| domain);
        let named = self.tenant.as_deref().or(of_name);
        named.ok_or_else(|| {
            Failure::usage(format!("{:?} names no tenant", self.name))
                .fix("a name such as bob@acme.example, or --tenant")
        })
    }
}

/// `behalf user list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// The tenant, by domain or id
    #[arg(long)]
    pub(crate) tenant: String,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// Where a password comes from: never the command line, which others can read.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct PasswordFrom {
    /// Take the password from this environment variable
    #[arg(long = "password-env", value_name = "VARIABLE")]
    variable: Option<String>,
    /// Take the password from the first line of this file
    #[arg(long = "password-file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Take the password from the first line of standard input
    #[arg(long = "password-stdin")]
    stdin: bool,
}

impl PasswordFrom {
    /// The password, or that one is to be made.
    pub(crate) fn read(&self, environment: &Environment) -> Result<PasswordSource, Failure> {
        let mut text = Zeroizing::new(String::new());
        if let Some(name) = &self.variable {
            let found = environment.text(name)?.ok_or_else(|| {
                Failure::usage(format!("the environment variable {name} is not set"))
            })?;
            text.push_str(found);
        } else if let Some(path) = &self.file {
            let read =
                File::open(path).and_then(|file| file.take(FILE_MAX).read_to_string(&mut text));
            read.map_err(|cause| Failure::path(path, "read the password from", &cause))?;
        } else if self.stdin {
            let read = io::stdin().lock().take(FILE_MAX).read_to_string(&mut text);
            read.map_err(|cause| {
                Failure::usage(format!("no password on standard input: {cause}"))
            })?;
        } else {
            return Ok(PasswordSource::Generate);
        }
        Ok(PasswordSource::Value(PasswordText::new(text.lines().next().unwrap_or_default())))
    }
}

/// `behalf user create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// Who.
    #[command(flatten)]
    pub(crate) user: UserArgs,
    /// What people call him; the name before the @ unless given
    #[arg(long, value_name = "NAME")]
    display: Option<String>,
    /// A directory role. May be repeated
    #[arg(long = "role", value_name = "ROLE", value_parser = role)]
    roles: Vec<DirectoryRole>,
    /// Where his password comes from.
    #[command(flatten)]
    password: PasswordFrom,
}

impl CreateArgs {
    /// What to ask for.
    pub(crate) fn request(&self, environment: &Environment) -> Result<NewUser, Failure> {
        Ok(NewUser {
            name: self.user.name.clone(),
            display_name: self.display.clone(),
            roles: self.roles.iter().copied().collect(),
            password: Some(self.password.read(environment)?),
            disabled: false,
        })
    }
}

/// `behalf user reset-password`.
#[derive(Debug, clap::Args)]
pub(crate) struct PasswordArgs {
    /// Who.
    #[command(flatten)]
    pub(crate) user: UserArgs,
    /// Where his password comes from.
    #[command(flatten)]
    pub(crate) password: PasswordFrom,
}

/// `behalf user role add` and `remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct RoleArgs {
    /// Who.
    #[command(flatten)]
    pub(crate) user: UserArgs,
    /// The role. May be repeated
    #[arg(long = "role", value_name = "ROLE", value_parser = role, required = true)]
    roles: Vec<DirectoryRole>,
}

impl RoleCommand {
    /// Who, and what changes.
    pub(crate) fn request(&self) -> (&UserArgs, Roles) {
        match self {
            Self::Add(args) => {
                let add = args.roles.iter().copied().collect();
                (&args.user, Roles { add, ..Roles::default() })
            }
            Self::Remove(args) => {
                let remove = args.roles.iter().copied().collect();
                (&args.user, Roles { remove, ..Roles::default() })
            }
        }
    }
}

fn role(text: &str) -> Result<DirectoryRole, String> {
    DirectoryRole::parse(text).ok_or_else(|| {
        let known: Vec<_> = DirectoryRole::ALL.iter().map(|role| role.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// What a user types into his authenticator app, or scans.
pub(crate) fn begun(factor: &BegunFactor) -> String {
    let picture = picture(factor.uri.expose()).unwrap_or_default();
    format!(
        "  Secret  {}\n  URI     {}\n\n{picture}\n",
        factor.secret.expose(),
        factor.uri.expose()
    )
}

/// A QR code, where one can be made.
fn picture(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    // Light modules are drawn: on a dark terminal, as most are, the picture is the right way round.
    let mut picture = code.render::<Dense1x2>();
    picture.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark);
    Some(picture.quiet_zone(true).build())
}

/// The code that he reads from it: the first line of standard input.
pub(crate) fn code() -> Result<String, Failure> {
    let mut line = String::new();
    let read = io::BufReader::new(io::stdin().lock().take(CODE_MAX)).read_line(&mut line);
    read.map_err(|cause| Failure::usage(format!("no code on standard input: {cause}")))?;
    Ok(line.trim().to_owned())
}

/// The users as a table, by name.
pub(crate) fn table(users: &[UserInfo]) -> String {
    let mut users: Vec<&UserInfo> = users.iter().collect();
    users.sort_by(|one, other| one.name.cmp(&other.name));
    let line = |user: &&UserInfo| {
        let roles: Vec<_> = user.roles.iter().map(|role| role.as_str()).collect();
        let disabled = if user.disabled { "  disabled" } else { "" };
        let none = if user.password { "" } else { "  no password" };
        let second = if user.second_factor { "  second factor" } else { "" };
        let (id, name, display) = (user.id, &user.name, &user.display_name);
        let roles = roles.join(", ");
        format!("{id}  {name:<24} {display:<20} {roles}{disabled}{none}{second}")
    };
    users.iter().map(|user| line(user).trim_end().to_owned() + "\n").collect()
}

/// A user, and his password if it was made now: name, id and password on the line of the table.
pub(crate) fn made(made: &UserMade) -> String {
    let mut text = table(std::slice::from_ref(&made.user));
    if let Some(password) = &made.password {
        text.push_str("  Password  ");
        text.push_str(password.expose());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(env: Option<&str>, file: Option<PathBuf>) -> PasswordFrom {
        let variable = env.map(str::to_owned);
        PasswordFrom { variable, file, stdin: false }
    }

    #[test]
    fn the_picture_fits_into_a_terminal() {
        let uri = "otpauth://totp/behalf:bob%40acme.test?secret=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567&issuer=behalf";
        let picture = picture(uri).unwrap();
        let widths: Vec<usize> = picture.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
        assert!(widths[0] <= 80 && widths.len() * 2 >= widths[0], "{widths:?}");
    }

    #[test]
    fn a_password_is_the_first_line_of_what_is_named() {
        let environment = Environment::from([("P", "correct horse")]);
        let value = |text: &str| PasswordSource::Value(PasswordText::new(text));
        assert_eq!(from(Some("P"), None).read(&environment).unwrap(), value("correct horse"));
        assert_eq!(from(None, None).read(&environment).unwrap(), PasswordSource::Generate);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "from a file\r\nsecond line\n").unwrap();
        let read = from(None, Some(file)).read(&environment).unwrap();
        assert_eq!(read, value("from a file"));
        assert!(!format!("{read:?}").contains("file"));
        let unset = from(Some("Q"), None).read(&environment).unwrap_err();
        assert!(unset.to_string().contains("the environment variable Q is not set"));
        assert!(from(None, Some(folder.path().join("none"))).read(&environment).is_err());
    }

    #[test]
    fn a_role_is_one_of_those_there_are() {
        assert_eq!(role("user-administrator"), Ok(DirectoryRole::UserAdministrator));
        let text = role("admin").unwrap_err();
        assert!(text.contains("global-administrator, privileged-role-administrator"), "{text}");
    }
}
