//! Just enough of RFC 7468 to take keys and certificates out of a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The first block whose label is one of `labels`: (label, DER). Text around blocks and blocks of
/// other labels are passed over, as files that hold a key and its certificate need it.
pub(crate) fn first_block<'a>(
    pem: &'a str,
    labels: &[&str],
) -> Option<(&'a str, Zeroizing<Vec<u8>>)> {
    let mut rest = pem;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----")?;
        let (body, after) = after.split_once("-----END ")?;
        rest = after;
        if labels.contains(&label) {
            let text: Zeroizing<String> =
                Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
            return Some((label, Zeroizing::new(STANDARD.decode(text.as_bytes()).ok()?)));
        }
    }
    None
}
