//! Registries as people write them where only a registry can be meant: `https://` or `docker://` may stand before them.

/// The registry, and what follows it, without a scheme.
pub(crate) fn registry(text: &str) -> Result<String, String> {
    let bare = ["https://", "docker://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    if let Some((scheme, rest)) = bare.split_once("://") {
        let named = format!("{scheme}:// is not understood here; name the registry without it: {rest}");
        return Err(match (scheme, rest.split('/').next()) {
            ("http", Some(host)) if !host.is_empty() => format!("{named} --plain-http {host}"),
            _ => named,
        });
    }
    Ok(bare.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_registry_is_understood_with_what_people_write_before_it() {
        for text in ["r.example:5000/a", "https://r.example:5000/a", "docker://r.example:5000/a/", "r.example:5000/a/"]
        {
            assert_eq!(registry(text).unwrap(), "r.example:5000/a", "{text}");
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
