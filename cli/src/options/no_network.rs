//! What takes the place of `network` in a build without the feature of that name: it has the same interface, knows no option, and
//! reaches nothing.

use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use sealift_core::transfer::{Sink, Source};
use sealift_core::tuf_repository::{NotaryRepository, RepositoryFolder};
use sealift_proof::tuf::Gun;

use crate::failure::{Attempt as _, Failure, Reason};

/// No options: nothing is reached.
#[derive(Debug, Clone, Args)]
pub(crate) struct NetworkArguments {}

/// No options: nothing is fetched.
#[derive(Debug, Clone, Args)]
pub(crate) struct MirrorArguments {}

impl NetworkArguments {
    /// What fetches from web servers: nobody has a location there.
    pub(crate) fn web(&self) -> Result<Web, Failure> {
        Ok(Web)
    }

    /// There is no server.
    pub(crate) fn notary(&self, _: &Web, location: &WebLocation, _: &Gun) -> Result<NotaryRepository, Failure> {
        match *location {}
    }

    /// There are no registries.
    pub(crate) fn registry_source(
        &self,
        _: &MirrorArguments,
        _: impl IntoIterator<Item = String>,
    ) -> Result<Option<Arc<dyn Source>>, Failure> {
        Ok(None)
    }

    /// Nothing is reached.
    pub(crate) fn is_plain_http(&self, _: &str) -> bool {
        false
    }

    /// There are no registries.
    pub(crate) fn asked_registry(&self, _: Option<&String>) -> Result<Arc<dyn Source>, Failure> {
        Err(Reason::NoNetwork).attempt(|| "cannot reach a registry".to_owned())
    }

    /// There are no registries.
    pub(crate) fn registry_sink(&self, _: Option<&String>) -> Result<Box<dyn Sink>, Failure> {
        Err(Reason::NoNetwork).attempt(|| "cannot reach a registry".to_owned())
    }
}

/// There are no registries about which anything could be said.
pub(crate) fn remarks() -> Vec<String> {
    Vec::new()
}

/// Fetches from nowhere.
pub(crate) struct Web;

impl Web {
    /// A repository at a location, of which there is none.
    pub(crate) fn repository(&self, location: &WebLocation) -> RepositoryFolder {
        match *location {}
    }
}

/// Where files are on a web server: nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WebLocation {}

impl FromStr for WebLocation {
    type Err = String;

    fn from_str(_: &str) -> Result<Self, String> {
        Err(format!("{}: give a folder, or a file URL", Reason::NoNetwork))
    }
}

impl WebLocation {
    /// The location of a name below this one, of which there is none.
    pub(crate) fn join(&self, _: &str) -> Result<Self, String> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;
    use crate::options::place::{NotaryPlace, TufPlace};

    #[test]
    fn a_registry_is_a_mistake_on_the_command_line() {
        let network = NetworkArguments {};
        assert!(network.registry_source(&MirrorArguments {}, None).is_ok_and(|registries| registries.is_none()));
        let refused = network.registry_sink(None).err().map(|failure| failure.exit_code());
        assert!(matches!(refused, Some(ExitCode::Usage)), "{refused:?}");
    }

    #[test]
    fn a_url_is_refused_with_the_reason() {
        for url in ["r=https://r.example/x", "r=HTTP://r.example/m,tuf"] {
            for refused in [url.parse::<TufPlace>().err(), url.parse::<NotaryPlace>().err()] {
                assert!(refused.as_ref().is_some_and(|it| it.contains("no network")), "{url}: {refused:?}");
            }
        }
    }
}
