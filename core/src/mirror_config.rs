//! What a cluster needs to know to find images where they were delivered: configurations of containerd, of podman, CRI-O and skopeo, and
//! of OpenShift, written from one table.
//!
//! Promise: a configuration leads from a name only to what was delivered under that name. By tag it leads only where a tag was set,
//! and no other name has its tags there; what came as a part of a bundle is found by its digest. What cannot be found by the digest that
//! was signed, because a part of it was delivered in its place, is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sealift_archive_format::Digest;

use crate::oci::{Reference, Repository};

/// Something that was delivered to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relocated {
    /// What it was called.
    pub original: Reference,
    /// The repository that it is in now.
    pub target: Repository,
    /// Whether its tag was set there. Otherwise it is found by its digest.
    pub is_tagged: bool,
    /// What is there in its place, where some of its platforms were left behind and the registry asks for all of them.
    pub stand_in: Option<StandIn>,
}

/// What was delivered of an image of which some platforms were left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// The digest that the image has by its signed name. The registry does not have it.
    pub signed: Digest,
    /// The digest of what the registry has of it.
    pub delivered: Digest,
}

impl Relocated {
    /// What no configuration can lead to: the image by the digest that it had. Says what is there instead.
    pub fn not_found(&self) -> Option<String> {
        let Self { original, target, is_tagged, stand_in } = self;
        let StandIn { signed, delivered } = stand_in.as_ref()?;
        let source = original.repository();
        let by_tag = if *is_tagged { "by its tag, or " } else { "" };
        Some(format!(
            "{source}@{signed} is not there, because some of its platforms were left behind: it is found {by_tag}as {target}@{delivered}"
        ))
    }
}

/// A file of configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its path, below the folder that was asked for.
    pub path: String,
    /// Its content.
    pub content: String,
}

/// From which repository to which.
#[derive(Debug, Default)]
struct Mirrors {
    /// For each original repository, where its content is.
    by_digest: BTreeMap<String, BTreeSet<String>>,
    /// For each original repository, where its tags are, and no tag of another one.
    by_tag: BTreeMap<String, BTreeSet<String>>,
    /// For each original registry, below what its repositories are with the paths that they had, and whether a tag that is found
    /// there is the one that is meant.
    hosts: BTreeMap<String, BTreeMap<String, bool>>,
    /// The original repositories that are somewhere else.
    elsewhere: BTreeMap<String, BTreeSet<String>>,
    /// For each original registry, what is not found by its digest.
    not_found: BTreeMap<String, BTreeSet<String>>,
}

/// The configurations for what was delivered. `plain_http` says whether the registry is reached without TLS.
///
/// - `certs.d/REGISTRY/hosts.toml`, for containerd and nerdctl;
/// - `registries.conf`, for podman, CRI-O, buildah and skopeo: by digest alone;
/// - `registries-with-tags.conf`, the same with tags, where any were set: it takes the place of the other;
/// - `image-mirrors.yaml`, an `ImageDigestMirrorSet` and, where tags were set, an `ImageTagMirrorSet`. Their names follow from what is in
///   them, so that those of another delivery are beside them.
pub fn files(relocated: impl IntoIterator<Item = Relocated>, plain_http: bool) -> Vec<ConfigFile> {
    let mirrors = Mirrors::of(relocated);
    let mut files = mirrors.hosts_toml(plain_http);
    let none = BTreeMap::new();
    let by_tag = [("registries.conf", &none), ("registries-with-tags.conf", &mirrors.by_tag)];
    for (path, by_tag) in by_tag.into_iter().filter(|(path, by_tag)| *path == "registries.conf" || !by_tag.is_empty()) {
        files.push(ConfigFile { path: path.to_owned(), content: mirrors.registries_conf(by_tag, plain_http) });
    }
    files.push(ConfigFile { path: "image-mirrors.yaml".to_owned(), content: mirrors.mirror_sets() });
    files
}

impl Mirrors {
    fn of(relocated: impl IntoIterator<Item = Relocated>) -> Self {
        let mut mirrors = Self::default();
        // For each repository of the target, whose tags are in it.
        let mut tagged: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for relocated in relocated {
            let not_found = relocated.not_found();
            let Relocated { original, target, is_tagged, stand_in: _ } = relocated;
            let (source, domain) = (original.repository().to_string(), original.repository().domain().to_owned());
            mirrors.not_found.entry(domain.clone()).or_default().extend(not_found);
            let target = target.to_string();
            mirrors.by_digest.entry(source.clone()).or_default().insert(target.clone());
            if is_tagged {
                mirrors.by_tag.entry(source.clone()).or_default().insert(target.clone());
                tagged.entry(target.clone()).or_default().insert(source.clone());
            }
            match target.strip_suffix(original.repository().path()).and_then(|base| base.strip_suffix('/')) {
                Some(base) => {
                    *mirrors.hosts.entry(domain).or_default().entry(base.to_owned()).or_default() |= is_tagged;
                }
                None => {
                    mirrors.elsewhere.entry(domain).or_default().insert(source);
                }
            }
        }
        mirrors.keep_to_own_tags(&tagged);
        mirrors
    }

