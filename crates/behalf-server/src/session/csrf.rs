//! Whether a form comes from a page of ours in the browser that it was made for: the browser's
//! cookie is in the sealed form, and another site's `Origin` is refused (CN-01, CN-10).

use aws_lc_rs::constant_time;
use http::{HeaderMap, header};

/// A form that another site or another browser sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the form was not sent by the page it belongs to")]
pub(crate) struct Foreign;

/// Refuses a form whose `Origin` is another than `public_url`'s; where a browser sends none, what
/// it says about the site it comes from.
pub(crate) fn same_origin(headers: &HeaderMap, public_url: &str) -> Result<(), Foreign> {
    let text = |name| headers.get(name).map(http::HeaderValue::as_bytes);
    let own = match (text(header::ORIGIN.as_str()), text("sec-fetch-site")) {
        (Some(origin), _) => origin == public_url.as_bytes(),
        (None, Some(site)) => site == b"same-origin",
        (None, None) => true,
    };
    if own { Ok(()) } else { Err(Foreign) }
}

/// Refuses a form that was sealed for another browser than the one that sends it.
pub(crate) fn same_browser(sealed: &str, cookie: Option<&str>) -> Result<(), Foreign> {
    let cookie = cookie.unwrap_or_default();
    let same = constant_time::verify_slices_are_equal(sealed.as_bytes(), cookie.as_bytes());
    if same.is_ok() && !sealed.is_empty() { Ok(()) } else { Err(Foreign) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cn_10_forms_of_other_sites_are_refused() {
        let own = "https://localhost:8443";
        for (origin, site, expected) in [
            (Some(own), None, Ok(())),
            (Some("https://evil.test"), None, Err(Foreign)),
            (Some("https://localhost"), None, Err(Foreign)),
            (Some("https://localhost:8443.evil.test"), None, Err(Foreign)),
            (Some("null"), Some("same-origin"), Err(Foreign)),
            (None, Some("cross-site"), Err(Foreign)),
            (None, Some("same-site"), Err(Foreign)),
            (None, Some("same-origin"), Ok(())),
            (None, None, Ok(())),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            assert_eq!(same_origin(&headers, own), expected, "{origin:?} {site:?}");
        }
    }

    #[test]
    fn a_form_is_one_browsers() {
        assert_eq!(same_browser("a", Some("a")), Ok(()));
        for cookie in [None, Some("b"), Some("")] {
            assert_eq!(same_browser("a", cookie), Err(Foreign));
        }
        assert_eq!(same_browser("", None), Err(Foreign));
    }
}
