//! The kinds of values: each from a text, or with what was expected instead.

use std::{net::SocketAddr, time::Duration};

use behalf_core::tenant::TenantSegment;
use url::{Host, Url};

use crate::{
    database::{Database, NotADatabase},
    journal::Durability,
    limits::Rate,
    net::{Network, Proxies},
};

/// Why a text is no such value: what is wrong with it, and why that matters.
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) why: &'static str,
}

impl Wrong {
    fn because(what: impl Into<String>, why: &'static str) -> Self {
        Self { what: what.into(), why }
    }

    fn plain(what: impl Into<String>) -> Self {
        Self::because(what, "")
    }
}

/// The public origin, spelled as tokens will carry it.
pub(super) fn public_url(text: &str) -> Result<String, Wrong> {
    let url = Url::parse(text).map_err(|error| Wrong::plain(format!("not a URL: {error}")))?;
    if url.scheme() != "https" {
        return Err(Wrong::because(
            format!("its scheme is {}, expected https", url.scheme()),
            "Client libraries refuse an authority without TLS",
        ));
    }
    if !matches!(url.path(), "" | "/") {
        return Err(Wrong::because(
            "it has a path, expected an origin alone",
            "MSAL takes the first segment of an authority's path as the tenant",
        ));
    }
    let credentials = !url.username().is_empty() || url.password().is_some();
    if credentials || url.query().is_some() || url.fragment().is_some() {
        return Err(Wrong::plain("it has a user, query or fragment, expected an origin alone"));
    }
    if let Some(Host::Domain(name)) = url.host()
        && name.ends_with('.')
    {
        return Err(Wrong::plain("its host ends with a dot, expected the name clients use"));
    }
    Ok(url.origin().ascii_serialization())
}

/// Most former public URLs: each is compared with the audience of every assertion.
const FORMER_MAX: usize = 8;

/// Former public origins, with commas between.
pub(super) fn public_urls(text: &str) -> Result<Vec<String>, Wrong> {
    let named = text.split(',').map(str::trim).filter(|url| !url.is_empty());
    let urls: Vec<_> = named.map(public_url).collect::<Result<_, _>>()?;
    if urls.len() > FORMER_MAX {
        return Err(Wrong::plain(format!("{} of them, expected {FORMER_MAX} at most", urls.len())));
    }
    Ok(urls)
}

/// Most networks of proxies: each is compared with the address of every request.
const PROXIES_MAX: usize = 32;

/// Networks, with commas between.
pub(super) fn proxies(text: &str) -> Result<Proxies, Wrong> {
    let named = text.split(',').map(str::trim).filter(|network| !network.is_empty());
    let networks: Vec<Network> = named
        .map(|network| {
            network.parse().map_err(|error| Wrong::plain(format!("{network:?} is {error}")))
        })
        .collect::<Result<_, _>>()?;
    if networks.len() > PROXIES_MAX {
        let found = networks.len();
        return Err(Wrong::plain(format!("{found} of them, expected {PROXIES_MAX} at most")));
    }
    Ok(Proxies::new(networks))
}

/// `1.2.3.4:443` or `[::]:443`.
pub(super) fn address(text: &str) -> Result<SocketAddr, Wrong> {
    text.parse().map_err(|_| Wrong::plain("not an IP address and port"))
}

/// An address, or `off`.
pub(super) fn address_or_off(text: &str) -> Result<Option<SocketAddr>, Wrong> {
    if text == "off" { Ok(None) } else { address(text).map(Some) }
}

/// The directory's database.
pub(super) fn database(text: &str) -> Result<Database, Wrong> {
    Database::parse(text).map_err(|error| match error {
        NotADatabase::RelativePath => Wrong::because(
            error.to_string(),
            "What it meant would depend on where the server is started",
        ),
        _ => Wrong::plain(error.to_string()),
    })
}

/// A tenant's id or domain.
pub(super) fn tenant(text: &str) -> Result<TenantSegment, Wrong> {
    match TenantSegment::parse(text) {
        Some(named @ (TenantSegment::Id(_) | TenantSegment::Domain(_))) => Ok(named),
        _ => Err(Wrong::plain("neither a tenant's id nor a domain")),
    }
}

/// When events must be safe.
pub(super) fn durability(text: &str) -> Result<Durability, Wrong> {
    match text {
        "before-answer" => Ok(Durability::BeforeAnswer),
        "before-answer-shared" => Ok(Durability::BeforeAnswerShared),
        "within-1s" => Ok(Durability::WithinASecond),
        _ => Err(Wrong::plain("neither before-answer, before-answer-shared nor within-1s")),
    }
}

/// A whole number and a unit: `50ms`, `20s`, `30m`, `24h`, `90d`.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => return Err(Wrong::plain("its unit is missing: ms, s, m, h or d")),
        _ => return Err(Wrong::plain("not a whole number and a unit: ms, s, m, h or d")),
    };
    let number: u64 = digits.parse().map_err(|_| Wrong::plain("not a whole number and a unit"))?;
    let millis = number.checked_mul(millis).ok_or_else(|| Wrong::plain("too long"))?;
    Ok(Duration::from_millis(millis))
}

/// A duration between `least` and `most`, both included.
pub(super) fn duration_within(
    least: Duration,
    most: Duration,
) -> impl Fn(&str) -> Result<Duration, Wrong> {
    move |text| {
        let value = duration(text)?;
        if value < least {
            return Err(Wrong::plain("too short"));
        }
        if value > most {
            return Err(Wrong::plain("too long"));
        }
        Ok(value)
    }
}

/// A duration up to `most`, or `off`, which is none.
pub(super) fn duration_or_off(most: Duration) -> impl Fn(&str) -> Result<Duration, Wrong> {
    move |text| match text {
        "off" => Ok(Duration::ZERO),
        other => duration_within(Duration::ZERO, most)(other),
    }
}

/// A duration of at least a day, or `forever`.
pub(super) fn retention(text: &str) -> Result<Option<Duration>, Wrong> {
    if text == "forever" {
        return Ok(None);
    }
    let century = Duration::from_hours(24 * 36_500);
    duration_within(Duration::from_hours(24), century)(text).map(Some)
}

/// Requests a second, or `off`.
pub(super) fn rate(text: &str) -> Result<Rate, Wrong> {
    if text == "off" {
        return Ok(Rate::UNLIMITED);
    }
    match text.parse() {
        Ok(0) => Err(Wrong::because("0 would refuse everything", "A limit is lifted with off")),
        Ok(number) => Ok(Rate::per_second(number)),
        Err(_) => Err(Wrong::plain("not a whole number up to 4294967295")),
    }
}

/// A whole number within bounds.
pub(super) fn number(least: usize, most: usize) -> impl Fn(&str) -> Result<usize, Wrong> {
    move |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) => Err(Wrong::plain("out of range")),
        Err(_) => Err(Wrong::plain("not a whole number")),
    }
}

/// How many threads; `None` is for the system to say.
pub(super) fn cores(text: &str) -> Result<Option<usize>, Wrong> {
    if text == "auto" { Ok(None) } else { number(1, 1_024)(text).map(Some) }
}

/// One of a few words.
pub(super) fn word<T: std::str::FromStr>(text: &str) -> Result<T, Wrong>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Wrong::plain(error.to_string()))
}
