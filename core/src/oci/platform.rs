//! The platforms that an index distinguishes. OCI Image Specification 1.1, "Image Index".

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::descriptor::{IgnoredText, Passed, null_as_default};

/// An operating system on an architecture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// The operating system, in Go's words: `linux`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub os: String,
    /// The processor's architecture, in Go's words: `amd64`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub architecture: String,
    /// The variant of the architecture: `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The version of the operating system, as Windows images need it.
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Not read.
    #[serde(rename = "os.features", default, skip_serializing)]
    pub os_features: Passed<Vec<IgnoredText>>,
    /// Not read.
    #[serde(default, skip_serializing)]
    pub features: Passed<Vec<IgnoredText>>,
}

/// A text that is not a valid platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a platform: expected os/architecture, os/architecture/variant or, for every variant, os/architecture/*, optionally followed by :os.version"
)]
pub struct PlatformError(String);

/// Reads the platform that a descriptor states. Both of its required members belong to one (OCI Image 1.1, "Image Index"). What says
/// nothing at all states none: `{}`, and what Go's tools write for an artifact, `{"architecture": "", "os": ""}`. Then the configuration
/// decides, as where the member is not there. A half of one is refused, because others take it for a platform.
pub(super) fn stated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Platform>, D::Error> {
    match Option::<Platform>::deserialize(deserializer)? {
        Some(platform) if platform.says_nothing() => Ok(None),
        Some(platform) => platform.if_stated().map(Some).ok_or_else(|| D::Error::custom("half of a platform")),
        None => Ok(None),
    }
}

impl Platform {
    /// The platform, if it has an operating system and an architecture.
    pub(super) fn if_stated(self) -> Option<Self> {
        (!self.os.is_empty() && !self.architecture.is_empty()).then_some(self)
    }

    fn says_nothing(&self) -> bool {
        let optional = [&self.variant, &self.os_version].map(|member| member.as_deref().unwrap_or_default());
        [self.os.as_str(), self.architecture.as_str()].iter().chain(&optional).all(|member| member.is_empty())
    }

    /// The platform as [`Display`](fmt::Display) writes it, followed by the version of the operating system, if there is one:
    /// `windows/amd64:10.0.17763.1`.
    pub fn with_version(&self) -> String {
        self.os_version().map_or_else(|| self.to_string(), |version| format!("{self}:{version}"))
    }

    /// The version of the operating system; `None` if it is empty.
    fn os_version(&self) -> Option<&str> {
        self.os_version.as_deref().filter(|version| !version.is_empty())
    }

    /// The platform that BuildKit states for attestations, which have none.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }

    /// The variant as it is written; an empty one is none.
    fn variant(&self) -> Option<&str> {
        self.variant.as_deref().filter(|variant| !variant.is_empty())
    }

    /// The variant that is meant: none for the one that an architecture has where no variant is written. Some tools write it, and
    /// some leave it out.
    fn meant_variant(&self) -> Option<&str> {
        let usual = match self.architecture.as_str() {
            "amd64" => Some("v1"),
            "arm" => Some("v7"),
            "arm64" => Some("v8"),
            _ => None,
        };
        self.variant().filter(|variant| Some(*variant) != usual)
    }
}

/// A choice of platforms: `linux/arm64`, `linux/arm/v6`, or `linux/arm/*` for every variant.
///
/// One variant is chosen, and where none is written, it is the usual one: `v1` of `amd64`, `v7` of `arm`, `v8` of `arm64`, and none of
/// other architectures. A version of the operating system that is not written may be any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlatformWish {
    platform: Platform,
    every_variant: bool,
}

impl PlatformWish {
    /// Whether a platform that is offered is chosen.
    pub fn selects(&self, offered: &Platform) -> bool {
        let Self { platform, every_variant } = self;
        platform.os == offered.os
            && platform.architecture == offered.architecture
            && platform.os_version().is_none_or(|version| offered.os_version() == Some(version))
            && (*every_variant || platform.meant_variant() == offered.meant_variant())
    }
}

impl fmt::Display for PlatformWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { platform, every_variant } = self;
        write!(f, "{platform}{}", if *every_variant { EVERY_VARIANT } else { "" })?;
        platform.os_version().map_or(Ok(()), |version| write!(f, ":{version}"))
    }
}

impl FromStr for PlatformWish {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let every = text.split_once(EVERY_VARIANT).filter(|(_, rest)| rest.is_empty() || rest.starts_with(':'));
        let Some((plain, version)) = every else {
            return Ok(Self { platform: text.parse()?, every_variant: false });
        };
        let platform: Platform = format!("{plain}{version}").parse()?;
        match platform.variant {
            None => Ok(Self { platform, every_variant: true }),
            Some(_) => Err(PlatformError(text.chars().take(200).collect())),
        }
    }
}