    /// Where one repository of the target has the tags of several, and where one base leads to the tags of another name, a tag would
    /// lead to what was never called so: there, content is found by its digest alone.
    fn keep_to_own_tags(&mut self, tagged: &BTreeMap<String, BTreeSet<String>>) {
        for targets in self.by_tag.values_mut() {
            targets.retain(|target| tagged.get(target).is_some_and(|sources| sources.len() == 1));
        }
        self.by_tag.retain(|_, targets| !targets.is_empty());
        for (domain, bases) in &mut self.hosts {
            for (base, resolves) in bases {
                let below = format!("{base}/");
                let means = |(target, sources): (&String, &BTreeSet<String>)| match target.strip_prefix(&below) {
                    Some(path) => sources.iter().all(|source| *source == format!("{domain}/{path}")),
                    None => true,
                };
                *resolves = *resolves && tagged.iter().all(means);
            }
        }
    }

    /// containerd, `docs/hosts.md`: a mirror of a registry is one base, below which every path is the same.
    fn hosts_toml(&self, plain_http: bool) -> Vec<ConfigFile> {
        let scheme = if plain_http { "http" } else { "https" };
        let mut files = Vec::new();
        // A registry of which nothing is found through its file has one all the same, which says so.
        let domains: BTreeSet<&String> = self.hosts.keys().chain(self.elsewhere.keys()).collect();
        for domain in domains {
            let mut content = format!("# Images of {domain}, as they were delivered. For containerd's config_path.\n");
            for source in self.elsewhere.get(domain).into_iter().flatten() {
                let _ =
                    writeln!(content, "# Not found through this file, because it is in another repository: {source}");
            }
            content.push_str(&remarks(self.not_found.get(domain).into_iter().flatten()));
            for (base, resolves) in self.hosts.get(domain).into_iter().flatten() {
                let (host, path) = base.split_once('/').map_or((base.as_str(), ""), |(host, path)| (host, path));
                let slash = if path.is_empty() { "" } else { "/" };
                let capabilities = if *resolves { "[\"pull\", \"resolve\"]" } else { "[\"pull\"]" };
                let url = quoted(&format!("{scheme}://{host}/v2{slash}{path}"));
                let _ = write!(content, "\n[host.{url}]\n  capabilities = {capabilities}\n  override_path = true\n");
            }
            files.push(ConfigFile { path: format!("certs.d/{domain}/hosts.toml"), content });
        }
        files
    }

    /// containers-registries.conf(5), version 2, with the tags of these repositories.
    fn registries_conf(&self, by_tag: &BTreeMap<String, BTreeSet<String>>, plain_http: bool) -> String {
        let found = if by_tag.is_empty() { "digest" } else { "digest, and by tag where one was set" };
        let mut content =
            format!("# Where images are, as they were delivered, found by {found}. For registries.conf.d.\n");
        content.push_str(&remarks(self.not_found.values().flatten()));
        for (source, targets) in &self.by_digest {
            let _ = write!(content, "\n[[registry]]\nprefix = {0}\nlocation = {0}\n", quoted(source));
            let none = BTreeSet::new();
            let tagged = by_tag.get(source).unwrap_or(&none);
            if tagged.is_empty() {
                content.push_str("mirror-by-digest-only = true\n");
            }
            for target in targets {
                let _ = write!(content, "\n[[registry.mirror]]\nlocation = {}\n", quoted(target));
                if !tagged.is_empty() && !tagged.contains(target) {
                    content.push_str("pull-from-mirror = \"digest-only\"\n");
                }
                if plain_http {
                    content.push_str("insecure = true\n");
                }
            }
        }
        content
    }

    /// OpenShift, `config.openshift.io/v1`.
    fn mirror_sets(&self) -> String {
        let mut content = remarks(self.not_found.values().flatten());
        content.push_str(&mirror_set("ImageDigestMirrorSet", "imageDigestMirrors", &self.by_digest));
        if !self.by_tag.is_empty() {
            content.push_str("---\n");
            content.push_str(&mirror_set("ImageTagMirrorSet", "imageTagMirrors", &self.by_tag));
        }
        content
    }
}

