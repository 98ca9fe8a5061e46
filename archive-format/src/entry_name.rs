//! Names of entries in an archive: a closed set of places, each written in exactly one way.
//!
//! Promise: an [`EntryName`] is one of the places that `docs/format.md` defines, relative, without `.` or `..`, in
//! visible ASCII, of bounded length; and two names for the same thing are equal byte for byte.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::digest::{Digest, DigestAlgorithm};
use crate::repository_name::{NameError, RepositoryName};

/// The longest name, in bytes.
pub const MAXIMUM_LENGTH: usize = 1_024;
/// The longest part of a name between two slashes, in bytes: the limit of common file systems.
pub const MAXIMUM_SEGMENT_LENGTH: usize = 255;

const TUF: &str = "sealift/tuf/";
const METADATA: &str = "/metadata/";
const TARGETS: &str = "/targets/";

/// The name of an entry. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EntryName(Arc<EntryNameInner>);

#[derive(PartialEq, Eq, Hash)]
struct EntryNameInner {
    text: Arc<str>,
    place: EntryPlace,
}

/// What an entry is, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryPlace {
    /// `sealift/seal.json`, the first entry.
    Seal,
    /// `oci-layout`.
    OciLayout,
    /// `index.json`, the index of the OCI image layout.
    OciIndex,
    /// A metadata file of a TUF repository.
    TufMetadata {
        /// The repository.
        repository: RepositoryName,
        /// The file's name as TUF has it, decoded: `1.root.json`, or `2.a/b.json` for a role `a/b`.
        file: String,
    },
    /// A target file of a TUF repository.
    TufTarget {
        /// The repository.
        repository: RepositoryName,
        /// The target's path as TUF has it, decoded: `example.com/app/<hash>.bundle:1.0`.
        path: String,
    },
    /// A blob of the OCI image layout, by its digest.
    Blob(Digest),
}

/// Why a text is not the name of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryNameError {
    /// It is longer than [`MAXIMUM_LENGTH`].
    #[error("an entry name has {length} bytes; the limit is {MAXIMUM_LENGTH}")]
    TooLong {
        /// Its length, in bytes.
        length: usize,
    },
    /// A part between slashes is empty, `.` or `..`, or longer than [`MAXIMUM_SEGMENT_LENGTH`].
    #[error("{segment:?} cannot be a part of an entry name")]
    Segment {
        /// The part.
        segment: String,
    },
    /// Letters, digits, `-`, `.`, `_` and `~` stand for themselves, everything else is `%XX` of its UTF-8 bytes, and
    /// control characters have no form.
    #[error("{text:?} is not percent-encoded in the one way that entry names allow")]
    Encoding {
        /// The text.
        text: String,
    },
    /// The name of the TUF repository is not valid.
    #[error(transparent)]
    Repository(#[from] NameError),
    /// It is not one of the places that the format defines.
    #[error("{name:?} is not a valid entry name")]
    EntryPlace {
        /// The name.
        name: String,
    },
}

impl EntryName {
    fn new(text: String, place: EntryPlace) -> Self {
        Self(Arc::new(EntryNameInner { text: text.into(), place }))
    }

    /// `sealift/seal.json`.
    pub fn seal() -> Self {
        Self::new("sealift/seal.json".to_owned(), EntryPlace::Seal)
    }

    /// `oci-layout`.
    pub fn oci_layout() -> Self {
        Self::new("oci-layout".to_owned(), EntryPlace::OciLayout)
    }

    /// `index.json`.
    pub fn oci_index() -> Self {
        Self::new("index.json".to_owned(), EntryPlace::OciIndex)
    }

    /// The place of a blob.
    pub fn blob(digest: &Digest) -> Self {
        let text: Arc<str> = format!("blobs/{}/{}", digest.algorithm().name(), digest.hex()).into();
        let digest = digest.within(&text);
        Self(Arc::new(EntryNameInner { text, place: EntryPlace::Blob(digest) }))
    }

