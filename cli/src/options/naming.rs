//! What becomes of the registries in names, where things are delivered to a registry.

use std::path::PathBuf;
use std::str::FromStr;

use sealift_core::import::{NameMap, Naming};

use crate::failure::{Attempt as _, Failure, FilePurpose};
use crate::files::input::read_file;

/// The longest map of names that is read, in bytes.
const MAXIMUM_NAME_MAP: u64 = 16 << 20;

/// What to do with the registry in each name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamingArgument {
    WithDomain,
    Flat,
    Map(PathBuf),
}

impl FromStr for NamingArgument {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "with-domain" => Self::WithDomain,
            "flat" => Self::Flat,
            path => Self::Map(path.into()),
        })
    }
}

impl NamingArgument {
    /// Reads the map, where one is named.
    pub(crate) fn read(&self) -> Result<Naming, Failure> {
        Ok(match self {
            Self::WithDomain => Naming::WithDomain,
            Self::Flat => Naming::Flat,
            Self::Map(path) => {
                let attempt = || format!("cannot read the map of names {}", path.display());
                let text = read_file(path, FilePurpose::Setting, MAXIMUM_NAME_MAP).attempt(attempt)?;
                Naming::Mapped(NameMap::parse(&String::from_utf8_lossy(&text)).attempt(attempt)?)
            }
        })
    }
}
