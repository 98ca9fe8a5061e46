//! Which files count as a step's links, and for whom (in-toto 1.0 §4.3.1, §5.2).
//!
//! Promise: a file counts only if a key that the *step* names made a valid signature on it, and it reports that step;
//! each signer counts once, distinguished by key material, whatever the keys are called. File names only say where to
//! look: `STEP.KEYID.link`, with the first 8 characters of some key id. No signature is verified unless it could make a
//! file count: what is reported about a file that does not count is what the file says about itself. A link counts for
//! the step that it names; a sublayout names none, and counts only where its signer can sign for no other step.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use jiff::Timestamp;

use crate::signature::KeyIdentity;
use crate::signature::openpgp::Fingerprint;

use super::key::{InTotoKey, NotSigned, SignedBy};
use super::layout::{InTotoLayout, Step};
use super::link::Link;
use super::metadata::SignedDocument;
use super::refusal::LinkProblem;
use super::work::{Work, WorkExceeded};

/// The length of the part of a key id that file names hold, in characters.
const KEY_ID_IN_FILE_NAME: usize = 8;

/// The files that count for a step, and those that do not.
pub(super) struct StepLinks<'a> {
    /// The files that count.
    pub(super) counted: Vec<CountedLink<'a>>,
    /// The files that do not count, and why.
    pub(super) passed_over: Vec<(String, LinkProblem)>,
    /// Links by a signer that already counts; they do not count again, but must agree.
    pub(super) repeated: Vec<CountedLink<'a>>,
}

/// A file that a functionary of the step signed.
pub(super) struct CountedLink<'a> {
    /// The file.
    pub(super) file: String,
    /// The folder of the links of a sublayout in this file: the file's name without `.link`.
    pub(super) folder: String,
    /// The id of the key that the step names and that signed it.
    pub(super) key_id: &'a str,
    /// That key.
    pub(super) key: &'a InTotoKey,
    identities: Vec<KeyIdentity>,
    /// What it holds.
    pub(super) content: LinkContent,
}

/// What a step's file holds.
pub(super) enum LinkContent {
    /// A report.
    Link(Link),
    /// A sublayout, to be verified in turn.
    Sublayout(SignedDocument),
}

/// A key that a step names.
struct Functionary<'a> {
    key_id: &'a str,
    key: &'a InTotoKey,
    /// For an OpenPGP subkey that the step names: only it may sign.
    only: Option<Fingerprint>,
}

/// Decides which of a step's files count.
///
/// # Errors
/// [`WorkExceeded`] when checking the signatures would exceed the budget.
pub(super) fn step_links<'a>(
    layout: &'a InTotoLayout,
    step: &'a Step,
    files: &BTreeMap<String, Vec<u8>>,
    folder: &str,
    at: Timestamp,
    work: &mut Work,
) -> Result<StepLinks<'a>, WorkExceeded> {
    let mut links = StepLinks { counted: Vec::new(), passed_over: Vec::new(), repeated: Vec::new() };
    let functionaries = functionaries(layout, step, work)?;
    for (file, label, bytes) in candidates(files, folder, &step.name) {
        let document = match SignedDocument::parse(bytes) {
            Ok(document) => document,
            Err(error) => {
                links.passed_over.push((file.to_owned(), error.into()));
                continue;
            }
        };
        match counted(layout, step, &functionaries, label, document, at, work) {
            Err(LinkProblem::NotSigned(NotSigned::Work(exceeded))) => return Err(exceeded),
            Err(problem) => links.passed_over.push((file.to_owned(), problem)),
            Ok((functionary, by, content)) => {
                if let LinkContent::Sublayout(_) = content
                    && let Some(other) = another_step(layout, step, &by, work)?
                {
                    links.passed_over.push((file.to_owned(), LinkProblem::SublayoutForEitherStep(other.to_owned())));
                    continue;
                }
                links.add(CountedLink {
                    file: file.to_owned(),
                    folder: format!("{}/", file.strip_suffix(".link").unwrap_or(file)),
                    key_id: functionary.key_id,
                    key: functionary.key,
                    identities: by.identities,
                    content,
                });
            }
        }
    }
    Ok(links)
}

impl<'a> StepLinks<'a> {
    fn add(&mut self, link: CountedLink<'a>) {
        let same = |other: &&CountedLink<'_>| other.identities.iter().any(|it| link.identities.contains(it));
        match self.counted.iter().find(same) {
            Some(other) => {
                self.passed_over.push((link.file.clone(), LinkProblem::SameSigner(other.file.clone())));
                self.repeated.push(link);
            }
            None => self.counted.push(link),
        }
    }
}

