//! The names that `index.json` gives to what it lists.

use std::collections::BTreeSet;

use crate::oci::descriptor::Descriptor;
use crate::oci::reference::{Reference, Repository, Tag};

/// OCI's name of an entry (OCI Image 1.1, "Pre-Defined Annotation Keys").
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The full name, as containerd writes it beside a tag in OCI's annotation.
pub(crate) const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// The entries that a reference may mean: those with its digest; otherwise those with its full name; otherwise those
/// that are named by just its tag.
pub(super) fn matching<'a>(entries: &'a [Descriptor], reference: &Reference) -> Vec<&'a Descriptor> {
    if let Some(digest) = reference.digest() {
        return entries.iter().filter(|entry| entry.digest == *digest).take(1).collect();
    }
    let tag = reference.tag_or_latest();
    let same = |name: &str| {
        name == reference.as_given()
            || name.parse::<Reference>().is_ok_and(|named| {
                name.contains('/') && named.repository() == reference.repository() && named.tag_or_latest() == tag
            })
    };
    let named = |entry: &&Descriptor| {
        [REF_NAME, CONTAINERD_NAME].iter().any(|key| entry.annotations.get(key).is_some_and(same))
    };
    let by_name: Vec<&Descriptor> = entries.iter().filter(named).collect();
    if !by_name.is_empty() {
        return by_name;
    }
    let tagged = |entry: &&Descriptor| {
        let name = entry.annotations.get(REF_NAME);
        name.is_some()
            && name == tag.as_ref().map(|tag| tag.as_str())
            && entry.annotations.get(CONTAINERD_NAME).is_none()
    };
    entries.iter().filter(tagged).collect()
}

/// The tags of a repository among the full names of entries.
pub(super) fn tags(entries: &[Descriptor], repository: &Repository) -> Vec<Tag> {
    let names = entries.iter().flat_map(|entry| [REF_NAME, CONTAINERD_NAME].map(|key| entry.annotations.get(key)));
    let named = names.flatten().filter(|name| name.contains('/')).filter_map(|name| name.parse::<Reference>().ok());
    let tags = named.filter(|named| named.repository() == repository).filter_map(|named| named.tag_or_latest());
    tags.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether an entry has a name of any kind.
pub(super) fn is_named(entry: &Descriptor) -> bool {
    [REF_NAME, CONTAINERD_NAME].iter().any(|key| entry.annotations.get(key).is_some())
}

/// The name under which a reference is listed: in full, by its tag, or by its digest when it has no tag.
pub(crate) fn entry_name(reference: &Reference) -> String {
    reference.tagged_name().unwrap_or_else(|| reference.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(content: &str, annotations: &[(&str, &str)]) -> Descriptor {
        let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Descriptor { annotations, ..Descriptor::of("a/b", content.as_bytes()) }
    }

    #[test]
    fn references_find_entries_as_the_tools_name_them() {
        let entries = [
            entry("full", &[(REF_NAME, "docker.io/library/alpine:3")]),
            entry("containerd", &[(REF_NAME, "1"), (CONTAINERD_NAME, "r.example/app:1")]),
            entry("tag", &[(REF_NAME, "v2")]),
            entry("nameless", &[]),
        ];
        let found = |reference: &str| -> Vec<usize> {
            let found = matching(&entries, &reference.parse().unwrap());
            found.iter().map(|found| entries.iter().position(|entry| entry == *found).unwrap()).collect()
        };
        assert_eq!(found("alpine:3"), [0]);
        assert_eq!(found("r.example/app:1"), [1]);
        assert_eq!(found("s.example/other:v2"), [2]);
        assert_eq!(found(&format!("any/name@{}", entries[3].digest)), [3]);
        for missing in ["alpine", "alpine:4", "r.example/app:2", "r.example/other:1"] {
            assert!(found(missing).is_empty(), "{missing}");
        }
        let tags = |repository: &str| tags(&entries, repository.parse::<Reference>().unwrap().repository());
        assert_eq!(tags("alpine"), ["3".parse().unwrap()]);
        assert_eq!(tags("r.example/app"), ["1".parse().unwrap()]);
        assert_eq!(tags("s.example/other"), [], "a tag alone belongs to no repository");
    }
}
