//! Names of images as people write them: `[domain/]path[:tag][@digest]`.
//!
//! Promise: a [`Reference`] follows the grammar of distribution's `reference` package, names its registry and
//! repository in full and in one form (`alpine` and `Docker.IO:443/alpine` are `docker.io/library/alpine`), and still
//! knows the text it was made from.

use std::fmt;
use std::str::FromStr;

use sealift_archive_format::{Digest, DigestError};
use sealift_proof::domain::{Domain, DomainError};

use crate::remedy::{Remediable, Remedy};

/// The longest repository path, in bytes.
const MAXIMUM_PATH: usize = 255;
/// The longest tag, in bytes.
const MAXIMUM_TAG: usize = 128;
/// The longest reference, in bytes: a domain, a path, a tag and a digest.
const MAXIMUM_LENGTH: usize = 1024;

/// A repository: where a registry keeps one image's manifests and blobs. Two are equal when they mean the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    domain: Domain,
    path: String,
}

/// A tag, of at most 128 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// The name of an image, an index or an artifact.
#[derive(Debug, Clone)]
pub struct Reference {
    text: String,
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It is empty, or longer than any reference is.
    #[error("the reference has {length} bytes; it must have 1 to {MAXIMUM_LENGTH}")]
    Length {
        /// The length, in bytes.
        length: usize,
    },
    /// The registry's name is not a domain name or an address, with or without a port.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The repository's path is not lower-case words with separators.
    #[error(
        "{path:?} is not a repository name: it must be lower-case letters and digits, with single separators between them"
    )]
    Path {
        /// What was found.
        path: String,
    },
    /// The repository's path is too long.
    #[error("the repository name has {length} bytes; the limit is {MAXIMUM_PATH}")]
    PathLength {
        /// The length, in bytes.
        length: usize,
    },
    /// The value of a digest alone cannot name a repository.
    #[error("{0:?} looks like the value of a digest, so it cannot name a repository")]
    Ambiguous(String),
    /// The tag is not valid.
    #[error(
        "{tag:?} is not a tag: it must be 1 to {MAXIMUM_TAG} letters, digits, '_', '.' and '-', and not begin with '.' or '-'"
    )]
    Tag {
        /// What was found.
        tag: String,
    },
    /// What follows `@` is not a digest.
    #[error("the digest in the reference is not valid")]
    Digest(#[from] DigestError),
}

impl Remediable for ReferenceError {
    fn remedy(&self) -> Remedy {
        Remedy::GiveReference
    }
}

impl Repository {
    /// The repository at `path` in the registry at `domain`, however it is written. In `docker.io`, a path of one
    /// component is below `library/`.
    ///
    /// # Errors
    /// [`ReferenceError`] when either does not follow its grammar.
    pub fn new(domain: &str, path: &str) -> Result<Self, ReferenceError> {
        let domain: Domain = domain.parse()?;
        let path = domain.full_path(path);
        if path.len() > MAXIMUM_PATH {
            return Err(ReferenceError::PathLength { length: path.len() });
        }
        if !path.split('/').all(is_path_component) {
            return Err(ReferenceError::Path { path });
        }
        Ok(Self { domain, path })
    }

    /// The registry, `host` or `host:port`, in its one form.
    pub fn domain(&self) -> &str {
        self.domain.as_str()
    }

    /// Every way to write its name without a tag in which only its registry or a folder is left out: in full, and for
    /// `docker.io/library/nginx` also `docker.io/nginx`, `library/nginx` and `nginx`.
    pub fn spellings(&self) -> Vec<String> {
        let paths = std::iter::once(self.path()).chain(self.domain.short_path(&self.path));
        let in_full = paths.clone().map(|path| format!("{}/{path}", self.domain));
        let without = paths.filter(|_| self.domain() == Domain::DEFAULT).map(str::to_owned);
        in_full.chain(without).collect()
    }

