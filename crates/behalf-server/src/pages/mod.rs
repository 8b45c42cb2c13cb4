//! What people see in a browser: each page a struct with its template, and one way to answer with
//! it.
//!
//! Every page works without JavaScript, at 320 px, in light and dark. Nothing is loaded from
//! anywhere: the style is in the page and named by its hash in the policy. Whatever a page shows
//! is escaped by its template, and names that applications chose for themselves are cleaned of
//! characters that could turn text around ([`shown`]).

mod answer;
mod consent;
mod device;
mod my_apps;
mod problem;
mod sign_in;

pub(crate) use answer::{Page, redirect};
pub(crate) use consent::{Chain, ConsentPage, NeedsAdminPage, Permission, Wanted};
pub(crate) use device::{DeviceConfirmPage, DevicePage};
pub(crate) use my_apps::{AllowedApp, AllowedBy, AllowedPermission, MyAppsPage};
pub(crate) use problem::{FormPostPage, Link, NoticePage, ProblemPage};
pub(crate) use sign_in::{
    Account, AccountPickerPage, ConfirmSignOutPage, SecondFactorPage, SignInPage,
};

/// The one style sheet.
pub(crate) const STYLE: &str = include_str!("style.css");
/// The one script: sends the form of [`FormPostPage`].
pub(crate) const SUBMIT: &str = include_str!("submit.js");

/// A hidden field of a form: name and value.
pub(crate) type Hidden<'a> = (&'static str, &'a str);

/// A name as a page may show it: without control characters and without the marks that change the
/// direction of text or hide in it (Unicode TR36 2.6), at most 120 characters.
pub(crate) fn shown(name: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    name.chars().filter(|c| !hides(*c)).take(120).collect()
}

#[cfg(test)]
mod tests;
