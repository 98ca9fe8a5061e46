//! What a bundle breaks of CNAB Core, in the section that says so and in words.
//!
//! Promise: a list of deviations is short, whatever the bundle says.

use std::fmt;

/// The most deviations that are listed for one bundle.
pub(super) const MAXIMUM_DEVIATIONS: usize = 100;
/// The most characters of a text that are shown.
pub(super) const MAXIMUM_SHOWN: usize = 200;

/// A rule of CNAB Core that a bundle breaks, or a statement of it that is not true.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "rule")]
pub enum Deviation {
    /// `bundle.json` is not canonical JSON.
    NotCanonical,
    /// `schemaVersion` has no `v`, or is not SemVer.
    SchemaVersion {
        /// What it is.
        written: String,
    },
    /// `name` has characters that are not graphic.
    Name {
        /// What it is.
        written: String,
    },
    /// `version` is not SemVer.
    Version {
        /// What it is.
        written: String,
    },
    /// It has a member that no bundle has.
    UnknownMember {
        /// The names that lead to the member, with dots in between.
        member: String,
    },
    /// A member is not of the form that it should have, so its content is ignored.
    MemberForm {
        /// The names that lead to the member, with dots in between.
        member: String,
        /// What it should be.
        expected: &'static str,
    },
    /// It lacks a member that the schema requires.
    MissingMember {
        /// The names that lead to the member, with dots in between.
        member: String,
    },
    /// A member names a definition that is not there.
    UndefinedDefinition {
        /// The names that lead to the member, with dots in between.
        member: String,
        /// The definition that it names.
        definition: String,
    },
    /// A parameter or a credential goes to an environment variable of the runtime.
    ReservedVariable {
        /// The names that lead to the member, with dots in between.
        member: String,
        /// The variable.
        variable: String,
    },
    /// A parameter or a credential goes nowhere.
    NoDestination {
        /// The names that lead to where its destination should be, with dots in between.
        member: String,
    },
    /// A parameter and a credential go to the same place.
    SameDestination {
        /// The environment variable or the path.
        destination: String,
    },
    /// A path is not absolute.
    RelativePath {
        /// The names that lead to the member, with dots in between.
        member: String,
        /// The path.
        path: String,
    },
    /// A parameter or a credential goes to where outputs are.
    InputPath {
        /// The names that lead to the member, with dots in between.
        member: String,
        /// The path.
        path: String,
    },
    /// An output does not come from where outputs are.
    OutputPath {
        /// The names that lead to the member, with dots in between.
        member: String,
        /// The path.
        path: String,
    },
    /// Two outputs come from the same path.
    SameOutputPath {
        /// The names that lead to the second one, with dots in between.
        member: String,
        /// The path.
        path: String,
    },
    /// It defines an action that is built in.
    BuiltInAction {
        /// The name of the action.
        action: String,
    },
    /// It requires an extension that Sealift does not know.
    UnknownExtension {
        /// The name of the extension.
        extension: String,
    },
    /// It requires an extension that it does not define.
    UndefinedExtension {
        /// The name of the extension.
        extension: String,
    },
    /// Its extension for dependencies cannot be read, so it is not known what it needs.
    Dependencies {
        /// What is wrong.
        reason: String,
    },
    /// It states no `contentDigest` for an image, so nothing binds the image to the bundle.
    NoContentDigest {
        /// The image's reference.
        image: String,
    },
    /// It states no `contentDigest` for an image, but has its digest in the reference.
    DigestInReference {
        /// The image's reference.
        image: String,
    },
    /// It states another size for an image than its manifest has.
    Size {
        /// The image's reference.
        image: String,
        /// What it states; `None` if that is not a number.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated: Option<u64>,
        /// The size of the manifest, in bytes.
        found: u64,
    },
    /// It states another media type for an image than its manifest has.
    MediaType {
        /// The image's reference.
        image: String,
        /// What it states; `None` if that is not a text.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated: Option<String>,
        /// The media type of the manifest.
        found: String,
    },
    /// More is wrong than is listed.
    More {
        /// How many more deviations there are.
        count: usize,
    },
}

impl Deviation {
    /// The section of the specification.
    pub fn section(&self) -> &'static str {
        match self {
            Self::NotCanonical | Self::MemberForm { .. } => "CNAB 101, \"The bundle.json File\"",
            Self::SchemaVersion { .. } => "CNAB 101, \"Schema Version\"",
            Self::Name { .. } | Self::Version { .. } => "CNAB 101, \"Name and Version\"",
            Self::UnknownMember { .. } => "CNAB 101, \"Custom Extensions\"",
            Self::MissingMember { .. } => "CNAB 104, \"Formatting and Transmitting Thin Bundles\"",
            Self::UndefinedDefinition { .. } => "CNAB 101, \"Definitions\"",
            Self::ReservedVariable { .. } => "CNAB 103, \"Parameters as Variables\"",
            Self::NoDestination { .. } => "CNAB 101, \"Resolving Destinations\" and \"Credentials\"",
            Self::SameDestination { .. } => {
                "CNAB 101, \"Resolving Destination Conflicts in Environment Variables and Paths\""
            }
            Self::RelativePath { .. } => "CNAB 103, \"Setting Parameter Values\"",
            Self::InputPath { .. } => "CNAB 101, \"Parameters\" and \"Credentials\"",
            Self::OutputPath { .. } | Self::SameOutputPath { .. } => "CNAB 101, \"Outputs\"",
            Self::BuiltInAction { .. } => "CNAB 101, \"Custom Actions\"",
            Self::UnknownExtension { .. } | Self::UndefinedExtension { .. } => "CNAB 101, \"Required Extensions\"",
            Self::Dependencies { .. } => "CNAB 500, \"Dependencies Metadata\"",
            Self::NoContentDigest { .. }
            | Self::DigestInReference { .. }
            | Self::Size { .. }
            | Self::MediaType { .. } => "CNAB 101, \"Invocation Images\" and \"The Image Map\"",
            Self::More { .. } => "CNAB 101",
        }
    }
}

