//! The names that `index.json` gives to what it lists.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sealift_archive_format::Digest;

use crate::oci::descriptor::Descriptor;
use crate::oci::reference::{Reference, Repository, Tag};

/// OCI's name of an entry (OCI Image 1.1, "Pre-Defined Annotation Keys").
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The full name, as containerd writes it beside a tag in OCI's annotation.
pub(crate) const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Under which names the entries of an index can be found. Each name is read once, however many are looked for.
#[derive(Debug, Default)]
pub(super) struct EntryNames {
    /// The first entry with each digest.
    by_digest: HashMap<Digest, usize>,
    /// The entries with each full name (`docker.io/library/alpine:3`), or with each text that is no such name.
    by_name: HashMap<String, Vec<usize>>,
    /// The entries that are named by just a tag.
    by_tag: HashMap<String, Vec<usize>>,
    /// The tags of each repository.
    tags: BTreeMap<String, BTreeSet<Tag>>,
}

impl EntryNames {
    pub(super) fn of(entries: &[Descriptor]) -> Self {
        let mut names = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            names.by_digest.entry(entry.digest.clone()).or_insert(at);
            let written = [REF_NAME, CONTAINERD_NAME].map(|key| entry.annotations.get(key));
            let full: BTreeSet<String> = written.iter().flatten().flat_map(|name| names.full(name)).collect();
            full.into_iter().for_each(|name| names.by_name.entry(name).or_default().push(at));
            if let [Some(tag), None] = written {
                names.by_tag.entry(tag.to_owned()).or_default().push(at);
            }
        }
        names
    }

    /// The texts under which a name is found: as it is written, and in full.
    fn full(&mut self, name: &str) -> Vec<String> {
        let mut full = vec![name.to_owned()];
        if let Some(named) = name.parse::<Reference>().ok().filter(|_| name.contains('/'))
            && let (Some(meant), Some(tag)) = (named.tagged_name(), named.tag_or_latest())
        {
            full.push(meant);
            self.tags.entry(named.repository().to_string()).or_default().insert(tag);
        }
        full
    }

    /// The entries that a reference may mean: the first with its digest; otherwise those with its full name; otherwise those that are
    /// named by just its tag.
    pub(super) fn matching(&self, reference: &Reference) -> Vec<usize> {
        if let Some(digest) = reference.digest() {
            return self.by_digest.get(digest).copied().into_iter().collect();
        }
        let named = |name: &str| self.by_name.get(name).cloned().unwrap_or_default();
        let full = reference.tagged_name().map(|name| named(&name)).unwrap_or_default();
        let found: BTreeSet<usize> = named(reference.as_given()).into_iter().chain(full).collect();
        if !found.is_empty() {
            return found.into_iter().collect();
        }
        reference.tag_or_latest().and_then(|tag| self.by_tag.get(tag.as_str()).cloned()).unwrap_or_default()
    }

    /// The entries that are named by exactly this text.
    pub(super) fn written(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The tags of a repository among the full names.
    pub(super) fn tags(&self, repository: &Repository) -> Vec<Tag> {
        self.tags.get(&repository.to_string()).into_iter().flatten().cloned().collect()
    }
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
        let names = EntryNames::of(&entries);
        let found = |reference: &str| -> Vec<usize> { names.matching(&reference.parse().unwrap()) };
        assert_eq!(found("alpine:3"), [0]);
        assert_eq!(found("r.example/app:1"), [1]);
        assert_eq!(found("s.example/other:v2"), [2]);
        assert_eq!(found(&format!("any/name@{}", entries[3].digest)), [3]);
        for missing in ["alpine", "alpine:4", "r.example/app:2", "r.example/other:1"] {
            assert!(found(missing).is_empty(), "{missing}");
        }
        let tags = |repository: &str| names.tags(repository.parse::<Reference>().unwrap().repository());
        assert_eq!(tags("alpine"), ["3".parse().unwrap()]);
        assert_eq!(tags("r.example/app"), ["1".parse().unwrap()]);
        assert_eq!(tags("s.example/other"), [], "a tag alone belongs to no repository");
    }
}
