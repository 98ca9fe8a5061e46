//! Whether a text is an image's name, or looks like one.

use super::UntakenReason;
use crate::oci::Reference;

/// Whether a text has a variable of Compose or a shell in it, or an expression of a template.
fn is_not_rendered(text: &str) -> bool {
    text.contains("${") || text.contains("{{") || text.contains("$(") || text.starts_with('$')
}

/// Why a text where an image is named is not taken; `None` if it is.
pub(super) fn refused(name: &str) -> Option<UntakenReason> {
    if is_not_rendered(name) {
        return Some(UntakenReason::NotRendered);
    }
    name.parse::<Reference>().is_err().then_some(UntakenReason::NotAReference)
}

/// The parts of a text that look like a full image's name: a domain, a path, and a tag or a digest.
pub(super) fn looking_like_images(text: &str) -> impl Iterator<Item = &str> {
    let parts =
        text.split(|it: char| it.is_whitespace() || matches!(it, '"' | '\'' | '=' | ',' | ';' | '(' | ')' | '`'));
    parts.filter(|part| looks_like_an_image(part))
}

fn looks_like_an_image(part: &str) -> bool {
    let Some((domain, path)) = part.split_once('/') else { return false };
    let has_domain = domain.contains('.') || domain.starts_with("localhost:");
    let is_said = path.contains(':') && !part.contains("://");
    has_domain && is_said && !domain.starts_with('.') && part.parse::<Reference>().is_ok()
}
