//! Who called, where a proxy stands between: the address that a trusted proxy says it was called
//! from. Nothing else that a proxy says is believed: host, scheme and path are the configuration's.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
    task::{Context, Poll},
};

use axum::extract::ConnectInfo;
use http::{HeaderMap, Request, header::HeaderName};
use tower::Service;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks that proxies call from. Empty: everybody is who calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxies(Vec<Network>);

/// Addresses that begin alike: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    /// The address.
    #[error("not an IP address, alone or with /bits")]
    Address,
    /// The number of bits.
    #[error("/bits beyond 32 of IPv4 or 128 of IPv6")]
    Prefix,
    /// `10.1.0.0/8`: which of the two was meant?
    #[error("the address has bits set beyond its /bits")]
    HostBits,
    /// `0.0.0.0/0` would let every client say who it is.
    #[error("the whole Internet")]
    Everybody,
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (base, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let base: IpAddr = base.parse().map_err(|_| NotANetwork::Address)?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let prefix = bits.map_or(Ok(most), str::parse).map_err(|_| NotANetwork::Address)?;
        match prefix {
            0 => Err(NotANetwork::Everybody),
            more if more > most => Err(NotANetwork::Prefix),
            _ if first_bits(base, prefix) != first_bits(base, most) => Err(NotANetwork::HostBits),
            _ => Ok(Self { base, prefix }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.base.is_ipv4()
            && first_bits(address, self.prefix) == first_bits(self.base, self.prefix)
    }
}

/// The first `count` bits of an address, the others zero.
fn first_bits(address: IpAddr, count: u8) -> u128 {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(count)).unwrap_or(0);
    bits & mask
}

impl Proxies {
    /// The proxies of these networks.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// Who called, when `peer` opened the connection: read from the right, each address was written
    /// down by the one after it, so the first that is no proxy of ours is the last that is known.
    /// What stands left of it, or makes no sense, anybody may have written.
    fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut caller = peer.to_canonical();
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            if !self.trusts(caller) {
                break;
            }
            let Some(before) = address(hop.trim()) else { break };
            caller = before.to_canonical();
        }
        caller
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|from: SocketAddr| from.ip()))
}

/// Tells the service who calls, as `ConnectInfo<SocketAddr>`.
#[derive(Debug, Clone)]
pub(super) struct Called<S> {
    inner: S,
    peer: SocketAddr,
    proxies: Arc<Proxies>,
}

impl<S> Called<S> {
    pub(super) fn new(inner: S, peer: SocketAddr, proxies: Arc<Proxies>) -> Self {
        Self { inner, peer, proxies }
    }
}

impl<B, S: Service<Request<B>>> Service<Request<B>> for Called<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let caller = self.proxies.caller(self.peer.ip(), request.headers());
        let from = SocketAddr::new(caller, self.peer.port());
        request.extensions_mut().insert(ConnectInfo(from));
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> Proxies {
        Proxies(networks.iter().map(|network| network.parse().unwrap()).collect())
    }

    fn caller(proxies: &Proxies, peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.caller(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_wrote() {
        let ours = proxies(&["10.0.0.0/8", "2001:db8:1::/48"]);
        for (peer, lines, expected) in [
            ("198.51.100.7", &["192.0.2.1"][..], "198.51.100.7"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            // The client wrote the left part; two proxies of ours, one behind the other.
            ("10.0.0.1", &["127.0.0.1, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            ("10.0.0.1", &["127.0.0.1", "192.0.2.1"], "192.0.2.1"),
            ("2001:db8:1::5", &["[2001:db8:9::1]:4711"], "2001:db8:9::1"),
            ("10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            ("10.0.0.1", &["192.0.2.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1, "], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3"], "10.0.0.3"),
        ] {
            assert_eq!(caller(&ours, peer, lines), expected, "{peer} {lines:?}");
        }
        assert_eq!(caller(&Proxies::default(), "10.0.0.1", &["192.0.2.1"]), "10.0.0.1");
    }

    #[test]
    fn a_network_is_written_without_doubt() {
        for good in ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1", "192.0.2.128/25"] {
            assert!(good.parse::<Network>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("0.0.0.0/0", NotANetwork::Everybody),
            ("::/0", NotANetwork::Everybody),
            ("10.1.0.0/8", NotANetwork::HostBits),
            ("10.0.0.0/33", NotANetwork::Prefix),
            ("10.0.0.0/999", NotANetwork::Address),
            ("proxy.example", NotANetwork::Address),
            ("", NotANetwork::Address),
        ] {
            assert_eq!(bad.parse::<Network>(), Err(why), "{bad}");
        }
    }
}
