//! Metadata: what clients read before they ask for a token.
//!
//! Every address in these documents is built from the server's own public URL, never from the
//! request, and no member names a host that is not this server.

mod authority;
mod endpoints;
mod instance;
mod openid_configuration;
mod realm;

pub use authority::{Authority, NotAnAuthority};
pub use endpoints::MetadataEndpoints;
pub use instance::{InstanceDiscovery, InstanceMetadata, UnknownInstance};
pub use openid_configuration::{MetadataTenant, OpenIdConfiguration};
pub use realm::{TRUSTED_REALM, UserRealm, Webfinger, WebfingerLink};
