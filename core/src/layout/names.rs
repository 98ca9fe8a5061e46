//! The names that `index.json` gives to what it lists.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sealift_archive_format::Digest;

use crate::oci::descriptor::Descriptor;
use crate::oci::is_made_from_a_digest;
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
    /// The entries that are named by just a tag, and those, of any repository, whose tag is made from a digest: it says by itself what
    /// it is about.
    by_tag: HashMap<String, Vec<usize>>,
    /// The tags of each repository.
    tags: BTreeMap<String, BTreeSet<Tag>>,
    /// The entries' names that are just tags.
    bare_tags: BTreeSet<Tag>,
}

impl EntryNames {
    pub(super) fn of(entries: &[Descriptor]) -> Self {
        let mut names = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            names.by_digest.entry(entry.digest.clone()).or_insert(at);
            let written = [REF_NAME, CONTAINERD_NAME].map(|key| entry.annotations.get(key));
            let mut tags: BTreeSet<String> = BTreeSet::new();
            let mut texts: BTreeSet<String> = BTreeSet::new();
            for name in written.iter().flatten() {
                texts.extend([(*name).to_owned(), full_name(name)]);
                if let Some((repository, tag)) =
                    meaning(name).and_then(|it| Some((it.repository().clone(), it.tag_or_latest()?)))
                {
                    tags.extend(is_made_from_a_digest(&tag).then(|| tag.to_string()));
                    names.tags.entry(repository.to_string()).or_default().insert(tag);
                }
            }
            if let [Some(tag), None] = written {
                names.bare_tags.extend(tag.parse::<Tag>());
                tags.insert(tag.to_owned());
            }
            texts.into_iter().for_each(|text| names.by_name.entry(text).or_default().push(at));
            tags.into_iter().for_each(|tag| names.by_tag.entry(tag).or_default().push(at));
        }
        names
    }

    /// The entries that a reference may mean: the first with its digest; otherwise those with its full name; otherwise those that are
    /// named by just its tag, and, where its tag is made from a digest, those that have this tag in other repositories.
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
        reference.tag_or_latest().map(|tag| self.tagged(&tag).to_vec()).unwrap_or_default()
    }

    /// The entries that are named by just this tag, and, where it is made from a digest, those that have it in any repository.
    pub(super) fn tagged(&self, tag: &Tag) -> &[usize] {
        self.by_tag.get(tag.as_str()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The entries that are named by exactly this text.
    pub(super) fn written(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The tags of a repository among the full names, and those that are just tags: they mean the same in every repository.
    pub(super) fn tags(&self, repository: &Repository) -> Vec<Tag> {
        let named = self.tags.get(&repository.to_string()).into_iter().flatten();
        named.chain(&self.bare_tags).collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }
}

/// What a name of an entry means; `None` for just a tag, and for what is not a reference.
pub(super) fn meaning(name: &str) -> Option<Reference> {
    name.parse().ok().filter(|_| name.contains(['/', ':', '@']))
}

/// A name of an entry in its one form: two that have the same mean the same. Just a tag, and what is not a reference, stays as it is.
pub(super) fn full_name(name: &str) -> String {
    meaning(name).map_or_else(|| name.to_owned(), |reference| entry_name(&reference))
}

/// What an entry is called: in full, where it says so.
pub(super) fn name_of(entry: &Descriptor) -> Option<&str> {
    [CONTAINERD_NAME, REF_NAME].iter().find_map(|key| entry.annotations.get(key))
}

/// Whether an entry has a name of any kind.
pub(super) fn is_named(entry: &Descriptor) -> bool {
    name_of(entry).is_some()
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
        let [bare, three, one] = ["v2", "3", "1"].map(|tag| tag.parse::<Tag>().unwrap());
        assert_eq!(tags("alpine"), [three, bare.clone()]);
        assert_eq!(tags("r.example/app"), [one, bare.clone()]);
        assert_eq!(tags("s.example/other"), [bare], "a tag alone belongs to every repository");
    }
}