/// The keys that the step names. An id without a listed key may be that of an OpenPGP subkey.
fn functionaries<'a>(
    layout: &'a InTotoLayout,
    step: &'a Step,
    work: &mut Work,
) -> Result<Vec<Functionary<'a>>, WorkExceeded> {
    let distinct: BTreeSet<&String> = step.pubkeys.iter().collect();
    // Each key may have to be searched for a subkey.
    let searched = distinct.iter().filter(|key_id| !layout.keys.contains_key(**key_id)).count();
    work.spend(u64::try_from(searched.saturating_mul(layout.keys.len())).unwrap_or(u64::MAX))?;
    let mut functionaries = Vec::new();
    for key_id in distinct {
        if let Some(key) = layout.keys.get(key_id) {
            functionaries.push(Functionary { key_id, key, only: None });
        } else if let Some(subkey) = Fingerprint::from_hex(key_id) {
            let with_subkey = layout.keys.values().filter(|key| key.has_subkey(subkey));
            functionaries.extend(with_subkey.map(|key| Functionary { key_id, key, only: Some(subkey) }));
        }
    }
    Ok(functionaries)
}

/// Another step of the layout that the signer may sign for. A link says which step it reports; a layout does not, so a
/// sublayout that was made for one step could be presented as the other's.
fn another_step<'a>(
    layout: &'a InTotoLayout,
    step: &Step,
    by: &SignedBy,
    work: &mut Work,
) -> Result<Option<&'a str>, WorkExceeded> {
    for other in layout.steps.iter().filter(|other| other.name != step.name) {
        let functionaries = functionaries(layout, other, work)?;
        work.spend(u64::try_from(functionaries.len()).unwrap_or(u64::MAX))?;
        if functionaries.iter().any(|functionary| functionary.key.is_among(&by.identities)) {
            return Ok(Some(&other.name));
        }
    }
    Ok(None)
}

/// The files `FOLDER STEP.LABEL.link`, with their labels.
fn candidates<'f>(
    files: &'f BTreeMap<String, Vec<u8>>,
    folder: &str,
    step: &str,
) -> impl Iterator<Item = (&'f str, &'f str, &'f [u8])> {
    let prefix = format!("{folder}{step}.");
    let from = (Bound::Included(prefix.clone()), Bound::Unbounded);
    let named = files.range(from).map_while(move |(file, bytes)| Some((file, file.strip_prefix(&prefix)?, bytes)));
    named.filter_map(|(file, rest, bytes)| {
        let label = rest.strip_suffix(".link")?;
        let is_label = !label.is_empty() && label.chars().count() <= KEY_ID_IN_FILE_NAME && !label.contains(['.', '/']);
        is_label.then_some((file.as_str(), label, bytes.as_slice()))
    })
}

/// Who signed a file for the step, and what it holds.
fn counted<'f, 'a>(
    layout: &InTotoLayout,
    step: &Step,
    functionaries: &'f [Functionary<'a>],
    label: &str,
    document: SignedDocument,
    at: Timestamp,
    work: &mut Work,
) -> Result<(&'f Functionary<'a>, SignedBy, LinkContent), LinkProblem> {
    let (first, then): (Vec<_>, Vec<_>) = functionaries.iter().partition(|it| it.key_id.starts_with(label));
    let mut failure = NotSigned::NoSignature;
    for functionary in first.into_iter().chain(then) {
        match functionary.key.find_signature(functionary.key_id, &document, at, work) {
            Err(NotSigned::Work(exceeded)) => return Err(LinkProblem::NotSigned(exceeded.into())),
            Ok(by) if functionary.only.is_none() || functionary.only == by.openpgp_key_id => {
                return Ok((functionary, by, content(step, document)?));
            }
            Ok(_) | Err(NotSigned::NoSignature) => {}
            Err(why) => failure = why,
        }
    }
    let names = |key_id: &String| layout.keys.contains_key(key_id) && !step.pubkeys.contains(key_id);
    match document.signatures().iter().map(|signature| &signature.key_id).find(|key_id| names(key_id)) {
        Some(key_id) => Err(LinkProblem::KeyOfAnotherStep { key_id: key_id.clone() }),
        None => Err(LinkProblem::NotSigned(failure)),
    }
}

