//! The final product, and what binds it to the chain.
//!
//! in-toto itself binds the final product only through inspections, which are commands. Sealift runs none unless asked,
//! so it asks for a binding of its own: the last step that reports a product of this name must report this hash.
//! `docs/adr/0004-in-toto-stricter-than-the-reference.md` argues why it is the *last* step and the name.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::artifact::Artifacts;
use super::inspection::ProductFile;
use super::layout::Step;
use super::rule_processing::Report;

/// The final product: all its files.
#[derive(Debug, Clone)]
pub struct FinalProduct<'a> {
    /// The files: `bundle.json`, the thick bundle under its own name, or the image manifest.
    pub files: Vec<ProductFile<'a>>,
    /// Which of them the chain must have produced.
    pub binding: BindingRule,
}

/// Which files of the final product the chain must have produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingRule {
    /// Every file, and there is at least one. What everything but a comparison with the reference uses.
    EveryFile,
    /// Only files whose names some step reports as its product: others may lie beside them. The reference's command
    /// takes whatever is in the working directory for the final product, and so does its stand-in.
    OnlyFilesThatStepsName,
}

/// The step that produced a file of the final product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProductBinding {
    /// The file of the final product.
    pub file: String,
    /// The step: the last that reports a product of that name.
    pub step: String,
    /// What the step calls it.
    pub product: String,
}

impl fmt::Display for ProductBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "product {} was produced by step {}", self.file, self.step)?;
        if self.product == self.file { Ok(()) } else { write!(f, " as {}", self.product) }
    }
}

/// Why the final product is not the chain's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnboundProduct {
    /// There is no final product to verify.
    #[error("there is no final product to verify")]
    Empty,
    /// No step produced a file of that name.
    #[error("no step produced {file:?}")]
    NotProduced {
        /// The file of the final product.
        file: String,
    },
    /// The last step that produced a file of that name produced another content.
    #[error("{file:?} is not what step {step:?} produced: it has {actual}, and the step reported {reported}")]
    OtherContent {
        /// The file of the final product.
        file: String,
        /// The step.
        step: String,
        /// The file's hashes.
        actual: String,
        /// The hashes that the step reported.
        reported: String,
    },
    /// The last step that produced such a file produced several, in different folders.
    #[error("step {step:?} produced more than one {file:?}: which of them is the final product is not said")]
    Ambiguous {
        /// The file of the final product.
        file: String,
        /// The step.
        step: String,
    },
}

/// Binds every file that the rule asks for.
///
/// # Errors
/// [`UnboundProduct`].
pub(super) fn bind(
    product: &FinalProduct<'_>,
    steps: &[Step],
    reports: &BTreeMap<String, Report>,
) -> Result<Vec<ProductBinding>, UnboundProduct> {
    if product.files.is_empty() && product.binding == BindingRule::EveryFile {
        return Err(UnboundProduct::Empty);
    }
    let mut bindings = Vec::new();
    for file in &product.files {
        match bind_file(file, steps, reports) {
            Ok(binding) => bindings.push(binding),
            Err(UnboundProduct::NotProduced { .. } | UnboundProduct::Ambiguous { .. })
                if product.binding == BindingRule::OnlyFilesThatStepsName => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bindings)
}

fn bind_file(
    file: &ProductFile<'_>,
    steps: &[Step],
    reports: &BTreeMap<String, Report>,
) -> Result<ProductBinding, UnboundProduct> {
    let name = file.name.as_str();
    let reported = || {
        let last_first = steps.iter().rev();
        last_first.filter_map(|step| reports.get(&step.name).map(|report| (step.name.as_str(), &report.products)))
    };
    // The exact name, anywhere in the chain, goes before the name in some folder.
    let exact = reported().find(|(_, products)| products.hashes(name).is_some());
    let (step, products, product) = match exact {
        Some((step, products)) => (step, products, name.to_owned()),
        None => {
            let in_folder = |products: &Artifacts| -> Vec<String> {
                let suffix = format!("/{name}");
                products.iter().map(|(name, _)| name).filter(|it| it.ends_with(&suffix)).map(str::to_owned).collect()
            };
            let found = reported().map(|(step, products)| (step, products, in_folder(products)));
            let last = found.into_iter().find(|(_, _, names)| !names.is_empty());
            let (step, products, names) = last.ok_or_else(|| UnboundProduct::NotProduced { file: name.to_owned() })?;
            match names.as_slice() {
                [only] => (step, products, only.clone()),
                _ => return Err(UnboundProduct::Ambiguous { file: name.to_owned(), step: step.to_owned() }),
            }
        }
    };
    let hashes = products.hashes(&product).cloned().unwrap_or_default();
    if !hashes.vouch_for(&file.digests) {
        return Err(UnboundProduct::OtherContent {
            file: name.to_owned(),
            step: step.to_owned(),
            actual: super::artifact::Hashes::of(&file.digests).to_string(),
            reported: hashes.to_string(),
        });
    }
    Ok(ProductBinding { file: name.to_owned(), step: step.to_owned(), product })
}
