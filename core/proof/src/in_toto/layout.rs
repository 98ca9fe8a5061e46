//! Layouts (in-toto 1.0 §4.3): who may do which step, and what may come in and go out.
//!
//! Promise: in an [`InTotoLayout`] names are unique, thresholds are at least 1, every rule and pattern can be applied,
//! and nothing requires a check that is not made. It is read from a document whose signatures have been verified.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use jiff::Timestamp;
use sealift_archive_format::strict_json::{self, JsonError};
use serde::Deserialize;
use serde_json::Value;

use crate::freshness::{TimeFormatError, parse_instant};

use super::artifact_rules::{ArtifactRule, RuleError};
use super::key::InTotoKey;
use super::substitution::{Parameters, SubstitutionError};

/// The most steps, inspections, or keys a layout may have.
const MAXIMUM_ITEMS: usize = 1024;
/// The most rules one list may have.
const MAXIMUM_RULES: usize = 10_000;

/// A layout, parameters filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct InTotoLayout {
    /// When it expires.
    pub expires: Timestamp,
    /// What the project says about it.
    pub readme: String,
    /// The functionaries' keys by key id.
    pub keys: BTreeMap<String, InTotoKey>,
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// The inspections, in their order.
    pub inspections: Vec<Inspection>,
}

/// A step (§4.3.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The name, unique in the layout.
    pub name: String,
    /// How many different functionaries must agree.
    pub threshold: NonZeroU32,
    /// The ids of the keys that may sign its links. No other key's link counts.
    pub pubkeys: Vec<String>,
    /// The command that is expected; a difference is a warning.
    pub expected_command: Vec<String>,
    /// The rules over its materials and products.
    pub rules: Rules,
}

/// An inspection (§4.3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The name, unique in the layout.
    pub name: String,
    /// The command and its arguments; not empty.
    pub run: Vec<String>,
    /// The rules over its materials and products.
    pub rules: Rules,
}

/// The rules of a step or an inspection.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The rules over its materials.
    pub expected_materials: Vec<ArtifactRule>,
    /// The rules over its products.
    pub expected_products: Vec<ArtifactRule>,
}

