//! `roots/NAME/dialect.toml`: the dialect of a repository, in a form that people can read. TUF 1.0 needs no such file.

use sealift_proof::tuf::{Dialect, Gun};
use serde::Deserialize;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DialectFileError {
    /// It is not TOML with exactly one member, `notary`.
    #[error("it is malformed: {0}")]
    Malformed(String),
    /// The name is not a GUN.
    #[error("the name in it is not valid")]
    Gun(#[from] sealift_proof::tuf::dialect::GunError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DialectFile {
    notary: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Dialect, DialectFileError> {
    let text = std::str::from_utf8(bytes).map_err(|error| DialectFileError::Malformed(error.to_string()))?;
    let DialectFile { notary } =
        toml::from_str(text).map_err(|error| DialectFileError::Malformed(error.message().to_owned()))?;
    Ok(Dialect::Notary(notary.parse()?))
}

/// What is written for a repository of Notary. A GUN has no character that TOML would need escaped.
pub(super) fn text(gun: &Gun) -> String {
    format!(
        "# This repository is in the format of Notary v1 (Docker Content Trust). Its name there, the GUN:\nnotary = \"{gun}\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let gun: Gun = "example.com:443/acme/web".parse().unwrap();
        assert_eq!(read(text(&gun).as_bytes()).unwrap(), Dialect::Notary(gun));
        for other in ["", "notary = 1", "gun = \"a\"", "notary = \"a\"\nmore = 1", "notary = \"a\"\nnotary = \"b\""] {
            assert!(matches!(read(other.as_bytes()), Err(DialectFileError::Malformed(_))), "{other:?}");
        }
        assert!(matches!(read(b"notary = \"../a\""), Err(DialectFileError::Gun(_))));
        assert!(matches!(read(b"\xff"), Err(DialectFileError::Malformed(_))));
    }
}
