//! Pages that end a flow: a problem, a notice, the way back by form.

use askama::Template;

use super::Hidden;

/// Something that cannot go on, where nothing may be redirected.
#[derive(Debug, Template)]
#[template(path = "problem.html")]
pub(crate) struct ProblemPage<'a> {
    /// In a few words.
    pub title: &'a str,
    /// What happened, for whoever looks at it.
    pub text: &'a str,
    /// What he can do.
    pub advice: Option<&'a str>,
    /// More, for those who may see it: in development, or an administrator of the tenant.
    pub details: &'a [String],
    /// A command that mends it, for the same.
    pub command: Option<&'a str>,
    /// The number of the catalogue.
    pub code: u32,
    /// `x-ms-request-id`.
    pub request: &'a str,
    /// The client's correlation id.
    pub correlation: &'a str,
    /// When.
    pub time: &'a str,
}

/// Something that is done.
#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub(crate) struct NoticePage<'a> {
    /// In a few words.
    pub title: &'a str,
    /// What it means.
    pub text: &'a str,
    /// Applications that are told of a sign-out (OIDC Front-Channel Logout 1.0).
    pub frames: &'a [String],
    /// Where to go from here.
    pub link: Option<Link<'a>>,
}

/// A link.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    /// Where to.
    pub href: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// `response_mode=form_post` (OAuth 2.0 Form Post Response Mode 2): the answer goes to the
/// application as a form, by itself where there is JavaScript.
#[derive(Debug, Template)]
#[template(path = "form_post.html")]
pub(crate) struct FormPostPage<'a> {
    /// The redirect URI.
    pub action: &'a str,
    /// The answer's parameters.
    pub hidden: &'a [Hidden<'a>],
}