    /// The place of a TUF metadata file, for example `1.root.json`; characters that need it are encoded.
    ///
    /// # Errors
    /// [`EntryNameError`] when the file cannot be named.
    pub fn tuf_metadata(repository: &RepositoryName, file: &str) -> Result<Self, EntryNameError> {
        let text = format!("{TUF}{repository}{METADATA}{}", encode(file, false)?);
        check_shape(&text)?;
        Ok(Self::new(text, EntryPlace::TufMetadata { repository: repository.clone(), file: file.to_owned() }))
    }

    /// The place of a TUF target, by its path in the repository; characters that need it are encoded, slashes stay.
    ///
    /// # Errors
    /// [`EntryNameError`] when the path cannot be named.
    pub fn tuf_target(repository: &RepositoryName, path: &str) -> Result<Self, EntryNameError> {
        let text = format!("{TUF}{repository}{TARGETS}{}", encode(path, true)?);
        check_shape(&text)?;
        Ok(Self::new(text, EntryPlace::TufTarget { repository: repository.clone(), path: path.to_owned() }))
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// What the entry is.
    pub fn place(&self) -> &EntryPlace {
        &self.0.place
    }
}

impl FromStr for EntryName {
    type Err = EntryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_shape(text)?;
        let elsewhere = || EntryNameError::EntryPlace { name: shorten(text) };
        if let Some(rest) = text.strip_prefix(TUF) {
            let (repository, rest) =
                rest.split_at_checked(rest.find('/').ok_or_else(elsewhere)?).ok_or_else(elsewhere)?;
            let repository = &repository.parse()?;
            let name = if let Some(file) = rest.strip_prefix(METADATA) {
                Self::tuf_metadata(repository, &decode(file)?)?
            } else if let Some(path) = rest.strip_prefix(TARGETS) {
                Self::tuf_target(repository, &decode(path)?)?
            } else {
                return Err(elsewhere());
            };
            // There is one way to write a thing: decoding and encoding again gives the same text.
            return if name.as_str() == text {
                Ok(name)
            } else {
                Err(EntryNameError::Encoding { text: shorten(text) })
            };
        }
        if let Some(rest) = text.strip_prefix("blobs/") {
            let (algorithm, hex) = rest.split_once('/').ok_or_else(elsewhere)?;
            let algorithm = DigestAlgorithm::from_name(algorithm).ok_or_else(elsewhere)?;
            return Ok(Self::blob(&Digest::from_hex(algorithm, hex).map_err(|_| elsewhere())?));
        }
        [Self::seal(), Self::oci_layout(), Self::oci_index()]
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(elsewhere)
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.text, f)
    }
}

/// Names sort as their bytes do.
impl Ord for EntryName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for EntryName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl serde::Serialize for EntryName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text)
    }
}

impl<'de> serde::Deserialize<'de> for EntryName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

