//! Registries as people write them where only a registry can be meant: `https://` or `docker://` may stand before them.

/// The registry, and what follows it, without a scheme.
pub(crate) fn registry(text: &str) -> Result<String, String> {
    let bare = ["https://", "docker://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    if bare.contains("://") {
        return Err("name the registry without a scheme; for plain http, add --plain-http HOST".to_owned());
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
        for text in ["http://r.example", "oci://r.example", "https://http://r.example"] {
            assert!(registry(text).unwrap_err().contains("--plain-http HOST"), "{text}");
        }
    }
}
