//! Why an export cannot be planned.

use sealift_archive_format::inventory::MadeFrom;
use sealift_archive_format::{Digest, FileNameError};

use super::Unfetched;
use super::budget::MAXIMUM_REQUESTS;
use super::dependencies::MAXIMUM_ADDED;
use crate::cnab::registry_form::RegistryFormError;
use crate::cnab::{BundleError, DependenciesError};
use crate::export::source_remedy;
use crate::layout::LayoutError;
use crate::oci::referrer::{MAXIMUM_DEPTH, MAXIMUM_REFERRERS};
use crate::oci::{GraphError, ManifestError, ReferenceError};
use crate::remedy::{Remediable, Remedy, Sought};
use crate::transfer::SourceError;
use crate::verify::documents::DocumentError;

/// Why an export cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A reference does not resolve.
    #[error("{reference} cannot be found")]
    Source {
        /// The reference.
        reference: String,
        /// The bundle, if it is about an image of one.
        part_of: Option<String>,
        /// Why the source does not supply it.
        source: SourceError,
    },
    /// Something that it refers to is missing or unusable.
    #[error("{reference} {}", .source.outcome())]
    Graph {
        /// The reference.
        reference: String,
        /// Whether platforms were chosen.
        has_choice: bool,
        /// What is missing or unusable.
        source: Box<GraphError<Unfetched>>,
    },
    /// The source does not say whether it has a manifest that it lists, or keeps it from us.
    #[error("manifest {digest} of {reference} cannot be fetched")]
    Unavailable {
        /// The reference.
        reference: String,
        /// The bundle, if it is about an image of one.
        part_of: Option<String>,
        /// The manifest.
        digest: Digest,
        /// Why the source does not supply it.
        source: SourceError,
    },
    /// It is not for any of the chosen platforms.
    #[error("{reference} is not for any of the chosen platforms; it is for {}", or_none(.offered))]
    NoPlatform {
        /// The reference.
        reference: String,
        /// The platforms that it is for.
        offered: Vec<String>,
    },
    /// A layer that registries are not meant to distribute is not there.
    #[error(
        "{reference} has the foreign layer {layer}, which registries are not meant to distribute, and this source does not supply it"
    )]
    ForeignLayer {
        /// The reference.
        reference: String,
        /// The layer.
        layer: Digest,
        /// Why the source does not supply it.
        source: SourceError,
    },
    /// The configuration of an image, which says for which platform it is, cannot be fetched.
    #[error("the configuration of {reference} cannot be read")]
    Config {
        /// The reference.
        reference: String,
        /// Why fetching failed.
        source: std::io::Error,
    },
    /// A manifest cannot be read.
    #[error("{reference} is not a manifest that can be carried")]
    Manifest {
        /// The reference.
        reference: String,
        /// What is wrong with the manifest.
        source: ManifestError,
    },
    /// It is an image, not a bundle.
    #[error("{reference} is an image, not a CNAB bundle")]
    AnImage {
        /// The reference.
        reference: String,
    },
    /// The index is not that of a bundle, or does not list its images.
    #[error("{reference} is not a complete CNAB bundle in its registry form")]
    RegistryForm {
        /// The reference.
        reference: String,
        /// How the index or config manifest differs from every known form.
        source: RegistryFormError,
    },
    /// The index of the bundle is one that was made here, of what was carried of it.
    #[error("{reference} is what an import made of a part of a bundle, whose index is {made_from}")]
    MadeOnImport {
        /// The reference.
        reference: String,
        /// The digest of the index that it stands in for, as it says.
        made_from: String,
        /// Why it is not the form of a bundle in a registry.
        source: RegistryFormError,
    },
    /// `bundle.json` cannot be fetched.
    #[error("the bundle.json of {reference} cannot be read")]
    Read {
        /// The reference.
        reference: String,
        /// Why fetching failed.
        source: std::io::Error,
    },
    /// `bundle.json` cannot be used.
    #[error("the bundle.json of {reference} cannot be used")]
    Bundle {
        /// The reference.
        reference: String,
        /// What is wrong with it.
        source: BundleError,
    },
    /// An image is to be found by its digest, and the bundle states none.
    #[error("the bundle states no digest for image {image}, so it cannot be found in another repository")]
    NoDigest {
        /// The reference.
        image: String,
    },
    /// A name promises content other than the source has under it: by the digest in it, or by the bundle's
    /// `contentDigest`.
    #[error("{name} promises {promised}, but the source has {found}")]
    OtherContent {
        /// The name.
        name: String,
        /// The digest that was found.
        found: Digest,
        /// The digest that was promised.
        promised: Digest,
        /// What the manifest was made from, where the source has none.
        made_from: Option<MadeFrom>,
    },
    /// A file's name cannot be used.
    #[error("this cannot be carried as a file")]
    FileName(#[source] FileNameError),
    /// A name cannot be used, or two names mean the same.
    #[error("the names do not match what is exported")]
    Names(#[source] DocumentError),
    /// It is not known which bundles a bundle needs.
    #[error("{bundle} does not say clearly which bundles it needs")]
    Dependencies {
        /// The bundle.
        bundle: String,
        /// What is wrong.
        source: DependenciesError,
    },
    /// What a bundle needs is not named by a reference.
    #[error("{bundle} needs {needed:?}, which is not a valid reference")]
    DependencyReference {
        /// The bundle.
        bundle: String,
        /// What it needs.
        needed: String,
        /// What is wrong with the reference.
        source: ReferenceError,
    },
    /// No version of a needed bundle will do.
    #[error("{bundle} needs {needed}, and none of the {count} tags there is such a version")]
    NoVersion {
        /// The bundle.
        bundle: String,
        /// What it needs, with the versions that will do.
        needed: String,
        /// How many tags there are.
        count: usize,
    },
    /// Bundles need too many others.
    #[error("the bundles need more than {MAXIMUM_ADDED} others")]
    TooManyDependencies,
    /// The plan needs too many requests.
    #[error("finding out what has to be carried takes more than {MAXIMUM_REQUESTS} requests")]
    TooManyRequests,
    /// The sources answer too slowly.
    #[error("the sources have taken more than 10 minutes and a second for each of {requests} requests")]
    TooSlow {
        /// How many requests were made.
        requests: u32,
    },
    /// The source does not list the referrers of an image.
    #[error("the referrers of {reference} cannot be listed")]
    Referrers {
        /// The reference.
        reference: String,
        /// Why listing failed.
        source: SourceError,
    },
    /// More manifests refer to an image than are carried.
    #[error("more than {MAXIMUM_REFERRERS} manifests refer to {reference}")]
    TooManyReferrers {
        /// The reference.
        reference: String,
    },
    /// Something refers to a referrer of a referrer.
    #[error("{referrer} refers to a referrer of a referrer of {reference}: deeper than {MAXIMUM_DEPTH} levels")]
    ReferrerTooDeep {
        /// The reference.
        reference: String,
        /// The manifest that is too deep.
        referrer: Digest,
    },
    /// A referrer that the source lists cannot be read there.
    #[error("the source lists {referrer} as a referrer of {subject}, but does not have all of it")]
    ReferrerMissing {
        /// The manifest that is listed.
        referrer: Digest,
        /// The manifest that it should refer to.
        subject: Digest,
        /// Why it cannot be read.
        #[source]
        source: Box<PlanError>,
    },
    /// The source lists a referrer whose subject is something else.
    #[error("the source lists {referrer} as a referrer of {subject}, but it is not one")]
    NotAReferrer {
        /// The manifest that is listed.
        referrer: Digest,
        /// The manifest that it should refer to.
        subject: Digest,
    },
}

/// What can be done about a graph. Platforms can be chosen where none were.
fn of_graph(error: &GraphError<Unfetched>, has_choice: bool) -> Remedy {
    if let Some(form) = error.uncarried_form() {
        return form.remedy();
    }
    match error {
        GraphError::Fetch { .. } if has_choice => Remedy::PushImageAgain,
        GraphError::Fetch { .. } => Remedy::PushImageOrChoosePlatforms,
        GraphError::Manifest { source, .. } => source.remedy(),
        GraphError::Depth { .. } | GraphError::Conflict { .. } | GraphError::Manifests => Remedy::RebuildImage,
        GraphError::ManifestBytes
        | GraphError::ManifestsTogether
        | GraphError::BlobsTogether
        | GraphError::AttestationsTogether
        | GraphError::LeftOutTogether
        | GraphError::Entries => Remedy::ExportFewer,
        GraphError::ForeignLayer { .. } => Remedy::LeaveForeignLayersOut,
        GraphError::NoPlatform { offered, .. } => Remedy::ChoosePlatform { offered: offered.clone() },
    }
}

fn or_none(offered: &[String]) -> String {
    if offered.is_empty() { "no platform that it states".to_owned() } else { offered.join(", ") }
}

impl PlanError {
    /// The same about an item, or about a part of it.
    pub(super) fn in_item(mut self, name: &str) -> Self {
        if let Self::Source { reference, part_of, .. } | Self::Unavailable { reference, part_of, .. } = &mut self
            && reference != name
        {
            *part_of = Some(name.to_owned());
        }
        self
    }

    /// What was to be exported, if it could not be fetched.
    pub fn wanted(&self) -> Option<Sought> {
        let (Self::Source { reference, part_of, .. } | Self::Unavailable { reference, part_of, .. }) = self else {
            return None;
        };
        let name = reference.clone();
        Some(match part_of.clone() {
            None => Sought::Item { name },
            Some(bundle) => Sought::Part { name, bundle },
        })
    }

    /// What can be done about it, whatever it is that was to be exported.
    fn plain_remedy(&self) -> Remedy {
        match self {
            Self::Source { source, .. } => {
                source_remedy::of_root(source).unwrap_or(Remedy::CheckSource { wanted: None })
            }
            Self::Graph { source, has_choice, .. } => of_graph(source, *has_choice),
            Self::Manifest { source, .. } => source.remedy(),
            Self::Unavailable { source, .. } => source_remedy::of_part(source).unwrap_or(Remedy::CheckNetwork),
            // One tag that is made from a digest has two contents there.
            Self::Referrers { source, .. } if matches!(source.reason(), Some(LayoutError::NameAmbiguous { .. })) => {
                Remedy::CorrectReferrers
            }
            Self::Referrers { .. } => Remedy::CheckReferrers,
            Self::TooManyReferrers { .. } | Self::ReferrerTooDeep { .. } => Remedy::DeleteReferrers,
            Self::NotAReferrer { .. } => Remedy::CorrectReferrers,
            Self::ReferrerMissing { source, .. } => match source.remedy() {
                Remedy::PushImageAgain | Remedy::PushImageOrChoosePlatforms => Remedy::CorrectReferrers,
                remedy => remedy,
            },
            Self::AnImage { .. } => Remedy::ExportAsImage,
            Self::RegistryForm { .. } => Remedy::PushBundleAgain,
            Self::MadeOnImport { .. } => Remedy::ExportFromWhole,
            Self::Read { source, .. } | Self::Config { source, .. } => {
                source_remedy::of_reading(source).unwrap_or(Remedy::CheckNetwork)
            }
            Self::ForeignLayer { .. } => Remedy::LeaveForeignLayersOut,
            Self::NoPlatform { offered, .. } => Remedy::ChoosePlatform { offered: offered.clone() },
            Self::Bundle { .. } => Remedy::CorrectBundle,
            Self::NoDigest { .. } => Remedy::StateDigests,
            Self::OtherContent { name, made_from: Some(_), .. } => Remedy::ExportSignedManifest { name: name.clone() },
            Self::OtherContent { made_from: None, .. } => Remedy::ExportPromisedContent,
            Self::Dependencies { .. } | Self::DependencyReference { .. } => Remedy::CorrectBundle,
            Self::NoVersion { .. } => Remedy::NameDependency,
            Self::TooManyDependencies => Remedy::ExportFewer,
            Self::TooManyRequests => Remedy::ExportFewerReferrers,
            Self::TooSlow { .. } => Remedy::AwaitFasterSource,
            Self::FileName(_) => Remedy::LeaveFileOut,
            Self::Names(error) => error.remedy(),
        }
    }
}

impl Remediable for PlanError {
    fn remedy(&self) -> Remedy {
        let remedy = self.plain_remedy();
        match self.wanted() {
            Some(wanted) => remedy.about(wanted),
            None => remedy,
        }
    }
}
