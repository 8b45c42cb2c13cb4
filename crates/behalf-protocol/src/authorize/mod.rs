//! The authorization endpoint, v1 and v2.0 (RFC 6749 4.1.1, OIDC Core 3.1.2).
//!
//! A request is read in two stages. [`AuthorizeParameters::destination`] says who asks and where
//! the answer should go; until the directory has confirmed both, every refusal is a page. Then
//! [`AuthorizeParameters::request`] reads the rest, and what is wrong with that is sent to the
//! redirect URI. Answers are [`SuccessResponse`] and [`ErrorResponse`].

mod parameters;
mod prompt;
mod request;
mod response;
mod response_mode;
mod response_type;

pub use parameters::{AuthorizeParameters, Destination, MAX_STATE_BYTES};
pub use prompt::{Prompt, Prompts};
pub use request::{AuthorizeError, AuthorizeRequest};
pub use response::{Delivery, ErrorResponse, ResponseParameters, SuccessResponse};
pub use response_mode::ResponseMode;
pub use response_type::ResponseType;
