//! The device flow's part in the browser (RFC 8628 3.3).

use askama::Template;

use super::Hidden;

/// Where the code is typed in.
#[derive(Debug, Template)]
#[template(path = "device.html")]
pub(crate) struct DevicePage<'a> {
    /// What was typed, or came with `verification_uri_complete`.
    pub code: &'a str,
    /// Why the last code was refused.
    pub problem: Option<&'a str>,
    /// Where the form goes.
    pub action: &'a str,
    /// The seal against forged requests.
    pub hidden: &'a [Hidden<'a>],
}

/// The question before a device gets anything: who reads a code aloud is not who holds the device.
#[derive(Debug, Template)]
#[template(path = "device_confirm.html")]
pub(crate) struct DeviceConfirmPage<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// Who signed in.
    pub user: &'a str,
    /// The application on the device.
    pub app: &'a str,
    /// The code.
    pub code: &'a str,
    /// Where the form goes.
    pub action: &'a str,
    /// The sealed flow and the like.
    pub hidden: &'a [Hidden<'a>],
}