    /// The beginnings of its name under which something can be said of it, the longest first, each with what of its path comes after it:
    /// its name, as it is and as it may be written short; the folders that it lies in; and its registry.
    pub fn beginnings(&self) -> impl Iterator<Item = (String, &str)> {
        let name = |path: &str| format!("{}/{path}", self.domain);
        let itself = std::iter::once(self.path()).chain(self.domain.short_path(&self.path));
        let ends = self.path.rmatch_indices('/');
        let folders = ends.filter_map(|(at, _)| Some((self.path.get(..at)?, self.path.get(at + 1..)?)));
        let folders = folders.map(move |(folder, rest)| (name(folder), rest));
        itself.map(move |path| (name(path), "")).chain(folders).chain([(self.domain.to_string(), self.path())])
    }

    /// The path under which another registry can keep this repository beside those of other registries: it begins with
    /// this repository's domain ([`Domain::to_path_component`]), so no two repositories have the same.
    pub fn path_with_domain(&self) -> String {
        format!("{}/{}", self.domain.to_path_component(), self.path)
    }

    /// The name of the repository in its registry.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.path)
    }
}

impl Tag {
    /// A text that is known to have the form of a tag.
    pub(super) fn well_formed(text: String) -> Self {
        Self(text)
    }

    /// The tag that is meant when neither tag nor digest is named.
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }

    /// The tag as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let well_formed = text.bytes().next().is_some_and(is_word)
            && text.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-');
        if text.len() > MAXIMUM_TAG || !well_formed {
            return Err(ReferenceError::Tag { tag: text.chars().take(MAXIMUM_TAG + 1).collect() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reference {
    /// A reference with a tag, a digest, both or neither.
    pub fn new(repository: Repository, tag: Option<Tag>, digest: Option<Digest>) -> Self {
        let mut reference = Self { text: String::new(), repository, tag, digest };
        reference.text = reference.to_string();
        reference
    }

    /// The text that this reference was made from.
    pub fn as_given(&self) -> &str {
        &self.text
    }

    /// The repository, in full.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if one is named.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if one is named.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The tag, or `latest` when neither a tag nor a digest is named.
    pub fn tag_or_latest(&self) -> Option<Tag> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(Tag::latest()),
        }
    }

    /// The name that its tag has in full, `REPOSITORY:TAG`: two references with the same one mean the same tag. `None` for one with
    /// only a digest.
    pub fn tagged_name(&self) -> Option<String> {
        self.tag_or_latest().map(|tag| format!("{}:{tag}", self.repository))
    }

    /// The same repository and tag, bound to a digest.
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self::new(self.repository.clone(), self.tag.clone(), Some(digest))
    }
}

/// Two references are equal when they mean the same, however they were written.
impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        (&self.repository, &self.tag, &self.digest) == (&other.repository, &other.tag, &other.digest)
    }
}

impl Eq for Reference {}

impl fmt::Display for Reference {
    /// In full: domain, path, tag and digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() || text.len() > MAXIMUM_LENGTH {
            return Err(ReferenceError::Length { length: text.len() });
        }
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()) {
            return Err(ReferenceError::Ambiguous(text.to_owned()));
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest.parse()?)),
            None => (text, None),
        };
        let (domain, rest) = split_domain(named);
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag.parse()?)),
            None => (rest, None),
        };
        let repository = Repository::new(domain, path)?;
        Ok(Self { text: text.to_owned(), repository, tag, digest })
    }
}

/// Splits the registry from the rest of a name.
fn split_domain(name: &str) -> (&str, &str) {
    name.split_once('/').filter(|(first, _)| Domain::is_meant_by(first)).unwrap_or((Domain::DEFAULT, name))
}