/// What stands in the place of a variant for all of them.
const EVERY_VARIANT: &str = "/*";

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let is_word = |word: &str| {
            (1..=64).contains(&word.len())
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        let refused = || PlatformError(text.chars().take(200).collect());
        // The version of the operating system comes last, or after the system, as containerd writes it: windows(10.0.17763.1)/amd64.
        let (platform, version) = match (text.split_once(':'), text.split_once('(')) {
            (Some((platform, version)), None) => (platform.to_owned(), Some(version)),
            (None, Some((os, rest))) => {
                let (version, rest) = rest.split_once(')').ok_or_else(refused)?;
                (format!("{os}{rest}"), Some(version))
            }
            (None, None) => (text.to_owned(), None),
            (Some(_), Some(_)) => return Err(refused()),
        };
        let is_split = text.contains('(') && !text.contains(")/");
        if is_split || version.is_some_and(|version| !is_word(version)) {
            return Err(refused());
        }
        let words: Vec<&str> = platform.split('/').collect();
        if !words.iter().all(|word| is_word(word)) {
            return Err(refused());
        }
        let (os, architecture, variant) = match words.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some((*variant).to_owned())),
            _ => return Err(refused()),
        };
        Ok(Self {
            os: (*os).to_owned(),
            architecture: (*architecture).to_owned(),
            variant,
            os_version: version.map(ToOwned::to_owned),
            os_features: Passed::default(),
            features: Passed::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn a_wish_selects_what_fits_it() {
        for (wish, offered, fits) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/amd64", "linux/arm64", false),
            ("linux/arm", "linux/arm/v7", true),
            ("linux/arm/v7", "linux/arm", true),
            ("linux/arm", "linux/arm/v6", false),
            ("linux/arm/v6", "linux/arm", false),
            ("linux/arm/*", "linux/arm/v6", true),
            ("linux/arm/*", "linux/arm", true),
            ("linux/arm/*", "linux/arm64", false),
            ("linux/amd64", "linux/amd64/v1", true),
            ("linux/amd64", "linux/amd64/v2", false),
            ("linux/amd64/*", "linux/amd64/v2", true),
            ("linux/riscv64", "linux/riscv64/v1", false),
            ("windows/amd64/*:10.0.17763.1", "windows/amd64/v2:10.0.17763.1", true),
            ("windows/amd64/*:10.0.17763.1", "windows/amd64:10.0.17763.10", false),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm64/v8", "linux/arm64/v8", true),
            ("linux/arm64/v8", "linux/arm64/v9", false),
            ("linux/arm64/v9", "linux/arm64/v8", false),
            ("linux/arm64/v9", "linux/arm64", false),
            ("linux/arm64", "linux/arm64/v9", false),
            ("linux/arm64/*", "linux/arm64/v9", true),
            ("linux/amd64/v2", "linux/amd64", false),
            ("linux/amd64/v2", "linux/amd64/v3", false),
            ("linux/arm/v8", "linux/arm", false),
            ("linux/amd64", "Linux/amd64", false),
            ("windows/amd64", "linux/amd64", false),
            ("windows/amd64", "windows/amd64:10.0.17763.1", true),
            ("windows/amd64:10.0.17763.1", "windows(10.0.17763.1)/amd64", true),
            ("windows/amd64:10.0.17763.1", "windows/amd64:10.0.17763.10", false),
            ("windows(10.0.17763.1)/amd64", "windows/amd64", false),
            ("windows(10.0.17763.1)/arm/v7", "windows/arm/v7:10.0.17763.1", true),
        ] {
            let wish: PlatformWish = wish.parse().unwrap();
            assert_eq!(wish.selects(&platform(offered)), fits, "{wish} {offered}");
        }
    }

    #[test]
    fn an_empty_variant_is_none() {
        let empty: Platform =
            serde_json::from_str(r#"{"os": "linux", "architecture": "amd64", "variant": ""}"#).unwrap();
        assert_eq!(empty.to_string(), "linux/amd64");
        let wish = |text: &str| text.parse::<PlatformWish>().unwrap();
        assert!(wish("linux/amd64").selects(&empty) && !wish("linux/amd64/v3").selects(&empty));
        let arm = |variant: &str| Platform { variant: Some(variant.to_owned()), ..platform("linux/arm64") };
        assert!(wish("linux/arm64/v8").selects(&arm("")));
        assert!("linux/amd64/".parse::<Platform>().is_err(), "it is not written");
    }

    #[test]
    fn other_texts_are_no_platforms() {
        for text in [
            "linux/amd64:",
            "linux()/amd64",
            "a(1)b/c",
            "a(1/c",
            "a/b(1)",
            "a(1)/b:2",
            "a/b:1:2",
            "",
            "linux",
            "linux/",
            "/amd64",
            "a/b/c/d",
            "linux/amd 64",
            "linux/\u{e9}",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text:?}");
        }
        for text in ["linux/*", "*", "linux/arm/v7/*", "linux/arm/*/v7", "linux/arm/**", "linux/arm/v*", "*/arm", "/*"]
        {
            assert!(text.parse::<PlatformWish>().is_err() && text.parse::<Platform>().is_err(), "{text:?}");
        }
        assert!("linux/arm/*".parse::<Platform>().is_err(), "it is several");
        for text in ["linux/arm/*", "linux/arm/v7", "linux/arm", "windows/amd64/*:10.0.17763.1"] {
            assert_eq!(text.parse::<PlatformWish>().unwrap().to_string(), text);
        }
        assert_eq!(platform("linux/arm/v7").to_string(), "linux/arm/v7");
        let windows = platform("windows(10.0.17763.1)/amd64");
        assert_eq!(
            (windows.to_string().as_str(), windows.with_version().as_str()),
            ("windows/amd64", "windows/amd64:10.0.17763.1")
        );
    }
}
