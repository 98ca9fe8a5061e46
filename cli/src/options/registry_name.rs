//! Registries as people write them where only a registry can be meant: `https://` or `docker://` may stand before them.

use sealift_core::oci::Repository;
use sealift_core::place::{https_host, require_no_user_info, without_schemes};

use crate::options::place::told;
use crate::options::target::option_for;

/// A registry, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistryName {
    /// The registry and what follows it, without a scheme.
    pub(crate) name: String,
    /// The registry, if it is written that it is to be reached over `https`.
    pub(crate) https_only: Option<String>,
}

/// The registry that is written, with or without a scheme.
pub(crate) fn registry(text: &str) -> Result<RegistryName, String> {
    require_no_user_info(text).map_err(|error| told(&error))?;
    let bare = without_schemes(text);
    if let Some((scheme, rest)) = bare.split_once("://") {
        let named = format!("{scheme}:// is not understood here; name the registry without it: {rest}");
        return Err(match (&*scheme.to_ascii_lowercase(), rest.split('/').next()) {
            ("http", Some(host)) if !host.is_empty() => format!("{named} --plain-http {host}"),
            _ => named,
        });
    }
    let name = bare.trim_end_matches('/').to_owned();
    Ok(RegistryName { name, https_only: https_host(text).map(str::to_owned) })
}

/// The registry that is written for a delivery.
pub(crate) fn target(text: &str) -> Result<RegistryName, String> {
    let registry = registry(text)?;
    let domain = registry.name.split('/').next().unwrap_or_default();
    match Repository::new(domain, "a") {
        Ok(_) => Ok(registry),
        Err(error) => Err(match option_for(text) {
            Some(option) => format!("that is not a registry; deliver there with {option}"),
            None => format!("{error}; write HOST or HOST:PORT, and after it /PREFIX where you want one"),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_registry_is_understood_with_what_people_write_before_it() {
        for (text, https_only) in [
            ("r.example:5000/a", None),
            ("https://r.example:5000/a", Some("r.example:5000".to_owned())),
            ("docker://r.example:5000/a/", None),
            ("HTTPS://r.example:5000/a", Some("r.example:5000".to_owned())),
            ("docker://https://r.example:5000/a", Some("r.example:5000".to_owned())),
            ("r.example:5000/a/", None),
        ] {
            let name = "r.example:5000/a".to_owned();
            assert_eq!(registry(text).unwrap(), RegistryName { name, https_only }, "{text}");
        }
        for (text, hint) in [
            ("http://r.example:5000/a", "name the registry without it: r.example:5000/a --plain-http r.example:5000"),
            ("HTTP://r.example", "name the registry without it: r.example --plain-http r.example"),
            ("oci://r.example", "name the registry without it: r.example"),
            ("https://http://r.example", "name the registry without it: r.example --plain-http r.example"),
        ] {
            assert!(registry(text).unwrap_err().ends_with(hint), "{text}");
        }
    }

    #[test]
    fn what_is_delivered_goes_to_a_registry_that_has_a_host() {
        for text in ["https://", "", "/x", "docker://", "a b/x"] {
            assert!(target(text).unwrap_err().contains("write HOST or HOST:PORT"), "{text}");
        }
        for (text, option) in [
            ("oci-archive:foo.tar", "--to-layout-archive foo.tar"),
            ("docker-archive:foo.tar", "--to-docker-archive foo.tar"),
            ("oci:foo", "--to-layout foo"),
        ] {
            assert!(target(text).unwrap_err().ends_with(option), "{text}");
        }
        assert_eq!(target("oci:5000/a").unwrap().name, "oci:5000/a", "a host may have that name");
    }
}