fn check_shape(text: &str) -> Result<(), EntryNameError> {
    if text.len() > MAXIMUM_LENGTH {
        return Err(EntryNameError::TooLong { length: text.len() });
    }
    for segment in text.split('/') {
        if matches!(segment, "" | "." | "..") || segment.len() > MAXIMUM_SEGMENT_LENGTH {
            return Err(EntryNameError::Segment { segment: shorten(segment) });
        }
    }
    Ok(())
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn encode(text: &str, keep_slashes: bool) -> Result<String, EntryNameError> {
    if text.chars().any(char::is_control) {
        return Err(EntryNameError::Encoding { text: shorten(text) });
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) || (keep_slashes && byte == b'/') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(encoded)
}

fn decode(text: &str) -> Result<String, EntryNameError> {
    let wrong = || EntryNameError::Encoding { text: shorten(text) };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().ok_or_else(wrong)?, rest.next().ok_or_else(wrong)?];
        let mut value = [0];
        hex::decode_to_slice(digits, &mut value).map_err(|_| wrong())?;
        bytes.extend_from_slice(&value);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// Keeps a text from outside short enough for an error message.
fn shorten(text: &str) -> String {
    text.chars().take(140).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn main() -> RepositoryName {
        "main".parse().unwrap()
    }

    fn refused(text: &str) -> EntryNameError {
        text.parse::<EntryName>().expect_err(text)
    }

    #[test]
    fn every_place_is_read_as_it_is_written() {
        let digest = Digest::sha256(b"");
        for name in [
            EntryName::seal(),
            EntryName::oci_layout(),
            EntryName::oci_index(),
            EntryName::blob(&digest),
            EntryName::tuf_metadata(&main(), "1.root.json").unwrap(),
            EntryName::tuf_metadata(&main(), "2.a/b c.json").unwrap(),
            EntryName::tuf_target(&"a-b.c".parse().unwrap(), "example.com/app/00.bundle:1.0 ü%").unwrap(),
        ] {
            assert_eq!(name.as_str().parse::<EntryName>().unwrap(), name);
        }
    }

    #[test]
    fn what_is_not_unreserved_is_percent_encoded_as_python_tuf_does() {
        let metadata = EntryName::tuf_metadata(&main(), "2.a/b%.json").unwrap();
        assert_eq!(metadata.as_str(), "sealift/tuf/main/metadata/2.a%2Fb%25.json");
        let target = EntryName::tuf_target(&main(), "example.com/app:1.0").unwrap();
        assert_eq!(target.as_str(), "sealift/tuf/main/targets/example.com/app%3A1.0");
    }

    #[test]
    fn one_thing_has_one_name() {
        for text in [
            "sealift/tuf/main/targets/app:1.0",
            "sealift/tuf/main/targets/app%3a1.0",
            "sealift/tuf/main/targets/%61pp",
            "sealift/tuf/main/targets/a%2Fb",
            "sealift/tuf/main/targets/a%2",
            "sealift/tuf/main/targets/a%ZZ",
            "sealift/tuf/main/targets/%FF",
            "sealift/tuf/main/targets/%00",
            "sealift/tuf/main/targets/ü",
            "sealift/tuf/main/metadata/a/b.json",
        ] {
            assert!(matches!(refused(text), EntryNameError::Encoding { .. }), "{text}");
        }
    }

    #[test]
    fn absolute_and_dotted_names_are_refused() {
        for text in ["/oci-layout", "../oci-layout", "./oci-layout", "blobs//x", "oci-layout/", ""] {
            assert!(matches!(refused(text), EntryNameError::Segment { .. }), "{text}");
        }
        let targets = "sealift/tuf/main/targets";
        for path in ["..", "a/../b", "a/./b", "/a", "a/", ""] {
            assert!(matches!(refused(&format!("{targets}/{path}")), EntryNameError::Segment { .. }), "{path}");
            assert!(EntryName::tuf_target(&main(), path).is_err(), "{path}");
        }
        assert!(EntryName::tuf_metadata(&main(), "..").is_err());
        assert!(EntryName::tuf_metadata(&main(), "a\0").is_err());
    }

    #[test]
    fn lengths_are_limited() {
        let segment = "s".repeat(MAXIMUM_SEGMENT_LENGTH);
        assert!(EntryName::tuf_target(&main(), &segment).is_ok());
        assert!(EntryName::tuf_target(&main(), &format!("{segment}s")).is_err());
        let long = vec![segment; 4].join("/");
        assert!(matches!(EntryName::tuf_target(&main(), &long), Err(EntryNameError::TooLong { length: 1_048 })));
    }

    #[test]
    fn repositories_have_plain_names() {
        for name in [".hidden", "a b", "a%41", "A", "a~", "ü", &"r".repeat(65)] {
            let entry = format!("sealift/tuf/{name}/metadata/f");
            assert!(matches!(refused(&entry), EntryNameError::Repository(_)), "{name}");
        }
    }

    #[test]
    fn other_places_are_refused() {
        for text in ["seal.json", "sealift/other", "sealift/tuf/main/x/y", "blobs/md5/00", "blobs/sha256/00", "tuf"] {
            assert!(matches!(refused(text), EntryNameError::EntryPlace { .. }), "{text}");
        }
        let upper = format!("blobs/sha256/{}", Digest::sha256(b"").hex().to_uppercase());
        assert!(matches!(refused(&upper), EntryNameError::EntryPlace { .. }));
    }
}