/// Why a document is not a layout that can be verified.
#[derive(Debug, thiserror::Error)]
pub enum InTotoLayoutError {
    /// A member is missing or of the wrong type.
    #[error("the layout does not have the members of a layout")]
    Form(#[source] JsonError),
    /// `_type` says that it is something else.
    #[error("expected an object of type {expected:?}, but its _type is {found:?}")]
    Type {
        /// `layout`, `step` or `inspection`.
        expected: &'static str,
        /// What it says.
        found: String,
    },
    /// The expiry is not a valid time.
    #[error("the layout's expiry cannot be read")]
    Expires(#[from] TimeFormatError),
    /// A step or inspection does not have a usable name.
    #[error("{0:?} cannot name a step or inspection: it is empty, too long, or has a / or a control character")]
    Name(String),
    /// Two steps or inspections have the same name.
    #[error("the name {0:?} is used more than once")]
    NameTwice(String),
    /// A threshold is not a number of functionaries.
    #[error("step {step:?} has the threshold {threshold}; it must be at least 1")]
    Threshold {
        /// The step.
        step: String,
        /// Its threshold.
        threshold: i64,
    },
    /// A key is listed under one id and states another.
    #[error("the key listed as {listed:?} states its id as {says:?}")]
    KeyId {
        /// The id under which it is listed.
        listed: String,
        /// The id that it states.
        says: String,
    },
    /// A step requires a check of certificates, which is not supported.
    #[error("step {step:?} has certificate constraints (ITE-7), which are not supported")]
    CertificateConstraints {
        /// The step.
        step: String,
    },
    /// A rule cannot be applied.
    #[error("{item:?} has a rule that cannot be applied")]
    Rule {
        /// The step or inspection.
        item: String,
        /// What is wrong with it.
        source: RuleError,
    },
    /// A command's parameters cannot be filled in.
    #[error("the command of {item:?} cannot be filled in")]
    Command {
        /// The step or inspection.
        item: String,
        /// What is wrong.
        source: SubstitutionError,
    },
    /// An inspection has no command.
    #[error("inspection {0:?} has no command to run")]
    NoCommand(String),
    /// There is more of something than any real layout has.
    #[error("the layout has {count} {what}; the limit is {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
}

#[derive(Deserialize)]
struct RawLayout {
    #[serde(rename = "_type")]
    kind: String,
    expires: String,
    readme: Option<String>,
    keys: Option<BTreeMap<String, Value>>,
    steps: Option<Vec<RawLayoutItem>>,
    inspect: Option<Vec<RawLayoutItem>>,
}

/// A step or an inspection, as written; Go writes `null` for an empty list.
#[derive(Deserialize)]
struct RawLayoutItem {
    #[serde(rename = "_type")]
    kind: Option<String>,
    name: String,
    threshold: Option<i64>,
    pubkeys: Option<Vec<String>>,
    cert_constraints: Option<Value>,
    expected_command: Option<Vec<String>>,
    run: Option<Vec<String>>,
    expected_materials: Option<Vec<Vec<String>>>,
    expected_products: Option<Vec<Vec<String>>>,
}

impl InTotoLayout {
    /// Reads a layout, and fills in its parameters.
    ///
    /// # Errors
    /// [`InTotoLayoutError`].
    pub fn parse(payload: &Value, parameters: &Parameters) -> Result<Self, InTotoLayoutError> {
        let raw: RawLayout = strict_json::into(payload.clone()).map_err(InTotoLayoutError::Form)?;
        expect_type("layout", Some(raw.kind))?;
        let keys = raw.keys.unwrap_or_default();
        let (steps, inspections) = (raw.steps.unwrap_or_default(), raw.inspect.unwrap_or_default());
        limit("keys", keys.len(), MAXIMUM_ITEMS)?;
        limit("steps", steps.len(), MAXIMUM_ITEMS)?;
        limit("inspections", inspections.len(), MAXIMUM_ITEMS)?;
        unique_names(steps.iter().chain(&inspections))?;
        Ok(Self {
            expires: parse_instant(&raw.expires)?,
            readme: raw.readme.unwrap_or_default(),
            keys: keys.into_iter().map(read_key).collect::<Result<_, _>>()?,
            steps: steps.into_iter().map(|raw| Step::read(raw, parameters)).collect::<Result<_, _>>()?,
            inspections: inspections
                .into_iter()
                .map(|raw| Inspection::read(raw, parameters))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn read_key((listed, key): (String, Value)) -> Result<(String, InTotoKey), InTotoLayoutError> {
    match key.get("keyid").and_then(Value::as_str) {
        Some(says) if says != listed => Err(InTotoLayoutError::KeyId { listed, says: says.to_owned() }),
        _ => Ok((listed, InTotoKey::from_json(&key))),
    }
}

fn expect_type(expected: &'static str, found: Option<String>) -> Result<(), InTotoLayoutError> {
    match found {
        Some(found) if found != expected => Err(InTotoLayoutError::Type { expected, found }),
        _ => Ok(()),
    }
}

fn limit(what: &'static str, count: usize, limit: usize) -> Result<(), InTotoLayoutError> {
    if count > limit { Err(InTotoLayoutError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn unique_names<'a>(items: impl Iterator<Item = &'a RawLayoutItem>) -> Result<(), InTotoLayoutError> {
    let mut seen = BTreeSet::new();
    for RawLayoutItem { name, .. } in items {
        // A name becomes part of file names: those of links, and that of the folder of a sublayout's links.
        if name.is_empty() || name.len() > 200 || name.chars().any(|each| each == '/' || each.is_control()) {
            return Err(InTotoLayoutError::Name(name.chars().take(200).collect()));
        }
        if !seen.insert(name) {
            return Err(InTotoLayoutError::NameTwice(name.clone()));
        }
    }
    Ok(())
}

fn fill_in(item: &str, command: Vec<String>, parameters: &Parameters) -> Result<Vec<String>, InTotoLayoutError> {
    let word = |word: String| parameters.fill_in_command(&word);
    let filled: Result<_, _> = command.into_iter().map(word).collect();
    filled.map_err(|source| InTotoLayoutError::Command { item: item.to_owned(), source })
}

impl Rules {
    fn read(
        item: &str,
        materials: Option<Vec<Vec<String>>>,
        products: Option<Vec<Vec<String>>>,
        parameters: &Parameters,
    ) -> Result<Self, InTotoLayoutError> {
        let read = |rules: Option<Vec<Vec<String>>>| {
            let rules = rules.unwrap_or_default();
            limit("rules in a list", rules.len(), MAXIMUM_RULES)?;
            let parsed: Result<_, _> = rules.iter().map(|words| ArtifactRule::parse(words, parameters)).collect();
            parsed.map_err(|source| InTotoLayoutError::Rule { item: item.to_owned(), source })
        };
        Ok(Self { expected_materials: read(materials)?, expected_products: read(products)? })
    }
}

impl Step {
    fn read(raw: RawLayoutItem, parameters: &Parameters) -> Result<Self, InTotoLayoutError> {
        expect_type("step", raw.kind)?;
        let constrained = match &raw.cert_constraints {
            None | Some(Value::Null) => false,
            Some(Value::Array(constraints)) => !constraints.is_empty(),
            Some(_) => true,
        };
        if constrained {
            return Err(InTotoLayoutError::CertificateConstraints { step: raw.name });
        }
        let threshold = raw.threshold.unwrap_or(1);
        let Some(threshold) = u32::try_from(threshold).ok().and_then(NonZeroU32::new) else {
            return Err(InTotoLayoutError::Threshold { step: raw.name, threshold });
        };
        let pubkeys = raw.pubkeys.unwrap_or_default();
        limit("keys in a step", pubkeys.len(), MAXIMUM_ITEMS)?;
        Ok(Self {
            threshold,
            pubkeys,
            expected_command: fill_in(&raw.name, raw.expected_command.unwrap_or_default(), parameters)?,
            rules: Rules::read(&raw.name, raw.expected_materials, raw.expected_products, parameters)?,
            name: raw.name,
        })
    }
}

impl Inspection {
    fn read(raw: RawLayoutItem, parameters: &Parameters) -> Result<Self, InTotoLayoutError> {
        expect_type("inspection", raw.kind)?;
        let run = fill_in(&raw.name, raw.run.unwrap_or_default(), parameters)?;
        if run.first().is_none_or(String::is_empty) {
            return Err(InTotoLayoutError::NoCommand(raw.name));
        }
        let rules = Rules::read(&raw.name, raw.expected_materials, raw.expected_products, parameters)?;
        Ok(Self { name: raw.name, run, rules })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layout() -> Value {
        json!({
            "_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "",
            "keys": {"ab": {"keytype": "ed25519", "scheme": "ed25519", "keyid": "ab", "keyval": {"public": "00"}}},
            "steps": [{"_type": "step", "name": "build", "threshold": 1, "pubkeys": ["ab"], "expected_command": ["make"],
                "expected_materials": [], "expected_products": [["CREATE", "foo"]]}],
            "inspect": [{"_type": "inspection", "name": "look", "run": ["true"], "expected_materials": [],
                "expected_products": []}]
        })
    }

    fn with(pointer: &str, value: Value) -> Result<InTotoLayout, InTotoLayoutError> {
        let mut layout = layout();
        *layout.pointer_mut(pointer).unwrap() = value;
        InTotoLayout::parse(&layout, &Parameters::default())
    }

    #[test]
    fn a_layout_is_read() {
        let read = InTotoLayout::parse(&layout(), &Parameters::default()).unwrap();
        assert_eq!(read.steps[0].rules.expected_products[0].to_string(), "CREATE foo");
        assert_eq!(read.inspections[0].run, ["true"]);
        // go writes null for an empty list.
        let read = with("/inspect", Value::Null).unwrap();
        assert!(read.inspections.is_empty());
    }

    #[test]
    fn names_are_unique_among_steps_and_inspections_and_plain() {
        assert!(matches!(with("/inspect/0/name", json!("build")), Err(InTotoLayoutError::NameTwice(_))));
        for name in ["", "a/b", "..\u{0}", "a\nb"] {
            assert!(matches!(with("/steps/0/name", json!(name)), Err(InTotoLayoutError::Name(_))), "{name:?}");
        }
        let named = |length: usize| with("/steps/0/name", json!("x".repeat(length)));
        assert!(named(200).is_ok());
        assert!(matches!(named(201), Err(InTotoLayoutError::Name(_))));
    }

    #[test]
    fn a_threshold_is_at_least_one() {
        for threshold in [0, -1, i64::MAX] {
            assert!(matches!(with("/steps/0/threshold", json!(threshold)), Err(InTotoLayoutError::Threshold { .. })));
        }
        for threshold in [json!("1"), json!(1.5), json!(true)] {
            assert!(matches!(with("/steps/0/threshold", threshold), Err(InTotoLayoutError::Form(_))));
        }
    }

    #[test]
    fn certificate_constraints_are_refused_loudly() {
        let with_constraints = |constraints: Value| {
            let mut layout = layout();
            layout["steps"][0]["cert_constraints"] = constraints;
            InTotoLayout::parse(&layout, &Parameters::default())
        };
        for constraints in [json!([{"common_name": "*"}]), json!({})] {
            assert!(matches!(with_constraints(constraints), Err(InTotoLayoutError::CertificateConstraints { .. })));
        }
        with_constraints(json!([])).unwrap();
        with_constraints(Value::Null).unwrap();
    }

    #[test]
    fn a_key_is_what_it_is_listed_as() {
        assert!(matches!(with("/keys/ab/keyid", json!("cd")), Err(InTotoLayoutError::KeyId { .. })));
    }

    #[test]
    fn rules_commands_types_and_times_are_checked() {
        assert!(matches!(
            with("/steps/0/expected_products/0", json!(["ALLOW", "[a"])),
            Err(InTotoLayoutError::Rule { .. })
        ));
        assert!(matches!(
            with("/steps/0/expected_products/0", json!(["NOP", "a"])),
            Err(InTotoLayoutError::Rule { .. })
        ));
        assert!(matches!(with("/inspect/0/run", json!([])), Err(InTotoLayoutError::NoCommand(_))));
        assert!(matches!(with("/steps/0/_type", json!("inspection")), Err(InTotoLayoutError::Type { .. })));
        assert!(matches!(with("/_type", json!("link")), Err(InTotoLayoutError::Type { .. })));
        assert!(matches!(with("/expires", json!("2030-01-01")), Err(InTotoLayoutError::Expires(_))));
        assert!(matches!(with("/steps", json!({})), Err(InTotoLayoutError::Form(_))));
    }

    #[test]
    fn a_layout_that_is_never_to_expire_is_read() {
        let layout = with("/expires", json!("9999-12-31T23:59:59Z")).unwrap();
        assert!(layout.expires > parse_instant("9999-01-01T00:00:00Z").unwrap());
        assert!(matches!(with("/expires", json!("9999-02-30T00:00:00Z")), Err(InTotoLayoutError::Expires(_))));
    }
}
