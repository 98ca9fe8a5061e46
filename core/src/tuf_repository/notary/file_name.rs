//! What Notary calls its files.

use sealift_proof::tuf::RoleName;

/// The file that has the newest metadata of a role: its name, with `.json` behind it. `None` for a role that no server of Notary
/// has: then there is no such file.
pub(super) fn plain(role: &RoleName) -> Option<String> {
    let name = role.as_str();
    let is_top_level =
        [RoleName::root(), RoleName::timestamp(), RoleName::snapshot(), RoleName::targets()].contains(role);
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_delegated = || name.strip_prefix("targets/").is_some_and(|rest| rest.split('/').all(is_part));
    (is_top_level || is_delegated()).then(|| format!("{name}.json"))
}

/// The name under which a file stays when a newer one takes its place: with its version in front.
pub(super) fn versioned(plain: &str, version: u64) -> String {
    format!("{version}.{plain}")
}

/// The name under which a file stays when a newer one takes its place: with its SHA-256 in hexadecimal digits before the ending.
pub(in crate::tuf_repository) fn hashed(plain: &str, sha256: &str) -> String {
    let name = plain.strip_suffix(".json").unwrap_or(plain);
    format!("{name}.{sha256}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_a_server_calls_them() {
        let releases = plain(&RoleName::delegated("targets/releases").unwrap()).unwrap();
        assert_eq!(plain(&RoleName::root()).unwrap(), "root.json");
        assert_eq!(releases, "targets/releases.json");
        assert_eq!(versioned("root.json", 3), "3.root.json");
        assert_eq!(hashed(&releases, "ab"), "targets/releases.ab.json");
    }

    #[test]
    fn what_no_server_has_is_not_asked_for() {
        for name in [
            "releases",
            "targets/",
            "targets/../root",
            "targets//a",
            "targets/a/",
            "targets/a.b",
            "targets/a b",
            "/targets/a",
        ] {
            assert_eq!(plain(&RoleName::delegated(name).unwrap()), None, "{name}");
        }
    }
}
