//! The trace of a verification: what a person can follow from layout to product.
//!
//! It holds what was found, in the order of the workflow: who signed the layout, for each step, whose links counted,
//! which did not, and why, which rule consumed which artifact, and what binds the final product to the chain. If the
//! supply chain is refused, the trace ends at the refusal.

use jiff::Timestamp;
use serde::Serialize;

use super::product::ProductBinding;

/// What was found while a layout was verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The folder of the layout's links; empty for the top-level layout.
    pub folder: String,
    /// The layout's signers: the verifier's name for each key.
    pub layout_signed_by: Vec<String>,
    /// When the layout expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The instant at which expiry was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged_at: Option<Timestamp>,
    /// The steps, in the layout's order.
    pub steps: Vec<StepTrace>,
    /// The inspections, in the layout's order.
    pub inspections: Vec<InspectionTrace>,
    /// What binds the final product to the chain.
    pub product: Vec<ProductBinding>,
}

/// What was found about a step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTrace {
    /// The step.
    pub name: String,
    /// How many functionaries must agree.
    pub threshold: u32,
    /// The links that count.
    pub links: Vec<LinkTrace>,
    /// The files that do not count.
    pub passed_over: Vec<PassedOver>,
    /// Warnings: they do not change the verdict.
    pub warnings: Vec<String>,
    /// What the rules over the materials did.
    pub materials: Vec<RuleTrace>,
    /// What the rules over the products did.
    pub products: Vec<RuleTrace>,
}

/// A link that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkTrace {
    /// The file.
    pub file: String,
    /// The signer's key id in the layout.
    pub key_id: String,
    /// The signer's key: scheme and fingerprint.
    pub key: String,
    /// If the file is a sublayout: what was found in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sublayout: Option<Box<Trace>>,
}

/// A file that could have been a step's link, but does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassedOver {
    /// The file.
    pub file: String,
    /// Why it does not count.
    pub reason: String,
}

/// What was found about an inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectionTrace {
    /// The inspection.
    pub name: String,
    /// Its command.
    pub command: Vec<String>,
    /// Its exit status; absent when it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<i32>,
    /// What the rules over the materials did.
    pub materials: Vec<RuleTrace>,
    /// What the rules over the products did.
    pub products: Vec<RuleTrace>,
}

/// What a rule did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleTrace {
    /// The rule, parameters filled in.
    pub rule: String,
    /// The artifacts that it consumed.
    pub consumed: Vec<String>,
}

/// How many artifacts are named on a line; the rest are counted.
const NAMED: usize = 5;

/// Names a few artifacts, and counts the rest.
pub(super) fn name_a_few<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let mut text = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if count > NAMED {
        text.push_str(&format!(" and {} more", count - NAMED));
    }
    text
}

impl Trace {
    /// What was found, line by line. Names in it are as publishers wrote them, so they may hold line breaks of their own.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.write(&mut lines, "");
        lines
    }

    fn write(&self, lines: &mut Vec<String>, indent: &str) {
        let signed_by = match self.layout_signed_by.as_slice() {
            [] => String::new(),
            signers => format!(" signed by {}", signers.join(", ")),
        };
        let judged = match (self.expires, self.judged_at) {
            (Some(expires), Some(at)) => format!("; expires {expires}, judged at {at}"),
            _ => String::new(),
        };
        lines.push(format!("{indent}layout{signed_by}{judged}"));
        for step in &self.steps {
            step.write(lines, indent);
        }
        for inspection in &self.inspections {
            let status = inspection.exit_status.map_or_else(|| "not run".to_owned(), |it| format!("exit status {it}"));
            lines.push(format!("{indent}inspection {}: {}: {status}", inspection.name, inspection.command.join(" ")));
            write_rules(lines, indent, "materials", &inspection.materials);
            write_rules(lines, indent, "products", &inspection.products);
        }
        lines.extend(self.product.iter().map(|binding| format!("{indent}{binding}")));
    }
}

impl StepTrace {
    fn write(&self, lines: &mut Vec<String>, indent: &str) {
        lines.push(format!("{indent}step {} (threshold {})", self.name, self.threshold));
        for link in &self.links {
            lines.push(format!("{indent}  {} signed by {} ({})", link.file, link.key_id, link.key));
            if let Some(sublayout) = &link.sublayout {
                sublayout.write(lines, &format!("{indent}    "));
            }
        }
        for PassedOver { file, reason } in &self.passed_over {
            lines.push(format!("{indent}  {file} does not count: {reason}"));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("{indent}  warning: {warning}")));
        write_rules(lines, indent, "materials", &self.materials);
        write_rules(lines, indent, "products", &self.products);
    }
}

fn write_rules(lines: &mut Vec<String>, indent: &str, list: &str, rules: &[RuleTrace]) {
    for RuleTrace { rule, consumed } in rules {
        let consumed = match consumed.len() {
            0 => String::new(),
            _ => format!(" → {}", name_a_few(consumed.iter().map(String::as_str))),
        };
        lines.push(format!("{indent}  {list}: {rule}{consumed}"));
    }
}