impl Deviation {
    /// The same, with the beginning of what is long.
    fn shortened(mut self) -> Self {
        let shorten = |text: &mut String| {
            if let Some((end, _)) = text.char_indices().nth(MAXIMUM_SHOWN) {
                text.truncate(end);
                text.push('…');
            }
        };
        match &mut self {
            Self::SchemaVersion { written: text }
            | Self::Name { written: text }
            | Self::Version { written: text }
            | Self::UnknownMember { member: text }
            | Self::MemberForm { member: text, .. }
            | Self::MissingMember { member: text }
            | Self::NoDestination { member: text }
            | Self::SameDestination { destination: text }
            | Self::BuiltInAction { action: text }
            | Self::UnknownExtension { extension: text }
            | Self::UndefinedExtension { extension: text }
            | Self::Dependencies { reason: text }
            | Self::NoContentDigest { image: text }
            | Self::DigestInReference { image: text }
            | Self::Size { image: text, .. } => shorten(text),
            Self::UndefinedDefinition { member, definition: text }
            | Self::ReservedVariable { member, variable: text }
            | Self::RelativePath { member, path: text }
            | Self::InputPath { member, path: text }
            | Self::OutputPath { member, path: text }
            | Self::SameOutputPath { member, path: text } => [member, text].into_iter().for_each(shorten),
            Self::MediaType { image, stated, found } => {
                [image, found].into_iter().chain(stated.as_mut()).for_each(shorten);
            }
            Self::NotCanonical | Self::More { .. } => {}
        }
        self
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCanonical => f.write_str("bundle.json is not canonical JSON"),
            Self::SchemaVersion { written } => {
                write!(f, "its schemaVersion is {written:?}, which is not v and a SemVer version")
            }
            Self::Name { written } => write!(f, "its name {written:?} has characters that are not graphic"),
            Self::Version { written } => write!(f, "its version {written:?} is not a SemVer version"),
            Self::UnknownMember { member } => write!(f, "it has a member {member:?}, which no bundle has"),
            Self::MemberForm { member, expected } => write!(f, "its member {member:?} is not {expected}"),
            Self::MissingMember { member } => write!(f, "it lacks the member {member:?}, which its schema requires"),
            Self::UndefinedDefinition { member, definition } => {
                write!(f, "its member {member:?} names the definition {definition:?}, which it does not have")
            }
            Self::ReservedVariable { member, variable } => {
                write!(f, "its member {member:?} is the variable {variable:?}; those with CNAB_ are the runtime's")
            }
            Self::NoDestination { member } => write!(f, "its member {member:?} has neither env nor path"),
            Self::SameDestination { destination } => {
                write!(f, "a parameter and a credential have the same destination {destination:?}")
            }
            Self::RelativePath { member, path } => {
                write!(f, "its member {member:?} is {path:?}, which is not an absolute path")
            }
            Self::InputPath { member, path } => {
                write!(f, "its member {member:?} is {path:?}, which is where outputs are")
            }
            Self::OutputPath { member, path } => {
                write!(f, "its member {member:?} is {path:?}, which is not below /cnab/app/outputs")
            }
            Self::SameOutputPath { member, path } => {
                write!(f, "its member {member:?} is {path:?}, as that of another output")
            }
            Self::BuiltInAction { action } => write!(f, "it defines the action {action}, which is built in"),
            Self::UnknownExtension { extension } => {
                write!(f, "it requires the extension {extension:?}, which is carried, but which Sealift does not know")
            }
            Self::UndefinedExtension { extension } => {
                write!(f, "it requires the extension {extension:?}, but does not define it")
            }
            Self::Dependencies { reason } => write!(f, "the bundles that it needs cannot be read: {reason}"),
            Self::NoContentDigest { image } => {
                write!(f, "it states no contentDigest for {image}, so it does not say which content that is")
            }
            Self::DigestInReference { image } => {
                write!(f, "it states no contentDigest for {image}, only the digest in the reference")
            }
            Self::Size { image, stated: Some(stated), found } => {
                write!(f, "it states {stated} bytes for {image}, but the manifest has {found}")
            }
            Self::Size { image, stated: None, found } => {
                write!(f, "it states a size for {image} that is not a number; the manifest has {found} bytes")
            }
            Self::MediaType { image, stated: None, found } => {
                write!(f, "it states a media type for {image} that is not a text; the manifest has {found:?}")
            }
            Self::MediaType { image, stated: Some(stated), found } => {
                write!(f, "it states the media type {stated:?} for {image}, but the manifest has {found:?}")
            }
            Self::More { count } => write!(f, "it deviates in {count} more respects"),
        }
    }
}

/// Deviations, as many as are listed, and how many more there are.
#[derive(Default)]
pub(super) struct Deviations {
    pub(super) listed: Vec<Deviation>,
    pub(super) more: usize,
}

impl Deviations {
    pub(super) fn add(&mut self, deviation: Deviation) {
        match self.listed.len() < MAXIMUM_DEVIATIONS {
            true => self.listed.push(deviation.shortened()),
            false => self.more = self.more.saturating_add(1),
        }
    }

    pub(super) fn extend(&mut self, Self { listed, more }: Self) {
        listed.into_iter().for_each(|deviation| self.add(deviation));
        self.more = self.more.saturating_add(more);
    }

    pub(super) fn add_all(&mut self, names: Vec<String>, deviation: impl Fn(String) -> Deviation) {
        names.into_iter().for_each(|name| self.add(deviation(name)));
    }
}
