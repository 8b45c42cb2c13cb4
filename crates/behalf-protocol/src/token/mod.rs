//! The token endpoint: what is asked ([`request`]) and what is answered ([`response`]).

mod grant;
pub mod request;
pub mod response;
mod secret;

pub use grant::{GrantType, UnsupportedGrantType};
pub use response::{GrantedScope, TokenResponse, UserTokenResponse};
pub use secret::SecretText;