/// Lines that people read: TOML and YAML begin them in the same way.
fn remarks<'r>(lines: impl Iterator<Item = &'r String>) -> String {
    lines.map(|line| format!("# {line}\n")).collect()
}

fn mirror_set(kind: &str, list: &str, mirrors: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut entries = String::new();
    for (source, targets) in mirrors {
        let _ = writeln!(entries, "    - source: {}\n      mirrors:", quoted(source));
        for target in targets {
            let _ = writeln!(entries, "        - {}", quoted(target));
        }
    }
    let name = set_name(mirrors.values().flatten().next().map_or("", String::as_str), &entries);
    format!("apiVersion: config.openshift.io/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n  {list}:\n{entries}")
}

/// The name of a set: the registry, for people, and the beginning of the SHA-256 of what is in the set. A name of Kubernetes has small
/// letters, digits, `-` and `.` (RFC 1123).
fn set_name(target: &str, entries: &str) -> String {
    let host = target.split('/').next().unwrap_or_default();
    let host: String =
        host.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let host: String = host.trim_matches('-').chars().take(100).collect();
    let digest = Digest::sha256(entries.as_bytes());
    format!("sealift-{host}-{}", digest.hex().get(..12).unwrap_or_default())
}

/// A text in quotes, as both TOML and YAML take it. Repositories have no character that needs an escape.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relocated(original: &str, target: &str, is_tagged: bool) -> Relocated {
        let target: Reference = target.parse().unwrap();
        let target = target.repository().clone();
        Relocated { original: original.parse().unwrap(), target, is_tagged, stand_in: None }
    }

    fn file(files: &[ConfigFile], path: &str) -> String {
        files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}")).content.clone()
    }

    #[test]
    fn each_name_leads_to_what_was_delivered_under_it() {
        let files = files(
            [
                relocated("nginx:1", "r.inner/mirror/docker.io/library/nginx", true),
                relocated("quay.io/a/b:1", "r.inner/mirror/quay.io/a/b", true),
                relocated("quay.io/a/part:1", "r.inner/mirror/example.com/shop", false),
            ],
            false,
        );
        let docker = file(&files, "certs.d/docker.io/hosts.toml");
        assert!(docker.contains("[host.\"https://r.inner/v2/mirror/docker.io\"]\n"), "{docker}");
        let quay = file(&files, "certs.d/quay.io/hosts.toml");
        assert!(quay.contains("in another repository: quay.io/a/part\n"), "{quay}");
        let conf: toml::Table = file(&files, "registries.conf").parse().unwrap();
        for registry in conf["registry"].as_array().unwrap() {
            assert_eq!(registry["mirror-by-digest-only"].as_bool(), Some(true), "{registry}");
        }
        let conf: toml::Table = file(&files, "registries-with-tags.conf").parse().unwrap();
        let registries = conf["registry"].as_array().unwrap();
        let found: Vec<_> = registries
            .iter()
            .map(|registry| {
                let by_digest = registry.get("mirror-by-digest-only").is_some_and(|it| it.as_bool().unwrap());
                let [prefix, location] = [&registry["prefix"], &registry["mirror"][0]["location"]];
                (prefix.as_str().unwrap(), location.as_str().unwrap(), by_digest)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("docker.io/library/nginx", "r.inner/mirror/docker.io/library/nginx", false),
                ("quay.io/a/b", "r.inner/mirror/quay.io/a/b", false),
                ("quay.io/a/part", "r.inner/mirror/example.com/shop", true),
            ]
        );
        let sets = file(&files, "image-mirrors.yaml");
        let (digests, tags) = sets.split_once("---\n").unwrap();
        assert!(digests.contains("kind: ImageDigestMirrorSet") && digests.contains("\"quay.io/a/part\""), "{sets}");
        assert!(tags.contains("kind: ImageTagMirrorSet") && !tags.contains("\"quay.io/a/part\""), "{sets}");
    }

    #[test]
    fn the_sets_of_two_deliveries_have_two_names_and_those_of_one_have_one() {
        let names = |original: &str, registry: &str| {
            let target = format!("{registry}/mirror/{}", original.split(':').next().unwrap());
            let sets = file(&files([relocated(original, &target, true)], false), "image-mirrors.yaml");
            let names = sets.lines().filter_map(|line| line.strip_prefix("  name: "));
            names.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let [digests, tags] = names("e.x/app:1", "r.inner:5000").try_into().unwrap();
        assert!(digests == tags && digests.starts_with("sealift-r-inner-5000-"), "two kinds, with what is the same");
        assert_eq!(names("e.x/app:2", "r.inner:5000")[0], digests, "a new tag");
        assert_ne!(names("e.x/other:1", "r.inner:5000")[0], digests);
        assert_ne!(names("e.x/app:1", "r.else")[0], digests);
        for name in [
            &digests,
            &names("e.x/app:1", "[2001:db8::1]:5000")[0],
            &names("e.x/app:1", &format!("{}.x", "a".repeat(60)))[0],
        ] {
            let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            assert!(name.len() <= 253 && name.bytes().all(|byte| is_letter(byte) || byte == b'-'), "{name}");
            assert!(name.ends_with(|last: char| is_letter(last as u8)), "{name}");
        }
    }

    #[test]
    fn a_registry_of_which_only_parts_came_has_a_file_that_says_where_they_are() {
        let files = files([relocated("ghcr.io/a/part:1", "r.inner/mirror/example.com/shop", false)], false);
        let hosts = file(&files, "certs.d/ghcr.io/hosts.toml");
        assert!(hosts.contains("# Not found through this file, because it is in another repository: ghcr.io/a/part\n"));
        assert_eq!(hosts.parse::<toml::Table>().unwrap(), toml::Table::new(), "containerd goes on as without it");
    }

    #[test]
    fn what_is_not_found_by_its_signed_digest_is_named_in_each_file() {
        let [signed, delivered] = [&b"signed"[..], b"a part"].map(Digest::sha256);
        let stand_in = Some(StandIn { signed: signed.clone(), delivered: delivered.clone() });
        let tagged = Relocated { stand_in, ..relocated("quay.io/a/b:1", "r.inner/mirror/quay.io/a/b", true) };
        let part = Relocated { original: "ghcr.io/c/d:1".parse().unwrap(), is_tagged: false, ..tagged.clone() };
        let whole = relocated("e.x/app:1", "r.inner/mirror/e.x/app", true);
        let files = files([tagged, part, whole], false);
        let line = |source: &str, how: &str| {
            format!(
                "# {source}@{signed} is not there, because some of its platforms were left behind: it is found {how}as r.inner/mirror/quay.io/a/b@{delivered}\n"
            )
        };
        let lines = [line("quay.io/a/b", "by its tag, or "), line("ghcr.io/c/d", "")];
        for path in ["registries.conf", "image-mirrors.yaml"] {
            assert!(lines.iter().all(|line| file(&files, path).contains(line)), "{}", file(&files, path));
        }
        assert!(file(&files, "certs.d/quay.io/hosts.toml").contains(&lines[0]));
        assert!(file(&files, "certs.d/ghcr.io/hosts.toml").contains(&lines[1]));
        assert!(!file(&files, "certs.d/e.x/hosts.toml").contains("is not there"));
        file(&files, "registries.conf").parse::<toml::Table>().unwrap();
    }

    /// `--names flat` puts `docker.io/acme/app` and `quay.io/acme/app` into one repository.
    #[test]
    fn where_names_share_a_place_content_is_found_by_its_digest_alone() {
        let files = files(
            [
                relocated("docker.io/acme/app:2", "r.inner/acme/app", true),
                relocated("quay.io/acme/app:1", "r.inner/acme/app", true),
                relocated("e.x/tool:1", "r.inner/acme/tool", true),
                relocated(
                    "ghcr.io/acme/other@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                    "r.else/acme/other",
                    false,
                ),
            ],
            false,
        );
        for domain in ["docker.io", "quay.io", "e.x", "ghcr.io"] {
            let hosts = file(&files, &format!("certs.d/{domain}/hosts.toml"));
            assert!(hosts.contains("capabilities = [\"pull\"]\n"), "{hosts}");
        }
        let conf: toml::Table = file(&files, "registries-with-tags.conf").parse().unwrap();
        for registry in conf["registry"].as_array().unwrap() {
            let is_own = registry["prefix"].as_str() == Some("e.x/tool");
            assert_eq!(registry.get("mirror-by-digest-only").is_none(), is_own, "{registry}");
        }
        let sets = file(&files, "image-mirrors.yaml");
        let (_, tags) = sets.split_once("---\n").unwrap();
        assert!(tags.contains("\"e.x/tool\"") && !tags.contains("acme/app\""), "{tags}");
    }

    #[test]
    fn a_registry_without_tls_is_named_as_such_and_paths_may_be_dropped() {
        let files = files([relocated("e.x:5000/a:1", "localhost:5000/a", true)], true);
        let hosts = file(&files, "certs.d/e.x:5000/hosts.toml");
        assert!(hosts.contains("[host.\"http://localhost:5000/v2\"]\n"), "{hosts}");
        assert!(file(&files, "registries.conf").contains("insecure = true\n"));
    }
}
