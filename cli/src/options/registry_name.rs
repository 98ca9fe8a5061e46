//! Registries as people write them where only a registry can be meant: `https://` or `docker://` may stand before them.

use sealift_core::place::https_host;

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
    let bare = ["https://", "docker://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    if let Some((scheme, rest)) = bare.split_once("://") {
        let named = format!("{scheme}:// is not understood here; name the registry without it: {rest}");
        return Err(match (scheme, rest.split('/').next()) {
            ("http", Some(host)) if !host.is_empty() => format!("{named} --plain-http {host}"),
            _ => named,
        });
    }
    let name = bare.trim_end_matches('/').to_owned();
    Ok(RegistryName { name, https_only: https_host(text).map(str::to_owned) })
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
            ("r.example:5000/a/", None),
        ] {
            let name = "r.example:5000/a".to_owned();
            assert_eq!(registry(text).unwrap(), RegistryName { name, https_only }, "{text}");
        }
        for (text, hint) in [
            ("http://r.example:5000/a", "name the registry without it: r.example:5000/a --plain-http r.example:5000"),
            ("oci://r.example", "name the registry without it: r.example"),
            ("https://http://r.example", "name the registry without it: r.example --plain-http r.example"),
        ] {
            assert!(registry(text).unwrap_err().ends_with(hint), "{text}");
        }
    }
}
