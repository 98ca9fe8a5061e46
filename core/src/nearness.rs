//! Which of some names a person might have meant.

use std::cmp::Reverse;
use std::fmt::Display;

/// Names are compared as far as this, in characters.
const COMPARED: usize = 256;
/// From when on two names are much alike, in thousandths.
const MUCH_ALIKE: u32 = 600;
/// The most names that are compared.
const MAXIMUM_NAMES: usize = 1_000;

/// The same names, those first that are written most like the one that was looked for. A name of one part, such as a tag, is compared
/// with the same part of it.
pub(crate) fn nearest_first(looked_for: &str, mut names: Vec<String>) -> Vec<String> {
    names.truncate(MAXIMUM_NAMES);
    names.sort_by_cached_key(|name| Reverse(likeness(looked_for, name)));
    names
}

/// The name that was probably meant, if one is written much like the name that was looked for.
pub(crate) fn meant<N: Display>(looked_for: &str, names: impl IntoIterator<Item = N>) -> Option<N> {
    let alike = |name: N| (likeness(looked_for, &name.to_string()), name);
    let names = names.into_iter().take(MAXIMUM_NAMES).map(alike);
    let nearest = names.filter(|(likeness, _)| *likeness >= MUCH_ALIKE).max_by_key(|(likeness, _)| *likeness);
    nearest.map(|(_, name)| name)
}

/// The full name that was probably meant: one of which each part, without the tag, is written much like the same part of the name that was
/// looked for.
pub(crate) fn meant_in_full(looked_for: &str, names: impl IntoIterator<Item = String>) -> Option<String> {
    let parts = |name: &str| -> Vec<String> {
        let untagged = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(name, _)| name);
        untagged.split('/').map(str::to_owned).collect()
    };
    let wanted = parts(looked_for);
    let is_alike = |name: &String| {
        let found = parts(name);
        let mut pairs = wanted.iter().zip(&found);
        wanted.len() == found.len() && pairs.all(|(one, other)| likeness(one, other) >= MUCH_ALIKE)
    };
    meant(looked_for, names.into_iter().take(MAXIMUM_NAMES).filter(is_alike))
}

/// How alike two names are, in thousandths.
fn likeness(looked_for: &str, name: &str) -> u32 {
    let short = |text: &str| text.chars().take(COMPARED).collect::<String>();
    let (looked_for, name) = (short(looked_for), short(name));
    let component = looked_for.rsplit('/').next().unwrap_or(&looked_for);
    let tag = component.rsplit(':').next().unwrap_or(component);
    let part = if name.contains('/') {
        &*looked_for
    } else if name.contains(':') {
        component
    } else {
        tag
    };
    let length = u32::try_from(part.chars().count().max(name.chars().count())).unwrap_or(u32::MAX).max(1);
    let distance = u32::try_from(strsim::osa_distance(part, &name)).unwrap_or(u32::MAX).min(length);
    (length - distance).saturating_mul(1_000) / length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(looked_for: &str, names: &[&str]) -> String {
        nearest_first(looked_for, names.iter().map(ToString::to_string).collect()).remove(0)
    }

    #[test]
    fn the_name_that_was_meant_comes_first() {
        let full = ["docker.io/library/redis:7", "docker.io/library/nginx:1", "docker.io/library/nginx:2"];
        assert_eq!(first("docker.io/library/ngnix:1", &full), "docker.io/library/nginx:1");
        assert_eq!(first("r.example/a/b:v2", &["v1", "idx", "v2"]), "v2");
        assert_eq!(first("r.example/a/b:v2", &["@0", "c:v1", "b:v2"]), "b:v2");
        assert_eq!(first("", &["a", "b"]), "a", "without a likeness, they stay in their order");
    }

    #[test]
    fn a_full_name_was_meant_if_each_of_its_parts_is_much_alike() {
        let listed = ["e.example/demo/shop:1.0", "e.example/demo/web:1.0", "e.example/demo/web:2.0", "shop:1.0"];
        for (typed, is) in [
            ("e.example/demo/shp:1.0", Some("e.example/demo/shop:1.0")),
            ("e.exmaple/dmeo/shop:1.0", Some("e.example/demo/shop:1.0")),
            ("e.example/demo/wbe:2.0", Some("e.example/demo/web:2.0")),
            ("e.example/demo/webb:2.0", Some("e.example/demo/web:2.0")),
            ("e.example/demo/api:1.0", None),
            ("e.example/other/shop:1.0", None),
            ("other.org/demo/shop:1.0", None),
        ] {
            assert_eq!(meant_in_full(typed, listed.map(str::to_owned)).as_deref(), is, "{typed}");
        }
    }

    #[test]
    fn only_a_name_that_is_much_alike_was_meant() {
        let pinned = ["acme", "demo", "shop-main"];
        assert_eq!(
            ["dmeo", "demos", "acne", "shopmain"].map(|name| meant(name, pinned)),
            [Some("demo"), Some("demo"), Some("acme"), Some("shop-main")]
        );
        assert_eq!(["x", "main", "", "quay"].map(|name| meant(name, pinned)), [None; 4]);
    }
}
