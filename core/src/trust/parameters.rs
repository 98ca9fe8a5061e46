//! Values for the parameters of layouts: what the name of a file says, and nothing that anybody else states.
//!
//! In-toto leaves it to the verifier what `{NAME}` stands for (in-toto 1.0 §4.4). Datadog has one layout for all of its wheels, and its
//! client reads the values from the wheel's name; so does this. Every other item has none.

use std::collections::BTreeMap;

use sealift_proof::in_toto::Parameters;

use super::item::{Item, ItemKind};

/// What the names of Datadog's wheels begin with.
const DATADOG: &str = "datadog_";
/// The wheels whose folders in the source have the names of the distributions.
const IN_FULL: [&str; 3] = ["datadog_checks_base", "datadog_checks_dev", "datadog_checks_downloader"];
/// The wheel whose folder has the other separator.
const WITH_HYPHEN: &str = "datadog_go_metro";

/// The values for the layout of an item.
pub(super) fn parameters(item: &Item) -> Parameters {
    let values = match item.kind {
        ItemKind::File => of_wheel(item.product_name()),
        ItemKind::Bundle | ItemKind::ThickBundle | ItemKind::Image => None,
    };
    // The names are parameter names.
    values.and_then(|values| Parameters::new(values).ok()).unwrap_or_default()
}

/// What the name of one of Datadog's wheels says (PEP 427: distribution, version, and tags of Python, its binary interface and platform).
fn of_wheel(name: &str) -> Option<BTreeMap<String, String>> {
    let parts: Vec<&str> = name.strip_suffix(".whl")?.split('-').collect();
    let [distribution, version, python, _, _] = parts.as_slice() else { return None };
    // A part stands for one part of a path in the layout, so it must be one: "." and ".." are not.
    let is_plain = |part: &&str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '.' | '_' | '+' | '!'))
    };
    let short = distribution.strip_prefix(DATADOG).filter(|short| parts.iter().chain([short]).all(is_plain))?;
    let folder = match *distribution {
        WITH_HYPHEN => short.replace('_', "-"),
        other if IN_FULL.contains(&other) => other.to_owned(),
        _ => short.to_owned(),
    };
    let values = [
        ("wheel_distribution_name", (*distribution).to_owned()),
        ("package_version", (*version).to_owned()),
        ("python_tag", (*python).to_owned()),
        ("standard_distribution_name", distribution.replace('_', "-")),
        ("package_github_dir", folder),
    ];
    Some(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_of_datadog_s_says_what_its_layout_asks() {
        let values = |name: &str| {
            let values = of_wheel(name)?;
            let value = |name: &str| values.get(name).cloned().unwrap_or_default();
            Some([
                value("wheel_distribution_name"),
                value("package_version"),
                value("python_tag"),
                value("standard_distribution_name"),
                value("package_github_dir"),
            ])
        };
        let wheel = |name: &str| values(&format!("{name}-1.10.0-py2.py3-none-any.whl")).unwrap();
        let expected =
            ["datadog_active_directory", "1.10.0", "py2.py3", "datadog-active-directory", "active_directory"];
        assert_eq!(wheel("datadog_active_directory"), expected);
        assert_eq!(wheel("datadog_checks_base")[4], "datadog_checks_base");
        assert_eq!(wheel("datadog_go_metro")[4], "go-metro");
        for other in [
            "requests-2.0-py3-none-any.whl",
            "datadog_a-1.0-1-py3-none-any.whl",
            "datadog_a-1.0-py3-none-any.tar",
            "datadog_a-{b}-py3-none-any.whl",
            "datadog_a-1;b-py3-none-any.whl",
            "datadog_-1.0-py3-none-any.whl",
            "datadog_..-1.0-py3-none-any.whl",
            "datadog_a-..-py3-none-any.whl",
            "datadog_a--py3-none-any.whl",
            "datadog_a-1.0-.-none-any.whl",
            "datadog_a-1.0-py3-none-.whl",
        ] {
            assert_eq!(values(other), None, "{other}");
        }
    }
}
