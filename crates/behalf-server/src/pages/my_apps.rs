//! What a user has allowed applications to do in his name.

use askama::Template;

/// The list, for each account that is signed in with the browser.
#[derive(Debug, Template)]
#[template(path = "my_apps.html")]
pub(crate) struct MyAppsPage<'a> {
    /// Who is signed in.
    pub accounts: &'a [AllowedBy],
    /// Where the forms go.
    pub action: &'a str,
}

/// One account, and what it allowed.
#[derive(Debug)]
pub(crate) struct AllowedBy {
    /// Who.
    pub user: String,
    /// Which applications.
    pub apps: Vec<AllowedApp>,
}

/// An application that may do something in a user's name.
#[derive(Debug)]
pub(crate) struct AllowedApp {
    /// What people call it.
    pub client: String,
    /// What it may do.
    pub permissions: Vec<AllowedPermission>,
    /// The sealed form that takes it back.
    pub form: String,
}

/// One permission.
#[derive(Debug)]
pub(crate) struct AllowedPermission {
    /// What its API says that it allows.
    pub text: String,
    /// What appears in the token.
    pub value: String,
    /// Whose it is.
    pub api: String,
}
