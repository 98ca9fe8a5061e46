//! Versions (Semantic Versioning 2.0), and ranges of them as CNAB and Porter write them.

use semver::{Comparator, Prerelease, Version, VersionReq};

/// The version that a tag, or a part of one, is written for: tags cannot have a `+`, so tools write `_`.
pub(crate) fn version_in(text: &str) -> Option<Version> {
    Version::parse(&text.strip_prefix('v').unwrap_or(text).replacen('_', "+", 1)).ok()
}

/// Which versions will do: those that meet a requirement, without those that are excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionRange {
    takes: VersionReq,
    without: Vec<VersionReq>,
}

impl VersionRange {
    /// A range as CNAB 500 writes it (`1.2.3`, `1.2.x`, `1.x`, `1.5.x - 3`), or with the comparators that Porter takes, which are those of
    /// its library (Masterminds/semver 3): `=`, `!=`, `>`, `<`, `>=`, `=>`, `<=`, `=<`, `~`, `~>` and `^`. `None` for anything else.
    pub(crate) fn parse(range: &str) -> Option<Self> {
        let (mut comparators, mut without): (Vec<Comparator>, Vec<VersionReq>) = (Vec::new(), Vec::new());
        if let Some((from, to)) = range.split_once(" - ") {
            let takes = format!(">={}, <={}", stated_part(from), stated_part(to));
            return Some(Self { takes: VersionReq::parse(&takes).ok()?, without });
        }
        // A comparator may stand apart from its version.
        let range = ['<', '>', '=', '^', '~'].into_iter().fold(range.to_owned(), |range, sign| joined(&range, sign));
        let mut parts = range.split([',', ' ']).filter(|part| !part.is_empty()).peekable();
        parts.peek()?;
        for part in parts {
            let is_sign = |character: char| "<>=^~!".contains(character);
            let version = part.trim_start_matches(is_sign);
            let sign = part.strip_suffix(version).unwrap_or_default();
            let sign = match sign {
                // A version alone means itself, and not all that are compatible with it.
                "" | "=" | "!=" => "=",
                "=>" => ">=",
                "=<" => "<=",
                "~>" => "~",
                sign => sign,
            };
            let is_excluded = part.starts_with('!');
            let any = matches!(version, "x" | "X" | "*") && !is_excluded;
            let meant = if any {
                VersionReq::STAR
            } else {
                VersionReq::parse(&format!("{sign}{}", stated_part(version))).ok()?
            };
            if is_excluded {
                without.push(meant);
            } else {
                comparators.extend(meant.comparators);
            }
        }
        Some(Self { takes: VersionReq { comparators }, without })
    }

    /// Whether a version is in the range, or, if it is not yet released, the one that it leads up to.
    pub(crate) fn has(&self, version: &Version) -> bool {
        let released = Version { pre: Prerelease::EMPTY, ..version.clone() };
        let is_in = |range: &VersionReq| range.matches(version) || range.matches(&released);
        is_in(&self.takes) && !self.without.iter().any(is_in)
    }
}

/// A version without the blanks around it, the `v` before it and the parts that may be anything.
fn stated_part(version: &str) -> String {
    [".x", ".X", ".*"]
        .into_iter()
        .fold(version.trim().trim_start_matches('v').to_owned(), |it, any| it.replace(any, ""))
}

/// A range without the blanks behind a sign.
fn joined(range: &str, sign: char) -> String {
    let mut parts = range.split(sign);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |joined, part| format!("{joined}{sign}{}", part.trim_start()))
}
