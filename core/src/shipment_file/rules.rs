//! Rules by which tags are chosen, as a shipment writes them.

use super::reader::{TextList, TomlValue};
use super::{MAXIMUM_ENTRIES, ShipmentFileError, WrittenAt, WrittenText};
use crate::oci::Reference;
use crate::tag_rule::{TagRule, TagWish};

/// Every key of a rule.
const KEYS: [&str; 6] = ["bundles", "from", "newest", "pattern", "prereleases", "versions"];
const EXPECTED: &str = "a table of rules: NAME = { versions = \"1.*\", newest = 3 }";

/// A rule by which tags of an image or a bundle are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenTagRule {
    /// The name of the image or the bundle, without a tag.
    pub name: WrittenText,
    /// Whether there are bundles under the tags.
    pub has_bundles: bool,
    /// Where its tags are looked up, and it is stored, if not under its name.
    pub from: Option<WrittenText>,
    /// The rule.
    pub rule: TagRule,
}

impl WrittenTagRule {
    fn read(value: TomlValue<'_, '_>, at: WrittenAt, name: &str) -> Result<Self, ShipmentFileError> {
        let name = WrittenText::new(name, at)?;
        match name.read::<Reference>()? {
            reference if reference.tag().is_some() || reference.digest().is_some() => {
                return Err(name.refused(&"write the name alone: the rule chooses the tags"));
            }
            _ => {}
        }
        let (mut wish, mut from, mut has_bundles) = (TagWish::default(), None, false);
        for value in value.table(EXPECTED)? {
            match value.key() {
                "bundles" => has_bundles = value.truth()?,
                "from" => from = Some(value.text()?),
                "newest" => wish.newest = Some(value.count()?),
                "pattern" => wish.pattern = Some(value.text()?.text().to_owned()),
                "prereleases" => wish.prereleases = value.truth()?,
                "versions" => wish.versions = Some(value.text()?.text().to_owned()),
                _ => return Err(value.unknown("of a rule in [tags]", &KEYS)),
            }
        }
        let rule = TagRule::new(wish).map_err(|error| name.refused(&error))?;
        Ok(Self { name, has_bundles, from, rule })
    }
}

impl TomlValue<'_, '_> {
    /// A table from names to rules, or to lists of rules.
    pub(super) fn tag_rules(self) -> Result<Vec<WrittenTagRule>, ShipmentFileError> {
        let key = self.key().to_owned();
        let (mut rules, mut each) = (Vec::new(), TextList::default());
        for named in self.table(EXPECTED)? {
            let name = named.key().to_owned();
            for value in named.tables(EXPECTED)? {
                let at = WrittenAt { line: value.line(), key: Some(key.clone()) };
                if rules.len() >= MAXIMUM_ENTRIES {
                    return Err(ShipmentFileError::TooManyEntries { at });
                }
                let written = WrittenTagRule::read(value, at.clone(), &name)?;
                each.add(WrittenText::new(&format!("{name} ({})", written.rule), at)?)?;
                rules.push(written);
            }
        }
        Ok(rules)
    }
}
