//! Why a supply chain is refused: the one rule, artifact, link or key, and the trace up to there.

use std::num::NonZeroU32;

use jiff::Timestamp;

use super::inspection::InspectionError;
use super::key::NotSigned;
use super::layout::InTotoLayoutError;
use super::metadata::SignedDocumentError;
use super::product::UnboundProduct;
use super::rule_processing::RuleViolation;
use super::trace::Trace;
use super::work::WorkExceeded;

/// A refusal: the cause, and what was found before it.
#[derive(Debug)]
pub struct Refusal {
    /// What is wrong with the supply chain.
    pub cause: Box<Cause>,
    /// What was found before the refusal.
    pub trace: Box<Trace>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}

/// Why a supply chain is refused.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// No key was given to verify the layout with.
    #[error("no key was given to verify the layout with")]
    NoLayoutKey,
    /// The layout is not a signed document.
    #[error("the layout cannot be read")]
    LayoutUnreadable(#[source] SignedDocumentError),
    /// One of the layout's keys did not sign it.
    #[error("the layout is not signed by key {key}")]
    LayoutNotSigned {
        /// The verifier's name for the key.
        key: String,
        /// What is wrong.
        source: NotSigned,
    },
    /// The layout cannot be verified.
    #[error("the layout cannot be used")]
    Layout(#[from] InTotoLayoutError),
    /// The layout has expired.
    #[error("the layout expired at {expires}; judged at {at}")]
    Expired {
        /// When it expired.
        expires: Timestamp,
        /// The instant at which expiry was judged.
        at: Timestamp,
    },
    /// There is no link for a step.
    #[error(
        "there is no link for step {step:?}: expected {step}.KEYID.link, where KEYID is the first 8 characters of a key id"
    )]
    NoLink {
        /// The step.
        step: String,
    },
    /// Too few functionaries signed links for a step.
    #[error("step {step:?} requires links by {required} different keys that it names, but {} count{}", .counted.len(), list_passed_over(.passed_over))]
    Threshold {
        /// The step.
        step: String,
        /// How many it requires.
        required: NonZeroU32,
        /// The key ids whose links count.
        counted: Vec<String>,
        /// The files that do not count, and why.
        passed_over: Vec<(String, LinkProblem)>,
    },
    /// Two functionaries report different artifacts for one step.
    #[error("the links {first} and {second} of step {step:?} do not agree on artifact {artifact:?}")]
    Disagreement {
        /// The step.
        step: String,
        /// A file.
        first: String,
        /// Another file.
        second: String,
        /// The first artifact on which they differ.
        artifact: String,
    },
    /// A step's sublayout is refused.
    #[error("step {step:?} has a sublayout, and {file} is refused")]
    Sublayout {
        /// The step.
        step: String,
        /// The sublayout's file.
        file: String,
        /// Why the sublayout does not hold.
        source: Refusal,
    },
    /// Sublayouts nest too deeply.
    #[error("sublayouts are nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// There are more files than any real chain has.
    #[error("there are {count} link files; the limit is {limit}")]
    TooManyFiles {
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// An artifact rule does not hold.
    #[error(transparent)]
    Rule(#[from] RuleViolation),
    /// Verifying would take too long.
    #[error(transparent)]
    Work(#[from] WorkExceeded),
    /// An inspection ended with a failure.
    #[error("inspection {inspection:?} ended with exit status {exit_status}")]
    InspectionFailed {
        /// The inspection.
        inspection: String,
        /// Its exit status.
        exit_status: i32,
    },
    /// An inspection could not be run to its end.
    #[error("inspection {inspection:?} could not be run")]
    InspectionNotRun {
        /// The inspection.
        inspection: String,
        /// What went wrong with it.
        source: InspectionError,
    },
    /// The final product is not what the chain produced.
    #[error("the final product does not come from this chain")]
    Product(#[from] UnboundProduct),
}

/// Why a file does not count as a step's link.
#[derive(Debug, thiserror::Error)]
pub enum LinkProblem {
    /// It is not a signed document.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] SignedDocumentError),
    /// It is signed by a key that may sign for this step, but is not a link.
    #[error("it is not a link: {0}")]
    NotALink(#[from] super::link::LinkError),
    /// It is signed by a key that may sign for this step, but reports another step.
    #[error("it reports another step, {0:?}")]
    OtherStep(String),
    /// It is a layout of its own, and its signer may sign for another step too. A layout does not say which step it
    /// stands for.
    #[error("it is a sublayout signed by a key that step {0:?} also names, so nothing says which step it stands for")]
    SublayoutForEitherStep(String),
    /// None of the keys that the step names signed it, and it claims a signature by a key that the layout lists for
    /// other steps. That claim was not checked, because the signature would not count anyway.
    #[error("none of the step's keys signed it: it names key {key_id}, which this step does not name")]
    KeyOfAnotherStep {
        /// The id of that key.
        key_id: String,
    },
    /// None of the keys that the step names signed it.
    #[error("none of the step's keys signed it: {0}")]
    NotSigned(NotSigned),
    /// A link by its signer already counts.
    #[error("its signer already counts, with {0}")]
    SameSigner(String),
}

fn list_passed_over(files: &[(String, LinkProblem)]) -> String {
    files.iter().map(|(file, problem)| format!("; {file}: {problem}")).collect()
}

/// The class of a refusal: for reports, and so that a test cannot take one failure for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalClass {
    /// The layout is not signed by every key.
    LayoutSignature,
    /// The document is not a layout, or requires something that is not supported.
    Layout,
    /// The layout has expired.
    Expired,
    /// Links are missing.
    MissingLink,
    /// Too few links count.
    Threshold,
    /// Links disagree.
    Disagreement,
    /// A rule does not hold.
    Rule,
    /// A limit on depth, number or work is reached.
    Limit,
    /// An inspection failed, or could not be run.
    Inspection,
    /// The final product does not come from this chain.
    Product,
}

impl Refusal {
    /// The cause; of a sublayout's refusal, the innermost one.
    pub fn innermost_cause(&self) -> &Cause {
        match self.cause.as_ref() {
            Cause::Sublayout { source, .. } => source.innermost_cause(),
            cause => cause,
        }
    }

    /// The class; for a sublayout's refusal, that of its innermost cause.
    pub fn class(&self) -> RefusalClass {
        match self.cause.as_ref() {
            Cause::NoLayoutKey | Cause::LayoutNotSigned { .. } => RefusalClass::LayoutSignature,
            Cause::LayoutUnreadable(_) | Cause::Layout(_) => RefusalClass::Layout,
            Cause::Expired { .. } => RefusalClass::Expired,
            Cause::NoLink { .. } => RefusalClass::MissingLink,
            Cause::Threshold { .. } => RefusalClass::Threshold,
            Cause::Disagreement { .. } => RefusalClass::Disagreement,
            Cause::Sublayout { source, .. } => source.class(),
            Cause::Rule(RuleViolation::Work(_)) | Cause::Work(_) => RefusalClass::Limit,
            Cause::TooDeep { .. } | Cause::TooManyFiles { .. } => RefusalClass::Limit,
            Cause::Rule(RuleViolation::Disallowed { .. } | RuleViolation::Required { .. }) => RefusalClass::Rule,
            Cause::InspectionFailed { .. } | Cause::InspectionNotRun { .. } => RefusalClass::Inspection,
            Cause::Product(_) => RefusalClass::Product,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_that_was_passed_over_is_listed_with_its_reason() {
        let files = [("a.link", "b"), ("c.link", "d")]
            .map(|(file, step)| (file.to_owned(), LinkProblem::OtherStep(step.to_owned())));
        let listed = r#"; a.link: it reports another step, "b"; c.link: it reports another step, "d""#;
        assert_eq!(list_passed_over(&files), listed);
        assert_eq!(list_passed_over(&[]), "");
    }
}