/// Lower-case words, separated by `.`, `_`, `__` or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_separator = |text: &str| matches!(text, "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    let bounded = text.bytes().next().is_some_and(is_word) && text.bytes().next_back().is_some_and(is_word);
    bounded
        && text.split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit()).all(is_separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn short_names_are_normalised_as_docker_does() {
        let long_tag = format!("a:{}", "t".repeat(128));
        for (given, full) in [
            ("alpine", "docker.io/library/alpine"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("org/app", "docker.io/org/app"),
            ("docker.io/alpine", "docker.io/library/alpine"),
            ("index.docker.io/org/app", "docker.io/org/app"),
            ("localhost/app", "localhost/app"),
            ("localhost:5000/app:1", "localhost:5000/app:1"),
            ("r.example/a/b__c/d--e.f_g:v1.0-rc_1", "r.example/a/b__c/d--e.f_g:v1.0-rc_1"),
            ("[::1]:5000/app", "[::1]:5000/app"),
            ("R.Example/app", "r.example/app"),
            ("r.example.:443/app:1", "r.example/app:1"),
            ("Docker.IO:443/alpine", "docker.io/library/alpine"),
            ("Registry/app", "registry:443/app"),
            ("registry:443/app", "registry:443/app"),
            (long_tag.as_str(), &format!("docker.io/library/{long_tag}")),
        ] {
            let reference: Reference = given.parse().unwrap();
            assert_eq!(reference.to_string(), full);
            assert_eq!(reference.as_given(), given);
            assert_eq!(full.parse::<Reference>().unwrap(), reference);
        }
    }

    #[test]
    fn a_repository_has_beginnings_and_spellings() {
        let repository = |name: &str| name.parse::<Reference>().unwrap().repository().clone();
        let nginx = repository("nginx");
        let spellings = ["docker.io/library/nginx", "docker.io/nginx", "library/nginx", "nginx"];
        assert_eq!(nginx.spellings(), spellings);
        assert!(spellings.iter().all(|spelling| repository(spelling) == nginx));
        assert_eq!(repository("acme/nginx").spellings(), ["docker.io/acme/nginx", "acme/nginx"]);
        // `acme/nginx` is another repository.
        assert_eq!(
            repository("library/acme/nginx").spellings(),
            ["docker.io/library/acme/nginx", "library/acme/nginx"]
        );
        assert_eq!(repository("e.x/nginx").spellings(), ["e.x/nginx"]);

        let beginnings: Vec<_> = nginx.beginnings().collect();
        let expected = [
            ("docker.io/library/nginx", ""),
            ("docker.io/nginx", ""),
            ("docker.io/library", "nginx"),
            ("docker.io", "library/nginx"),
        ];
        assert_eq!(beginnings, expected.map(|(beginning, rest)| (beginning.to_owned(), rest)));
        let below = repository("docker.io/nginx/a/b");
        let below: Vec<_> = below.beginnings().map(|(beginning, rest)| format!("{beginning} {rest}")).collect();
        assert_eq!(
            below,
            ["docker.io/nginx/a/b ", "docker.io/nginx/a b", "docker.io/nginx a/b", "docker.io nginx/a/b"]
        );
    }

    #[test]
    fn tag_and_digest_may_both_be_named() {
        let reference: Reference = format!("r.example/a:1@{DIGEST}").parse().unwrap();
        assert_eq!(reference.tag().unwrap().as_str(), "1");
        assert_eq!(reference.digest().unwrap().to_string(), DIGEST);
        let by_digest: Reference = format!("r.example/a@{DIGEST}").parse().unwrap();
        assert_eq!(by_digest.tag_or_latest(), None);
        assert_eq!("r.example/a".parse::<Reference>().unwrap().tag_or_latest(), Some(Tag::latest()));
    }

    #[test]
    fn a_path_with_its_domain_in_front_is_a_path() {
        for domain in ["EXAMPLE.com:443", "example.com:5000", "registry", "127.0.0.1:80", "[::1]", "[2001:db8::A]:5000"]
        {
            let path = Repository::new(domain, "app").unwrap().path_with_domain();
            Repository::new("r.example", &path).unwrap();
        }
    }

    #[test]
    fn what_the_grammar_does_not_have_is_refused() {
        let too_long = format!("r.example/{}", "a".repeat(256));
        for text in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "A",
            "r.example/A",
            "a:",
            "a@",
            "a:b:c",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a.-b",
            "a b",
            "a\n",
            "r.example:port/a",
            "r.example:99999/a",
            "-r.example/a",
            "r..example/a",
            "r.example/a/../b",
            "r.example/a?b",
            "r.example/a%2f",
            "[::1/a",
            "http://r.example/a",
            "a:.b",
            "a:-b",
            "a@sha256:00",
            &too_long,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            &format!("a@{DIGEST}@{DIGEST}"),
            &format!("a:{}", "t".repeat(129)),
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }
}