fn content(step: &Step, document: SignedDocument) -> Result<LinkContent, LinkProblem> {
    if document.payload_kind() == "layout" {
        return Ok(LinkContent::Sublayout(document));
    }
    let link = Link::parse(document.payload())?;
    if link.name == step.name { Ok(LinkContent::Link(link)) } else { Err(LinkProblem::OtherStep(link.name)) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::canonical_json;
    use crate::in_toto::Parameters;
    use crate::signature::SigningKey;

    /// What one verification with Ed25519 costs, beside the document's length.
    const ONE: u64 = 20_000;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn label(seed: u8) -> String {
        format!("{seed:02x}").repeat(32)
    }

    /// A layout with keys 1 to 64, whose step `make` names key 1 and whose step `other` names the others.
    fn layout() -> InTotoLayout {
        let listed = |seed: u8| {
            let public = hex::encode(key(seed).public_bytes());
            let key = json!({"keyid": label(seed), "keytype": "ed25519", "scheme": "ed25519",
                "keyval": {"public": public}});
            (label(seed), key)
        };
        let step = |name: &str, pubkeys: Vec<String>| {
            json!({"_type": "step", "name": name, "threshold": 1, "pubkeys": pubkeys, "expected_command": [],
                "expected_materials": [], "expected_products": []})
        };
        let keys: serde_json::Map<_, _> = (1..=64).map(listed).collect();
        let layout = json!({"_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "", "inspect": [],
            "keys": keys, "steps": [step("make", vec![label(1)]), step("other", (2..=64).map(label).collect())]});
        InTotoLayout::parse(&layout, &Parameters::default()).unwrap()
    }

    /// A link of `make`, signed by these keys.
    fn link(signers: impl Iterator<Item = u8>) -> Vec<u8> {
        let signed = json!({"_type": "link", "name": "make", "materials": {}, "products": {}});
        let message = canonical_json::encode(&signed).unwrap();
        let signature = |seed| json!({"keyid": label(seed), "sig": hex::encode(key(seed).sign(&message))});
        let signatures: Vec<Value> = signers.map(signature).collect();
        json!({"signed": signed, "signatures": signatures}).to_string().into_bytes()
    }

    /// How many verifications these files of the step `make` take, and what is said of those that do not count.
    fn verifications(files: &[Vec<u8>]) -> (u64, Vec<String>) {
        let layout = layout();
        let files = files.iter().enumerate();
        let files = files.map(|(index, bytes)| (format!("make.{index:08}.link"), bytes.clone())).collect();
        let mut work = Work::new(u64::MAX);
        let links = step_links(&layout, &layout.steps[0], &files, "", Timestamp::UNIX_EPOCH, &mut work).unwrap();
        let reasons = links.passed_over.iter().map(|(_, problem)| problem.to_string()).collect();
        (work.spent() / ONE, reasons)
    }

    #[test]
    fn a_signature_that_names_its_key_takes_one_verification() {
        assert_eq!(verifications(&[link([1].into_iter())]), (1, Vec::new()));
        assert_eq!(verifications(&[link((1..=64).rev())]), (1, Vec::new()));
    }

    #[test]
    fn nothing_is_verified_that_could_not_make_a_file_count() {
        // 63 signatures by other steps' keys: each is looked at once, with the key that this step names.
        let (verifications, reasons) = verifications(&[link(2..=64)]);
        assert_eq!(verifications, 63);
        let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
        assert!(reason.contains(&label(2)) && reason.contains("which this step does not name"), "{reason}");
    }

    #[test]
    fn looking_for_the_key_of_a_subkey_is_paid_for() {
        let mut layout = layout();
        layout.steps[0].pubkeys = (0..1000).map(|index| format!("{index:040x}")).collect();
        let mut work = Work::new(u64::MAX);
        assert!(functionaries(&layout, &layout.steps[0], &mut work).unwrap().is_empty());
        assert_eq!(work.spent(), 1000 * 64);
    }

    #[test]
    fn the_budget_is_one_for_all_files_and_ends_the_search() {
        let layout = layout();
        let files = (0..100).map(|index| (format!("make.{index:08}.link"), link(2..=64))).collect();
        let mut work = Work::new(100 * (ONE + 100));
        let links = step_links(&layout, &layout.steps[0], &files, "", Timestamp::UNIX_EPOCH, &mut work);
        assert!(matches!(links, Err(WorkExceeded { .. })));
        assert!(work.spent() / ONE <= 101, "{}", work.spent());
    }
}
