//! What becomes of the registries in names, where things are delivered to a registry.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use sealift_core::import::{NameMap, Naming};

use crate::failure::{Attempt as _, Failure, FilePurpose};
use crate::files::input::read_file;

/// The longest map of names that is read, in bytes.
const MAXIMUM_NAME_MAP: u64 = 16 << 20;

/// The names that things get in a registry.
#[derive(Debug, Clone, Args)]
pub(crate) struct NamingArguments {
    /// What to do with the registry in each name: with-domain (the default) puts it before the path, flat drops it
    ///
    /// with-domain: docker.io/library/nginx:1 goes to HOST/PREFIX/docker.io/library/nginx:1, and example.com:5000/app
    /// to HOST/PREFIX/example.com_5000/app. flat: they go to HOST/PREFIX/library/nginx:1 and HOST/PREFIX/app, and so
    /// does the same path in any other registry. A FILE has a line for each registry, or beginning of a repository's name, that goes to
    /// another path: "docker.io/library" = "base"; the longest beginning decides, and other names are as with with-domain.
    #[arg(long, value_name = "HOW|FILE", help_heading = "Where to")]
    names: Option<NamingArgument>,
}

impl NamingArguments {
    /// Reads the map, where one is named.
    pub(crate) fn read(&self) -> Result<Naming, Failure> {
        self.names.as_ref().map_or(Ok(Naming::default()), NamingArgument::read)
    }
}

/// What to do with the registry in each name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NamingArgument {
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
    fn read(&self) -> Result<Naming, Failure> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        naming: NamingArguments,
    }

    #[test]
    fn domains_are_kept_unless_they_are_dropped_by_name() {
        let names =
            |arguments: &[&str]| Command::try_parse_from([&["sealift"], arguments].concat()).unwrap().naming.names;
        assert_eq!(names(&[]), None);
        assert_eq!(names(&["--names", "with-domain"]), Some(NamingArgument::WithDomain));
        assert_eq!(names(&["--names", "flat"]), Some(NamingArgument::Flat));
        assert_eq!(names(&["--names", "names.toml"]), Some(NamingArgument::Map("names.toml".into())));
    }
}
