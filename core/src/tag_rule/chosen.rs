//! What rules chose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MAXIMUM_IN_ALL, TagRule, TagsError};
use crate::oci::{ReferenceError, Tag};

/// Tags by the name of their image and by the rule that chose them.
type Written = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// The tags that rules chose: by the name of their image, and by the rule as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct ChosenTags {
    rules: BTreeMap<String, BTreeMap<String, Vec<Tag>>>,
    count: usize,
}

impl ChosenTags {
    /// Adds what a rule chose.
    ///
    /// # Errors
    /// [`TagsError::TooManyInAll`].
    pub fn add(&mut self, image: &str, rule: &TagRule, tags: Vec<Tag>) -> Result<(), TagsError> {
        self.count = self.count.saturating_add(tags.len());
        if self.count > MAXIMUM_IN_ALL {
            return Err(TagsError::TooManyInAll);
        }
        self.rules.entry(image.to_owned()).or_default().insert(rule.to_string(), tags);
        Ok(())
    }

    /// What a rule chose, the newest first; `None` if it was not asked.
    pub fn by_rule(&self, image: &str, rule: &TagRule) -> Option<&[Tag]> {
        self.rules.get(image)?.get(&rule.to_string()).map(Vec::as_slice)
    }

    /// Each rule, with the name of the image and what was chosen.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &str, &[Tag])> {
        self.rules.iter().flat_map(|(image, rules)| rules.iter().map(|(rule, tags)| (&**image, &**rule, &**tags)))
    }

    /// The name of each image that was chosen, with the rules that chose it.
    pub fn names(&self) -> BTreeMap<String, Vec<&str>> {
        let mut names: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (image, rule, tags) in self.rules() {
            for tag in tags {
                names.entry(format!("{image}:{tag}")).or_default().push(rule);
            }
        }
        names
    }

    /// Whether no rule chose anything.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl TryFrom<Written> for ChosenTags {
    type Error = ReferenceError;

    fn try_from(written: Written) -> Result<Self, ReferenceError> {
        let rules = |(image, rules): (String, BTreeMap<String, Vec<String>>)| {
            let tags = |(rule, tags): (String, Vec<String>)| {
                Ok((rule, tags.iter().map(|tag| tag.parse()).collect::<Result<Vec<Tag>, _>>()?))
            };
            Ok((image, rules.into_iter().map(tags).collect::<Result<_, ReferenceError>>()?))
        };
        let written = written.into_iter().filter(|(_, rules)| !rules.is_empty());
        let rules: BTreeMap<_, BTreeMap<_, Vec<Tag>>> = written.map(rules).collect::<Result<_, ReferenceError>>()?;
        let count = rules.values().flat_map(BTreeMap::values).map(Vec::len).sum();
        Ok(Self { rules, count })
    }
}

impl From<ChosenTags> for Written {
    fn from(chosen: ChosenTags) -> Self {
        let texts = |tags: Vec<Tag>| tags.iter().map(ToString::to_string).collect();
        let rules =
            |rules: BTreeMap<String, Vec<Tag>>| rules.into_iter().map(|(rule, tags)| (rule, texts(tags))).collect();
        chosen.rules.into_iter().map(|(image, of)| (image, rules(of))).collect()
    }
}
