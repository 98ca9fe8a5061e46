//! The final product, and what binds it to the chain.
//!
//! in-toto itself binds the final product only through inspections, which are commands. Sealift runs none unless asked,
//! so it requires a binding of its own: the last step that reports a product of this name, alone or in a folder, must
//! report this content. `docs/adr/0004-in-toto-stricter-than-the-reference.md` argues why it is the *last* step and the
//! name.

use std::collections::BTreeMap;
use std::fmt;

use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};
use serde::Serialize;

use super::artifact::{ArtifactHashes, Artifacts, plain_path};
use super::inspection::{ProductContent, ProductFile};
use super::layout::Step;
use super::rule_processing::StepReport;

/// The final product: all its files.
#[derive(Debug, Clone)]
pub struct FinalProduct<'a> {
    /// The files: `bundle.json`, the thick bundle, or the image manifest.
    pub files: Vec<ProductFile<'a>>,
    /// Which of them the chain must have produced.
    pub binding: BindingRule,
}

/// Which files of the final product the chain must have produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingRule {
    /// Every file, and there is at least one. Used everywhere except in comparisons with the reference.
    EveryFile,
    /// Only files whose names some step reports as its product: others may lie beside them. The reference's command
    /// treats whatever is in the working directory as the final product, and so does its stand-in.
    OnlyFilesThatStepsName,
}

/// The step that produced a file of the final product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProductBinding {
    /// The file of the final product.
    pub file: String,
    /// The step: the last that reports a product of that name, alone or in a folder.
    pub step: String,
    /// The step's name for it.
    pub product: String,
}

impl fmt::Display for ProductBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "product {} was produced by step {}", self.file, self.step)?;
        if self.product == self.file { Ok(()) } else { write!(f, " as {}", self.product) }
    }
}

/// Why the final product does not come from this chain.
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
    /// The last step that produced a file of that name produced different content.
    #[error("{file:?} is not what step {step:?} produced: it has {actual}, but the step reported {reported}")]
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
    /// The last step that produced such a file produced several, with different contents.
    #[error("step {step:?} produced {}, with different contents, and nothing says which of them is the final product", .products.join(", "))]
    FormsDisagree {
        /// The file of the final product.
        file: String,
        /// The step.
        step: String,
        /// The step's names for them.
        products: Vec<String>,
    },
    /// The content of the final product does not have the digest that identifies it.
    #[error("the content of {file:?} does not have the digest {stated}")]
    NotItsContent {
        /// The file of the final product.
        file: String,
        /// The digest that identifies it.
        stated: Digest,
    },
}

/// Binds every file that the rule requires.
///
/// # Errors
/// [`UnboundProduct`].
pub(super) fn bind(
    product: &FinalProduct<'_>,
    steps: &[Step],
    reports: &BTreeMap<String, StepReport>,
) -> Result<Vec<ProductBinding>, UnboundProduct> {
    if product.files.is_empty() && product.binding == BindingRule::EveryFile {
        return Err(UnboundProduct::Empty);
    }
    let mut bindings = Vec::new();
    for file in &product.files {
        match bind_file(file, steps, reports) {
            Ok(binding) => bindings.push(binding),
            Err(UnboundProduct::NotProduced { .. } | UnboundProduct::FormsDisagree { .. })
                if product.binding == BindingRule::OnlyFilesThatStepsName => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bindings)
}

fn bind_file(
    file: &ProductFile<'_>,
    steps: &[Step],
    reports: &BTreeMap<String, StepReport>,
) -> Result<ProductBinding, UnboundProduct> {
    let name = file.name.as_str();
    let reported = steps.iter().rev().filter_map(|step| {
        let forms = forms(name, &reports.get(&step.name)?.products);
        let (first, others) = forms.split_first()?;
        Some((step.name.clone(), *first, others.to_vec()))
    });
    let not_produced = || UnboundProduct::NotProduced { file: name.to_owned() };
    let (step, first, others) = { reported }.next().ok_or_else(not_produced)?;
    let digests = digests(file)?;
    let all = || std::iter::once(first).chain(others.iter().copied());
    if all().all(|(_, hashes)| hashes.vouch_for(&digests)) {
        return Ok(ProductBinding { file: name.to_owned(), step, product: first.0.to_owned() });
    }
    if others.iter().any(|(_, hashes)| *hashes != first.1) {
        let products = all().map(|(product, _)| product.to_owned()).collect();
        return Err(UnboundProduct::FormsDisagree { file: name.to_owned(), step, products });
    }
    let (actual, reported) = (ArtifactHashes::of(&digests).to_string(), first.1.to_string());
    Err(UnboundProduct::OtherContent { file: name.to_owned(), step, actual, reported })
}

/// The products that are a file of that name, alone or in a folder; the bare name comes first.
fn forms<'a>(name: &str, products: &'a Artifacts) -> Vec<(&'a str, &'a ArtifactHashes)> {
    let is_form = |product: &str| {
        let path = plain_path(product);
        path.strip_suffix(name).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
    };
    let mut forms: Vec<_> = products.iter().filter(|(product, _)| is_form(product)).collect();
    forms.sort_by_key(|(product, _)| *product != name);
    forms
}

/// The digests by which a report may identify the file: if its content is available, all that can be computed.
fn digests(file: &ProductFile<'_>) -> Result<Vec<Digest>, UnboundProduct> {
    let ProductContent::Bytes(content) = file.content else { return Ok(file.digests.clone()) };
    if let Some(stated) = file.digests.iter().find(|digest| !digest.matches(content)) {
        return Err(UnboundProduct::NotItsContent { file: file.name.clone(), stated: stated.clone() });
    }
    let digest = |algorithm| {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    };
    Ok([DigestAlgorithm::Sha256, DigestAlgorithm::Sha512].map(digest).into())
}
