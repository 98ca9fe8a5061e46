//! The verification workflow (in-toto 1.0 §5.2), in order.
//!
//! 1 layout signatures, by every key given; 2 expiry; 3 parameters; 4 links and who signed them; 5 sublayouts, each in
//! its own folder and with the one key that signed it; 6 agreement; 7 the steps' rules; 8 the final product; 9
//! inspections and their rules. Promise: a [`VerifiedSupplyChain`] has passed all of this, and nothing else makes one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::artifact::Artifacts;
use super::artifact_rules::ArtifactList;
use super::inspection::{InspectionRequest, Inspections};
use super::key::{InTotoKey, NotSigned};
use super::layout::{InTotoLayout, Inspection, Step};
use super::metadata::SignedDocument;
use super::product::{self, FinalProduct, ProductBinding};
use super::refusal::{Cause, Refusal};
use super::rule_processing::{StepReport, apply_rules};
use super::step_links::{CountedLink, LinkContent, step_links};
use super::substitution::Parameters;
use super::trace::{InspectionTrace, LinkTrace, PassedOver, StepTrace, Trace};
use super::work::Work;

/// How deep sublayouts may nest.
pub const MAXIMUM_DEPTH: usize = 8;
/// The most link files a chain may have.
pub const MAXIMUM_FILES: usize = 10_000;

/// A supply chain to be verified, as it was found.
#[derive(Debug, Clone)]
pub struct SupplyChain<'a> {
    /// The layout's bytes.
    pub layout: &'a [u8],
    /// The keys that must *all* have signed the layout. They must come from a trusted source.
    pub layout_keys: Vec<LayoutKey>,
    /// The link files by name, `STEP.KEYID.link`; those of a sublayout in its folder, `STEP.KEYID/….link`.
    pub links: BTreeMap<String, Vec<u8>>,
    /// Values for the layout's parameters; a sublayout gets none.
    pub parameters: Parameters,
}

/// A key that must have signed the layout.
#[derive(Debug, Clone)]
pub struct LayoutKey {
    /// The verifier's name for it: a file name or a key id, for reports.
    pub label: String,
    /// The key.
    pub key: InTotoKey,
}

/// A supply chain that was verified.
///
/// Nothing else makes one:
///
/// ```compile_fail,E0451
/// # use sealift_proof::in_toto::{Trace, VerifiedSupplyChain};
/// # fn forge(trace: Trace) -> VerifiedSupplyChain {
/// VerifiedSupplyChain { trace, expires: unreachable!(), not_run: Vec::new() }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct VerifiedSupplyChain {
    trace: Trace,
    expires: Timestamp,
    not_run: Vec<String>,
}

impl VerifiedSupplyChain {
    /// What was found, step by step.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// When the first of its layouts expires.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The inspections that the layouts ask for but that were *not* run. If there are any, the chain is verified only
    /// as far as possible without them; the caller must decide whether that is enough.
    pub fn inspections_not_run(&self) -> &[String] {
        &self.not_run
    }

    /// What binds the final product to the chain.
    pub fn product(&self) -> &[ProductBinding] {
        &self.trace.product
    }
}

/// Verifies a supply chain and its final product. Expiry is judged at `reference_time`, which a
/// [`crate::freshness::Freshness`] policy chose. All matching and verifying, including that of sublayouts, is paid for
/// from `work`.
///
/// # Errors
/// [`Refusal`], with the cause and the trace up to it.
pub fn verify(
    chain: &SupplyChain<'_>,
    product: &FinalProduct<'_>,
    reference_time: Timestamp,
    inspections: Inspections<'_>,
    work: &mut Work,
) -> Result<VerifiedSupplyChain, Refusal> {
    let mut workflow = Workflow {
        files: &chain.links,
        product,
        at: reference_time,
        inspections,
        work,
        expires: Timestamp::MAX,
        not_run: Vec::new(),
    };
    let mut trace = Trace::default();
    match workflow.run(chain, &mut trace) {
        Ok(()) => Ok(VerifiedSupplyChain { trace, expires: workflow.expires, not_run: workflow.not_run }),
        Err(cause) => Err(Refusal { cause: Box::new(cause), trace: Box::new(trace) }),
    }
}

/// What stays the same for a layout and its sublayouts.
struct Workflow<'a> {
    files: &'a BTreeMap<String, Vec<u8>>,
    product: &'a FinalProduct<'a>,
    at: Timestamp,
    inspections: Inspections<'a>,
    work: &'a mut Work,
    expires: Timestamp,
    not_run: Vec<String>,
}

/// A layout's reports by step, and the layout.
struct Reports {
    layout: InTotoLayout,
    by_step: BTreeMap<String, StepReport>,
}

