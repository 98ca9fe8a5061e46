//! Names of roles, and the names of the files that hold their metadata.
//!
//! Promise: a delegated role never has the name of a top-level one, and a file name made here is one path segment
//! whatever the role is called: everything but letters, digits and `-._~` is percent-encoded.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a file name: RFC 3986 §2.3, "Unreserved Characters".
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const TOP_LEVEL: [&str; 4] = ["root", "timestamp", "snapshot", "targets"];

/// The name of a role: one of the four top-level ones, or a delegated one. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(Arc<str>);

/// Why a text is not the name of a delegated role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleNameError {
    /// The name is empty.
    #[error("a delegated role has an empty name")]
    Empty,
    /// The name belongs to a top-level role.
    #[error("a delegated role is called {0:?}, which is the name of a top-level role")]
    TopLevel(String),
}

impl RoleName {
    /// The root role.
    pub fn root() -> Self {
        Self("root".into())
    }

    /// The timestamp role.
    pub fn timestamp() -> Self {
        Self("timestamp".into())
    }

    /// The snapshot role.
    pub fn snapshot() -> Self {
        Self("snapshot".into())
    }

    /// The top-level targets role.
    pub fn targets() -> Self {
        Self("targets".into())
    }

    /// A delegated role.
    ///
    /// # Errors
    /// [`RoleNameError`] when the name is empty or that of a top-level role.
    pub fn delegated(name: impl AsRef<str>) -> Result<Self, RoleNameError> {
        match name.as_ref() {
            "" => Err(RoleNameError::Empty),
            name if TOP_LEVEL.contains(&name) => Err(RoleNameError::TopLevel(name.to_owned())),
            name => Ok(Self(name.into())),
        }
    }

    /// The name as the metadata spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key under which snapshot metadata lists the role (TUF 1.0.34 §4.4, METAPATH).
    pub fn metadata_path(&self) -> String {
        Self::path_of(&self.0)
    }

    /// The same for a role of which only the name is known.
    pub(crate) fn path_of(name: &str) -> String {
        [name, ".json"].concat()
    }

    /// The name of the role's metadata file, as it stands in a URL and in an archive; with the version in front where
    /// snapshots are consistent, and always for root (TUF 1.0.34 §6.2).
    pub fn file_name(&self, version: Option<u64>) -> String {
        let name = utf8_percent_encode(&self.0, ENCODED);
        match version {
            Some(version) => format!("{version}.{name}.json"),
            None => format!("{name}.json"),
        }
    }
}

/// As it is in the metadata: code that shows it to people must escape characters that act on a terminal.
impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_role_names_stay_one_path_segment() {
        for (name, file_name) in [
            ("plain-Role_1.x~", "3.plain-Role_1.x~.json"),
            ("../up", "3...%2Fup.json"),
            ("/absolute", "3.%2Fabsolute.json"),
            ("a b?#%2f", "3.a%20b%3F%23%252f.json"),
            ("r\u{f4}le:@", "3.r%C3%B4le%3A%40.json"),
        ] {
            assert_eq!(RoleName::delegated(name).unwrap().file_name(Some(3)), file_name);
        }
        assert_eq!(RoleName::timestamp().file_name(None), "timestamp.json");
    }

    #[test]
    fn a_delegated_role_is_not_called_like_a_top_level_one() {
        assert_eq!(RoleName::delegated(""), Err(RoleNameError::Empty));
        for name in TOP_LEVEL {
            assert!(matches!(RoleName::delegated(name), Err(RoleNameError::TopLevel(_))));
        }
    }
}
