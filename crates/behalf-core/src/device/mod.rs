//! Devices without a browser (RFC 8628): the codes that one is given, and the grant that waits for
//! its user while it polls.
//!
//! A grant is the one thing of a sign-in that is kept before anybody signed in: two parties, who
//! never meet, each hold one of its codes. The user types the short one; the device holds the
//! long one, of which only a hash is kept.

mod code;
mod grant;
mod user_code;

pub use code::{DeviceCode, DeviceCodeHash, PresentedDeviceCode};
pub use grant::{Approval, Decision, DeviceGrant, NotWaiting, PresentedGrant, Waiting};
pub use user_code::UserCode;

use std::time::Duration;

/// How long both codes last (protocol 8.5).
pub const DEVICE_CODE_LIFETIME: Duration = Duration::from_mins(15);
/// How long a device waits between two polls (protocol 8.5).
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);