impl Reports {
    /// The materials of the first step and the products of the last (§4.5: the summary link).
    fn summary(mut self) -> StepReport {
        let last = self.layout.steps.last().and_then(|step| self.by_step.get(&step.name));
        let products = last.map_or_else(Artifacts::default, |report| report.products.clone());
        let first = self.layout.steps.first().and_then(|step| self.by_step.remove(&step.name));
        StepReport { materials: first.map_or_else(Artifacts::default, |report| report.materials), products }
    }
}

impl Workflow<'_> {
    fn run(&mut self, chain: &SupplyChain<'_>, trace: &mut Trace) -> Result<(), Cause> {
        if chain.links.len() > MAXIMUM_FILES {
            return Err(Cause::TooManyFiles { count: chain.links.len(), limit: MAXIMUM_FILES });
        }
        let document = SignedDocument::parse(chain.layout).map_err(Cause::LayoutUnreadable)?;
        self.layout(&document, &chain.layout_keys, &chain.parameters, 0, trace)?;
        Ok(())
    }

    /// Verifies one layout, `depth` sublayouts down; `trace.folder` is the folder of its links.
    fn layout(
        &mut self,
        document: &SignedDocument,
        keys: &[LayoutKey],
        parameters: &Parameters,
        depth: usize,
        trace: &mut Trace,
    ) -> Result<Reports, Cause> {
        self.layout_signatures(document, keys, trace)?;
        let layout = InTotoLayout::parse(document.payload(), parameters)?;
        trace.expires = Some(layout.expires);
        trace.judged_at = Some(self.at);
        if layout.expires <= self.at {
            return Err(Cause::Expired { expires: layout.expires, at: self.at });
        }
        self.expires = self.expires.min(layout.expires);
        let mut by_step = BTreeMap::new();
        for step in &layout.steps {
            let report = self.step(&layout, step, depth, trace)?;
            by_step.insert(step.name.clone(), report);
        }
        for (step, found) in layout.steps.iter().zip(&mut trace.steps) {
            let rules = &step.rules;
            let (name, work) = (&step.name, &mut *self.work);
            let materials = &mut found.materials;
            apply_rules(name, ArtifactList::Materials, &rules.expected_materials, &by_step, work, materials)?;
            let products = &mut found.products;
            apply_rules(name, ArtifactList::Products, &rules.expected_products, &by_step, work, products)?;
        }
        if depth == 0 {
            // Before the layout's inspections, so that no command runs on a product that does not come from this chain.
            trace.product = product::bind(self.product, &layout.steps, &by_step)?;
        }
        self.run_inspections(&layout.inspections, &by_step, trace)?;
        Ok(Reports { layout, by_step })
    }

    fn layout_signatures(
        &mut self,
        document: &SignedDocument,
        keys: &[LayoutKey],
        trace: &mut Trace,
    ) -> Result<(), Cause> {
        if keys.is_empty() {
            return Err(Cause::NoLayoutKey);
        }
        for LayoutKey { label, key } in keys {
            key.find_signature(label, document, self.at, self.work).map_err(|source| match source {
                NotSigned::Work(exceeded) => Cause::Work(exceeded),
                source => Cause::LayoutNotSigned { key: label.clone(), source },
            })?;
            trace.layout_signed_by.push(label.clone());
        }
        Ok(())
    }

    /// Verifies a step's links, and returns the report on which they agree.
    fn step(
        &mut self,
        layout: &InTotoLayout,
        step: &Step,
        depth: usize,
        trace: &mut Trace,
    ) -> Result<StepReport, Cause> {
        let links = step_links(layout, step, self.files, &trace.folder, self.at, self.work)?;
        let passed_over =
            links.passed_over.iter().map(|(file, why)| PassedOver { file: file.clone(), reason: why.to_string() });
        trace.steps.push(StepTrace {
            name: step.name.clone(),
            threshold: step.threshold.get(),
            passed_over: passed_over.collect(),
            ..StepTrace::default()
        });
        let found = trace.steps.last_mut();
        let enough = u32::try_from(links.counted.len()).is_ok_and(|count| count >= step.threshold.get());
        if !enough {
            return Err(if links.counted.is_empty() && links.passed_over.is_empty() {
                Cause::NoLink { step: step.name.clone() }
            } else {
                let counted = links.counted.iter().map(|link| link.key_id.to_owned()).collect();
                let passed_over = links.passed_over;
                Cause::Threshold { step: step.name.clone(), required: step.threshold, counted, passed_over }
            });
        }
        let mut agreed: Option<(String, StepReport)> = None;
        let mut traces = Vec::new();
        let mut warnings = Vec::new();
        let counting = links.counted.len();
        for (index, link) in links.counted.into_iter().chain(links.repeated).enumerate() {
            let mut link_trace = LinkTrace {
                file: link.file.clone(),
                key_id: link.key_id.to_owned(),
                key: link.key.describe(),
                sublayout: None,
            };
            let file = link.file.clone();
            let report = self.report(step, link, depth, &mut link_trace, &mut warnings)?;
            if index < counting {
                traces.push(link_trace);
            }
            match &agreed {
                None => agreed = Some((file, report)),
                Some((first, other)) => {
                    if let Some(artifact) = difference(other, &report) {
                        let (step, first) = (step.name.clone(), first.clone());
                        return Err(Cause::Disagreement { step, first, second: file, artifact });
                    }
                }
            }
        }
        if let Some(found) = found {
            found.links = traces;
            found.warnings = warnings;
        }
        // A threshold is at least one.
        agreed.map(|(_, report)| report).ok_or_else(|| Cause::NoLink { step: step.name.clone() })
    }

    /// The report of a file that counts: its own, or the summary of its sublayout.
    fn report(
        &mut self,
        step: &Step,
        link: CountedLink<'_>,
        depth: usize,
        link_trace: &mut LinkTrace,
        warnings: &mut Vec<String>,
    ) -> Result<StepReport, Cause> {
        let document = match link.content {
            LinkContent::Link(found) => {
                if found.command != step.expected_command {
                    let (ran, expected) = (found.command.join(" "), step.expected_command.join(" "));
                    warnings.push(format!("{} ran {ran:?}, but {expected:?} was expected", link.file));
                }
                return Ok(StepReport { materials: found.materials, products: found.products });
            }
            LinkContent::Sublayout(document) => document,
        };
        if depth >= MAXIMUM_DEPTH {
            return Err(Cause::TooDeep { limit: MAXIMUM_DEPTH });
        }
        // Only the functionary who signed the sublayout vouches for it; the keys in it count only for its own steps.
        let key = LayoutKey { label: link.key_id.to_owned(), key: link.key.clone() };
        let mut trace = Trace { folder: link.folder, ..Trace::default() };
        match self.layout(&document, &[key], &Parameters::default(), depth + 1, &mut trace) {
            Ok(reports) => {
                link_trace.sublayout = Some(Box::new(trace));
                Ok(reports.summary())
            }
            Err(cause) => Err(Cause::Sublayout {
                step: step.name.clone(),
                file: link.file,
                source: Refusal { cause: Box::new(cause), trace: Box::new(trace) },
            }),
        }
    }

    /// Runs all inspections, then applies their rules, which may match each other's artifacts.
    fn run_inspections(
        &mut self,
        inspections: &[Inspection],
        by_step: &BTreeMap<String, StepReport>,
        trace: &mut Trace,
    ) -> Result<(), Cause> {
        let Inspections::Run(runner) = self.inspections else {
            for inspection in inspections {
                self.not_run.push(format!("{}{}", trace.folder, inspection.name));
                trace.inspections.push(InspectionTrace::of(inspection, None));
            }
            return Ok(());
        };
        let mut reports = by_step.clone();
        for inspection in inspections {
            let (name, command) = (inspection.name.as_str(), inspection.run.as_slice());
            let request = InspectionRequest { name, command, product: &self.product.files };
            let outcome = runner
                .run(&request)
                .map_err(|source| Cause::InspectionNotRun { inspection: name.to_owned(), source })?;
            trace.inspections.push(InspectionTrace::of(inspection, Some(outcome.exit_status)));
            if outcome.exit_status != 0 {
                let exit_status = outcome.exit_status;
                return Err(Cause::InspectionFailed { inspection: name.to_owned(), exit_status });
            }
            reports.insert(name.to_owned(), StepReport { materials: outcome.materials, products: outcome.products });
        }
        for (inspection, found) in inspections.iter().zip(&mut trace.inspections) {
            let rules = &inspection.rules;
            let (name, work) = (&inspection.name, &mut *self.work);
            let materials = &mut found.materials;
            apply_rules(name, ArtifactList::Materials, &rules.expected_materials, &reports, work, materials)?;
            let products = &mut found.products;
            apply_rules(name, ArtifactList::Products, &rules.expected_products, &reports, work, products)?;
        }
        Ok(())
    }
}

impl InspectionTrace {
    fn of(inspection: &Inspection, exit_status: Option<i32>) -> Self {
        let (name, command) = (inspection.name.clone(), inspection.run.clone());
        Self { name, command, exit_status, materials: Vec::new(), products: Vec::new() }
    }
}

/// The first artifact on which two reports differ.
fn difference(one: &StepReport, other: &StepReport) -> Option<String> {
    let differ = |one: &Artifacts, other: &Artifacts| {
        let in_one = one.iter().find(|(name, hashes)| other.hashes(name) != Some(*hashes));
        let in_other = || other.iter().find(|(name, _)| one.hashes(name).is_none());
        in_one.or_else(in_other).map(|(name, _)| name.to_owned())
    };
    differ(&one.materials, &other.materials).or_else(|| differ(&one.products, &other.products))
}
