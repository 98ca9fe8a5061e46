//! The name of a Notary repository, a GUN: what its root certificates are made out to.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes: that of a repository in a registry.
const MAXIMUM_LENGTH: usize = 255;

/// A globally unique name, as Docker writes it: `example.com/acme/web`, `docker.io/library/alpine`.
///
/// It is put into URLs and compared with names of images, so it has only what both can hold: parts of letters, digits and
/// `.-_:`, between slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gun(String);

/// Why a text is not a GUN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GunError {
    /// It is empty.
    #[error("the name of a Notary repository is empty")]
    Empty,
    /// It is too long.
    #[error("the name of a Notary repository is {length} bytes long; the limit is {MAXIMUM_LENGTH}")]
    TooLong {
        /// Its length, in bytes.
        length: usize,
    },
    /// A character cannot be in one.
    #[error("{name:?} is not the name of a Notary repository: {character:?} is not allowed")]
    Character {
        /// The text.
        name: String,
        /// The first such character.
        character: char,
    },
    /// Two slashes meet, one is at an end, or a part is `.` or `..`.
    #[error("{0:?} is not the name of a Notary repository: a part between slashes is empty or consists of dots")]
    Part(String),
}

impl Gun {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a certificate with this common name is made out to it: the name itself, or a beginning of it and a `*`.
    pub(crate) fn is_named_by(&self, common_name: &str) -> bool {
        match common_name.strip_suffix('*') {
            Some(prefix) => self.0.starts_with(prefix),
            None => self.0 == common_name,
        }
    }

    /// Whether a certificate with this common name is made out to other repositories as well.
    pub(crate) fn is_shared(common_name: &str) -> bool {
        common_name.ends_with('*')
    }
}

impl FromStr for Gun {
    type Err = GunError;

    fn from_str(text: &str) -> Result<Self, GunError> {
        if text.is_empty() {
            return Err(GunError::Empty);
        }
        if text.len() > MAXIMUM_LENGTH {
            return Err(GunError::TooLong { length: text.len() });
        }
        let is_allowed = |character: char| character.is_ascii_alphanumeric() || "/.-_:".contains(character);
        if let Some(character) = text.chars().find(|character| !is_allowed(*character)) {
            return Err(GunError::Character { name: text.to_owned(), character });
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(GunError::Part(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Gun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gun_has_only_what_urls_and_names_of_images_can_hold() {
        for name in ["example.com/acme/web", "localhost:5000/a", "docker.io/library/alpine", "plain", "a/b-c_d.e"] {
            assert_eq!(name.parse::<Gun>().unwrap().as_str(), name);
        }
        for name in ["a b", "a*", "a?b", "a#b", "a%2fb", "a@b", "\u{f4}", "a\\b", "a\nb"] {
            assert!(matches!(name.parse::<Gun>(), Err(GunError::Character { .. })), "{name:?}");
        }
        for name in ["/a", "a/", "a//b", "a/../b", ".", "a/."] {
            assert_eq!(name.parse::<Gun>(), Err(GunError::Part(name.to_owned())));
        }
        assert_eq!("".parse::<Gun>(), Err(GunError::Empty));
        assert_eq!("a".repeat(256).parse::<Gun>(), Err(GunError::TooLong { length: 256 }));
    }

    #[test]
    fn a_certificate_names_a_gun_in_full_or_by_a_prefix() {
        let gun: Gun = "example.com/acme/web".parse().unwrap();
        for name in ["example.com/acme/web", "example.com/acme/*", "example.com/acme/web*", "*"] {
            assert!(gun.is_named_by(name), "{name}");
        }
        for name in
            ["example.com/acme/we", "example.com/acme/web/", "example.com/acme/", "example.com/other/*", "*web", ""]
        {
            assert!(!gun.is_named_by(name), "{name}");
        }
    }
}
