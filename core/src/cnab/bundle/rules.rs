//! The rules of CNAB Core 1.2 that a bundle may break and be carried all the same.
//!
//! Promise: a carrier does not refuse a bundle for what only its runtime has to judge; it says what the bundle breaks, with the
//! section. What could be read in two ways is not here: [`Bundle::parse`](super::Bundle::parse) refuses it. A list of deviations
//! is short, whatever the bundle says.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use sealift_proof::canonical_json;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use super::structure::{self, Form, MemberPath, Observer};
use super::{Bundle, BundleImage, dependencies};

/// The most deviations that are listed for one bundle.
const MAXIMUM_DEVIATIONS: usize = 100;
/// The most characters of a text that are shown.
const MAXIMUM_SHOWN: usize = 200;

/// The actions that every bundle has, and none may define (§101, "Custom Actions").
const BUILT_IN_ACTIONS: [&str; 3] = ["install", "uninstall", "upgrade"];
/// The extensions about which a carrier has nothing to say: they concern the runtime, or Sealift acts on them.
const KNOWN_EXTENSIONS: [&str; 5] = [
    dependencies::EXTENSION,
    dependencies::PORTER_EXTENSION,
    "io.cnab.docker",
    "io.cnab.parameter-sources",
    "sh.porter.file-parameters",
];

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
struct Deviations {
    listed: Vec<Deviation>,
    more: usize,
}

impl Deviations {
    fn add(&mut self, deviation: Deviation) {
        match self.listed.len() < MAXIMUM_DEVIATIONS {
            true => self.listed.push(deviation.shortened()),
            false => self.more = self.more.saturating_add(1),
        }
    }

    fn extend(&mut self, Self { listed, more }: Self) {
        listed.into_iter().for_each(|deviation| self.add(deviation));
        self.more = self.more.saturating_add(more);
    }

    fn add_all(&mut self, names: Vec<String>, deviation: impl Fn(String) -> Deviation) {
        names.into_iter().for_each(|name| self.add(deviation(name)));
    }
}

impl Bundle {
    /// The rules of CNAB Core that this bundle breaks. `bundle_json` is its file, `images` are the media types and the sizes of the
    /// manifests of [`Self::images`], in their order.
    pub fn deviations<'i>(
        &self,
        bundle_json: &[u8],
        images: impl IntoIterator<Item = (&'i str, u64)>,
    ) -> Vec<Deviation> {
        let mut deviations = Deviations::default();
        if !canonical_json::is_canonical(bundle_json) {
            deviations.add(Deviation::NotCanonical);
        }
        let written = self.schema_version.clone();
        match written.strip_prefix('v') {
            Some("1") => {}
            Some(version) if is_semver(version) => {}
            _ => deviations.add(Deviation::SchemaVersion { written }),
        }
        if !self.name.chars().all(is_graphic) {
            deviations.add(Deviation::Name { written: self.name.clone() });
        }
        if !is_semver(&self.version) {
            deviations.add(Deviation::Version { written: self.version.clone() });
        }
        if let Err(error) = &self.dependencies {
            deviations.add(Deviation::Dependencies { reason: error.to_string() });
        }
        deviations.shape(bundle_json);
        for (image, (media_type, size)) in self.images.iter().zip(images) {
            deviations.image(image, media_type, size);
        }
        let more = (deviations.more > 0).then_some(Deviation::More { count: deviations.more });
        deviations.listed.into_iter().chain(more).collect()
    }
}

impl Deviations {
    /// What the bundle has beyond what is read of it.
    fn shape(&mut self, bundle_json: &[u8]) {
        let Shape { unknown, malformed, missing, actions, required, custom, inputs, outputs, definitions, used } =
            structure::observe(bundle_json);
        self.extend(unknown);
        self.extend(malformed);
        self.extend(missing);
        for (member, definition) in used.into_iter().filter(|(_, definition)| !definitions.contains(definition)) {
            self.add(Deviation::UndefinedDefinition { member, definition });
        }
        self.inputs(inputs);
        self.outputs(outputs);
        self.add_all(actions, |action| Deviation::BuiltInAction { action });
        let custom: HashSet<String> = custom.into_iter().collect();
        for extension in required {
            if !custom.contains(&extension) {
                self.add(Deviation::UndefinedExtension { extension });
            } else if !KNOWN_EXTENSIONS.contains(&extension.as_str()) {
                self.add(Deviation::UnknownExtension { extension });
            }
        }
    }

    /// Where parameters and credentials go.
    fn inputs(&mut self, InputPlaces { nowhere, variables, paths, is_somewhere: _ }: InputPlaces) {
        self.extend(nowhere);
        for goes_to in [&variables, &paths] {
            let of = |role| goes_to.iter().filter(move |input| input.role == role).map(|input| &input.value);
            let credentials: HashSet<&String> = of(InputRole::Credential).collect();
            let both: BTreeSet<&String> =
                of(InputRole::Parameter).filter(|value| credentials.contains(value)).collect();
            both.into_iter().for_each(|both| self.add(Deviation::SameDestination { destination: both.clone() }));
        }
        for InputPlace { member, value: variable, .. } in variables {
            if variable.starts_with("CNAB_") {
                self.add(Deviation::ReservedVariable { member, variable });
            }
        }
        for InputPlace { member, value: path, .. } in paths {
            if !is_absolute(&path) {
                self.add(Deviation::RelativePath { member, path });
            } else if in_outputs(&path).is_some() {
                self.add(Deviation::InputPath { member, path });
            }
        }
    }

    /// Where outputs come from, each with the names that lead to its path.
    fn outputs(&mut self, outputs: Vec<(String, String)>) {
        let mut seen = HashSet::new();
        for (member, path) in outputs {
            match in_outputs(&path) {
                None | Some(0) => self.add(Deviation::OutputPath { member, path }),
                Some(_) if !seen.insert(parts(&path).join("/")) => self.add(Deviation::SameOutputPath { member, path }),
                Some(_) => {}
            }
        }
    }

    fn image(&mut self, image: &BundleImage, media_type: &str, size: u64) {
        let reference = || image.reference.clone();
        if !image.is_digest_stated {
            self.add(match image.digest {
                None => Deviation::NoContentDigest { image: reference() },
                Some(_) => Deviation::DigestInReference { image: reference() },
            });
        }
        if let Some(stated) = image.size.filter(|stated| *stated != Some(size)) {
            self.add(Deviation::Size { image: reference(), stated, found: size });
        }
        if let Some(stated) = image.media_type.clone().filter(|stated| stated.as_deref() != Some(media_type)) {
            self.add(Deviation::MediaType { image: reference(), stated, found: media_type.to_owned() });
        }
    }
}

/// The parts of a path, without what says nothing or leads back.
fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

/// How far below `/cnab/app/outputs` a path is; `None` if it is elsewhere.
fn in_outputs(path: &str) -> Option<usize> {
    let parts = if is_absolute(path) { parts(path) } else { Vec::new() };
    parts.strip_prefix(["cnab", "app", "outputs"].as_slice()).map(<[&str]>::len)
}

/// Whether a path is absolute: for Linux, or for Windows (`C:\\file`), which a runtime may translate.
fn is_absolute(path: &str) -> bool {
    let of_windows = || {
        let mut letters = path.chars();
        letters.next().is_some_and(|drive| drive.is_ascii_alphabetic()) && letters.as_str().starts_with(":\\")
    };
    path.starts_with('/') || of_windows()
}

/// Whether a text is a version of Semantic Versioning 2.
fn is_semver(text: &str) -> bool {
    semver::Version::parse(text).is_ok()
}

/// Whether a character is graphic: a letter, mark, number, punctuation, symbol or space, as Unicode says.
fn is_graphic(character: char) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number, Punctuation, Symbol};
    match character.general_category_group() {
        Letter | Mark | Number | Punctuation | Symbol => true,
        _ => character.general_category() == GeneralCategory::SpaceSeparator,
    }
}

/// What the rules look at, beyond what [`Bundle`] has.
#[derive(Default)]
struct Shape {
    /// The members that no bundle has.
    unknown: Deviations,
    /// The members that are not what they should be.
    malformed: Deviations,
    /// The members that are not there and should be.
    missing: Deviations,
    /// The actions that it defines although they are built in.
    actions: Vec<String>,
    /// The extensions that it requires.
    required: Vec<String>,
    /// The extensions that it defines.
    custom: Vec<String>,
    /// Where its parameters and credentials go.
    inputs: InputPlaces,
    /// The paths of its outputs, each behind the names that lead there.
    outputs: Vec<(String, String)>,
    /// The definitions that it has.
    definitions: HashSet<String>,
    /// The definitions that are named, each behind the names that lead there.
    used: Vec<(String, String)>,
}

/// Where parameters and credentials go.
#[derive(Default)]
struct InputPlaces {
    /// What says neither.
    nowhere: Deviations,
    variables: Vec<InputPlace>,
    paths: Vec<InputPlace>,
    /// Whether the destination that is being read has a variable or a path.
    is_somewhere: bool,
}

/// Where a parameter or a credential goes.
struct InputPlace {
    role: InputRole,
    /// The names that lead there.
    member: String,
    /// The variable or the path.
    value: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum InputRole {
    Parameter,
    Credential,
}

impl InputPlaces {
    fn variable(&mut self, variable: InputPlace) {
        self.is_somewhere = true;
        self.variables.push(variable);
    }

    fn path(&mut self, path: InputPlace) {
        self.is_somewhere = true;
        self.paths.push(path);
    }

    /// A destination has been read.
    fn end(&mut self, path: &MemberPath<'_>) {
        if !std::mem::take(&mut self.is_somewhere) {
            self.nowhere.add(Deviation::NoDestination { member: shown(path) });
        }
    }
}

impl Observer for Shape {
    fn value(&mut self, path: &MemberPath<'_>, is_expected: bool) {
        match path {
            ["actions", name] if BUILT_IN_ACTIONS.contains(name) => self.actions.push((*name).to_owned()),
            ["custom", name] => self.custom.push((*name).to_owned()),
            ["definitions", name] => drop(self.definitions.insert((*name).to_owned())),
            ["parameters", _, "destination"] | ["credentials", _] if is_expected => self.inputs.end(path),
            _ => {}
        }
    }

    fn text(&mut self, path: &MemberPath<'_>, text: &str) {
        let owned = || text.to_owned();
        let input = |role| InputPlace { role, member: shown(path), value: owned() };
        match path {
            // Go writes no text as an empty one.
            ["parameters" | "credentials", ..] if text.is_empty() => {}
            ["requiredExtensions"] => self.required.push(owned()),
            ["parameters" | "outputs", _, "definition"] => self.used.push((shown(path), owned())),
            ["parameters", _, "destination", "env"] => self.inputs.variable(input(InputRole::Parameter)),
            ["parameters", _, "destination", "path"] => self.inputs.path(input(InputRole::Parameter)),
            ["credentials", _, "env"] => self.inputs.variable(input(InputRole::Credential)),
            ["credentials", _, "path"] => self.inputs.path(input(InputRole::Credential)),
            ["outputs", _, "path"] => self.outputs.push((shown(path), owned())),
            _ => {}
        }
    }

    fn unknown(&mut self, path: &MemberPath<'_>) {
        self.unknown.add(Deviation::UnknownMember { member: shown(path) });
    }

    fn malformed(&mut self, path: &MemberPath<'_>, expected: Form) {
        self.malformed.add(Deviation::MemberForm { member: shown(path), expected: expected.words() });
    }

    fn missing(&mut self, path: &MemberPath<'_>, member: &'static str) {
        let path: Vec<&str> = path.iter().copied().chain([member]).collect();
        self.missing.add(Deviation::MissingMember { member: shown(&path) });
    }
}

/// The beginning of a path, for people: as much as is shown, and one character more.
fn shown(path: &MemberPath<'_>) -> String {
    let dots = std::iter::once("").chain(std::iter::repeat("."));
    dots.zip(path).flat_map(|(dot, name)| dot.chars().chain(name.chars())).take(MAXIMUM_SHOWN + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGES: &str = r#""images":{},"invocationImages":[{"contentDigest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","image":"e/i:1"}]"#;

    fn deviations(bundle_json: &str) -> Vec<Deviation> {
        let bundle = Bundle::parse(bundle_json.as_bytes()).unwrap();
        bundle.deviations(bundle_json.as_bytes(), [("a/b", 7)])
    }

    fn with(schema: &str, name: &str, version: &str) -> Vec<Deviation> {
        deviations(&format!(r#"{{{IMAGES},"name":"{name}","schemaVersion":"{schema}","version":"{version}"}}"#))
    }

    #[test]
    fn a_bundle_that_follows_the_rules_has_no_deviation() {
        for (schema, name, version) in [("v1", "a", "1.0.0"), ("v1.2.0-WD", "a b/c é ♥", "1.0.0-alpha.1+b")] {
            assert_eq!(with(schema, name, version), []);
        }
    }

    #[test]
    fn versions_are_semver_and_names_are_graphic() {
        for schema in ["1", "1.2.0"] {
            let written = schema.to_owned();
            assert_eq!(with(schema, "a", "1.0.0"), [Deviation::SchemaVersion { written }]);
        }
        for version in ["1.0", "latest", "v1.0.0", "01.0.0", " "] {
            assert_eq!(with("v1", "a", version), [Deviation::Version { written: version.to_owned() }]);
        }
        for name in ["\u{200b}", "\u{202e}evil", "\u{e000}", "\u{2028}"] {
            assert_eq!(with("v1", name, "1.0.0"), [Deviation::Name { written: name.to_owned() }]);
        }
        let found = deviations(&format!(r#"{{{IMAGES},"name":"a\u0007","schemaVersion":"v1","version":"1.0.0"}}"#));
        assert_eq!(found, [Deviation::NotCanonical, Deviation::Name { written: "a\u{7}".to_owned() }]);
    }

    #[test]
    fn members_actions_and_extensions_are_compared_with_those_there_are() {
        let found = deviations(&format!(
            r#"{{"actions":{{"install":{{}},"io.x.test":{{}}}},"custom":{{"com.a":1,"io.cnab.docker":{{}}}},"foo":1,{IMAGES},"name":"a","requiredExtensions":["com.a","com.b","io.cnab.docker"],"schemaVersion":"v1","version":"1.0.0"}}"#
        ));
        let [foo, install, a, b] = ["foo", "install", "com.a", "com.b"].map(str::to_owned);
        let expected = [
            Deviation::UnknownMember { member: foo },
            Deviation::BuiltInAction { action: install },
            Deviation::UnknownExtension { extension: a },
            Deviation::UndefinedExtension { extension: b },
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_not_what_it_should_be_is_said_and_hides_nothing_else() {
        let member = |name: &str, expected| Deviation::MemberForm { member: name.to_owned(), expected };
        let undefined = |extension: &str| Deviation::UndefinedExtension { extension: extension.to_owned() };
        let unknown = Deviation::UnknownMember { member: "foo".to_owned() };
        let not_texts = || member("requiredExtensions", "a list of texts");
        for (actions, required, more) in [
            (r#""x""#, "null", vec![member("actions", "an object")]),
            ("[]", "[]", vec![member("actions", "an object")]),
            ("true", r#""a.b""#, vec![member("actions", "an object"), not_texts(), undefined("a.b")]),
            ("{}", "15", vec![not_texts()]),
            ("null", r#"[1,"com.b",[{"com.c":"com.d"}]]"#, vec![not_texts(), undefined("com.b")]),
        ] {
            let found = deviations(&format!(
                r#"{{"actions":{actions},"foo":1,{IMAGES},"name":"a","requiredExtensions":{required},"schemaVersion":"v1","version":"1.0.0"}}"#
            ));
            assert_eq!(found, [vec![unknown.clone()], more].concat(), "{actions} {required}");
        }
        for structure::Member { name, form, .. } in structure::BUNDLE.iter().filter(|known| {
            !["images", "invocationImages", "name", "schemaVersion", "version", "description"].contains(&known.name)
        }) {
            let odd = if *form == Form::Text { "{}" } else { "7" };
            let members: std::collections::BTreeMap<&str, &str> =
                [("name", r#""a""#), ("schemaVersion", r#""v1""#), ("version", r#""1.0.0""#), (name, odd)].into();
            let members: Vec<_> = members.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
            let bundle_json = format!("{{{IMAGES},{}}}", members.join(","));
            let found = deviations(&bundle_json);
            assert!(found.contains(&member(name, form.words())), "{bundle_json}: {found:?}");
        }
    }

    #[test]
    fn what_is_wrong_within_a_member_is_said_with_the_names_that_lead_there() {
        let form = |member: &str, expected| Deviation::MemberForm { member: member.to_owned(), expected };
        let unknown = |member: &str| Deviation::UnknownMember { member: member.to_owned() };
        for (members, expected) in [
            (r#""actions":{"io.x.a":7}"#, form("actions.io.x.a", "an object")),
            (r#""actions":{"io.x.a":{"modifies":"yes"}}"#, form("actions.io.x.a.modifies", "true or false")),
            (
                r#""credentials":{"a":{"applyTo":["install",7],"env":"A"}}"#,
                form("credentials.a.applyTo", "a list of texts"),
            ),
            (r#""maintainers":[7]"#, form("maintainers", "a list of objects")),
            (r#""maintainers":[{"name":"a","phone":"7"}]"#, unknown("maintainers.phone")),
            (
                r#""parameters":{"a":{"definition":"a","destination":{"env":["A"]}}}"#,
                form("parameters.a.destination.env", "a text"),
            ),
            (
                r#""parameters":{"a":{"definition":"a","destination":{"env":"A","file":"/a"}}}"#,
                unknown("parameters.a.destination.file"),
            ),
        ] {
            let found =
                deviations(&format!(r#"{{{IMAGES},{members},"name":"a","schemaVersion":"v1","version":"1.0.0"}}"#));
            assert!(found.contains(&expected), "{members}: {found:?}");
        }
    }

    #[test]
    fn where_values_go_and_come_from_is_held_to_the_rules() {
        let found = |members: &str| {
            let found = deviations(&format!(
                r#"{{{IMAGES},"custom":{{}},{members},"name":"a","schemaVersion":"v1","version":"1.0.0"}}"#
            ));
            let said = found.iter().filter(|found| **found != Deviation::NotCanonical);
            said.map(|found| format!("{}: {found}", found.section())).collect::<Vec<_>>()
        };
        let parameters = |destination: &str| {
            format!(
                r#""definitions":{{"d":true}},"parameters":{{"p":{{"definition":"d","destination":{{{destination}}}}}}}"#
            )
        };
        let outputs = |paths: &[&str]| {
            let outputs: Vec<_> = paths.iter().enumerate().collect();
            let outputs = outputs.iter().map(|(at, path)| format!(r#""o{at}":{{"definition":"d","path":"{path}"}}"#));
            format!(r#""definitions":{{"d":{{}}}},"outputs":{{{}}}"#, outputs.collect::<Vec<_>>().join(","))
        };
        for right in [
            parameters(r#""env":"PORT","path":"/etc/port""#),
            parameters(r#""path":"C:\\port""#),
            parameters(r#""path":"/cnab/app/outputs-of-others/port""#),
            outputs(&["/cnab/app/outputs/a", "/cnab/app/outputs/b/c", "/cnab/app/outputs/b"]),
            r#""credentials":{"c":{"env":"KEY"},"d":{"path":"/key"}}"#.to_owned(),
        ] {
            assert_eq!(found(&right), Vec::<String>::new(), "{right}");
        }
        for (members, section, said) in [
            (
                parameters(r#""env":"CNAB_PORT""#),
                "CNAB 103",
                r#""parameters.p.destination.env" is the variable "CNAB_PORT""#,
            ),
            (
                r#""credentials":{"c":{"env":"CNAB_KEY"}}"#.to_owned(),
                "CNAB 103",
                r#""credentials.c.env" is the variable"#,
            ),
            (parameters(r#""path":"etc/port""#), "CNAB 103", r#""etc/port", which is not an absolute path"#),
            (parameters(r#""path":"/cnab/app/./outputs/port""#), "CNAB 101", "which is where outputs are"),
            (
                r#""credentials":{"c":{"path":"/cnab/app/outputs"}}"#.to_owned(),
                "CNAB 101",
                "which is where outputs are",
            ),
            (parameters(""), "CNAB 101", r#""parameters.p.destination" has neither env nor path"#),
            (
                parameters(r#""env":"","path":null"#),
                "CNAB 101",
                r#""parameters.p.destination" has neither env nor path"#,
            ),
            (
                r#""credentials":{"c":{"description":"a key"}}"#.to_owned(),
                "CNAB 101",
                r#""credentials.c" has neither env nor path"#,
            ),
            (
                parameters(r#""env":"A""#) + r#","credentials":{"c":{"env":"A"}}"#,
                "CNAB 101",
                r#"a parameter and a credential have the same destination "A""#,
            ),
            (
                r#""parameters":{"p":{"definition":"d","destination":{"env":"A"}}}"#.to_owned(),
                "CNAB 101",
                r#"names the definition "d", which it does not have"#,
            ),
            (
                r#""parameters":{"p":{"destination":{"env":"A"}}}"#.to_owned(),
                "CNAB 104",
                r#"it lacks the member "parameters.p.definition""#,
            ),
            (
                r#""definitions":{"d":{}},"parameters":{"p":{"definition":"d"}}"#.to_owned(),
                "CNAB 104",
                r#"it lacks the member "parameters.p.destination""#,
            ),
            (
                r#""definitions":{"d":{}},"outputs":{"o":{"definition":"d"}}"#.to_owned(),
                "CNAB 104",
                r#"it lacks the member "outputs.o.path""#,
            ),
            (
                r#""maintainers":[{"email":"a@example.com"}]"#.to_owned(),
                "CNAB 104",
                r#"it lacks the member "maintainers.name""#,
            ),
            (outputs(&["/etc/passwd"]), "CNAB 101", "which is not below /cnab/app/outputs"),
            (outputs(&["/cnab/app/outputs"]), "CNAB 101", "which is not below /cnab/app/outputs"),
            (outputs(&["/cnab/app/outputs/../run"]), "CNAB 101", "which is not below /cnab/app/outputs"),
            (outputs(&["cnab/app/outputs/a"]), "CNAB 101", "which is not below /cnab/app/outputs"),
            (outputs(&["/cnab/app/outputs/a", "/cnab/app/outputs//a"]), "CNAB 101", "as that of another output"),
        ] {
            let found = found(&members);
            assert!(
                found.len() == 1 && found[0].starts_with(section) && found[0].contains(said),
                "{members}: {found:?}, not {said}"
            );
        }
    }

    #[test]
    fn what_is_stated_about_an_image_is_compared_with_its_manifest() {
        let found = |stated: &str| {
            deviations(&format!(
                r#"{{"images":{{}},"invocationImages":[{{{stated}}}],"name":"a","schemaVersion":"v1","version":"1.0.0"}}"#
            ))
        };
        let image = || "e/i:1".to_owned();
        assert_eq!(found(r#""image":"e/i:1""#), [Deviation::NoContentDigest { image: image() }]);
        let by_digest = "e/i@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let in_reference = [Deviation::DigestInReference { image: by_digest.to_owned() }];
        assert_eq!(found(&format!(r#""image":"{by_digest}""#)), in_reference);
        let digest = r#""contentDigest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","image":"e/i:1""#;
        assert_eq!(found(&format!(r#"{digest},"mediaType":"a/b","size":7"#)), []);
        let size = |stated| [Deviation::Size { image: image(), stated, found: 7 }];
        assert_eq!(found(&format!(r#"{digest},"size":8"#)), size(Some(8)));
        let others = [r#""7""#, "-7", "true", "[[7]]", r#"{"a":{"b":7}}"#];
        others.into_iter().for_each(|other| assert_eq!(found(&format!(r#"{digest},"size":{other}"#)), size(None)));
        let media_type = |stated: Option<&str>| {
            [Deviation::MediaType { image: image(), stated: stated.map(str::to_owned), found: "a/b".to_owned() }]
        };
        assert_eq!(found(&format!(r#"{digest},"mediaType":"a/c""#)), media_type(Some("a/c")));
        for other in ["7", "-7", "true", "[[7]]", r#"{"a":{"b":7}}"#] {
            assert_eq!(found(&format!(r#"{digest},"mediaType":{other}"#)), media_type(None));
        }
        assert_eq!(found(&format!(r#"{digest},"mediaType":null,"size":null"#)), []);
    }

    #[test]
    fn a_list_of_deviations_is_short_whatever_the_bundle_says() {
        let members: String = (0..5_000).map(|number| format!(r#""x{number:04}":0,"#)).collect();
        let found = deviations(&format!(r#"{{{members}{IMAGES},"name":"a","schemaVersion":"v1","version":"1.0.0"}}"#));
        assert_eq!(found.len(), MAXIMUM_DEVIATIONS + 1);
        assert_eq!(found.last(), Some(&Deviation::More { count: 5_001 - MAXIMUM_DEVIATIONS }));
    }

    /// Each of many members is told with the names that lead there, one of which is very long.
    #[test]
    fn names_that_lead_somewhere_are_not_kept_whole_for_each_member() {
        let members: Vec<String> = (0..20_000).map(|number| format!(r#""x{number:05}":0"#)).collect();
        let long = "n".repeat(2_000_000);
        let found = deviations(&format!(
            r#"{{{IMAGES},"name":"a","parameters":{{"{long}":{{{}}}}},"schemaVersion":"v1","version":"1.0.0"}}"#,
            members.join(",")
        ));
        assert!(found.len() <= 2 * MAXIMUM_DEVIATIONS, "{}", found.len());
        let member = format!("parameters.{}…", "n".repeat(MAXIMUM_SHOWN - "parameters.".len()));
        assert_eq!(found[0], Deviation::UnknownMember { member });
    }

    #[test]
    fn only_what_breaks_a_rule_counts_however_much_a_bundle_has() {
        let list = |name: &str| (0..5_000).map(|number| format!(r#""{name}{number:04}""#)).collect::<Vec<_>>();
        let object = |name: &str| list(name).iter().map(|name| format!("{name}:{{}}")).collect::<Vec<_>>().join(",");
        let required = vec![r#""io.cnab.docker""#; 5_000].join(",");
        let found = deviations(&format!(
            r#"{{"actions":{{{actions},"install":{{}}}},"custom":{{{custom},"io.cnab.docker":{{}}}},{IMAGES},"name":"a","requiredExtensions":["com.b",{required}],"schemaVersion":"v1","version":"1.0.0"}}"#,
            actions = object("a"),
            custom = object("com.a"),
        ));
        let [install, missing] = ["install", "com.b"].map(str::to_owned);
        let expected =
            [Deviation::BuiltInAction { action: install }, Deviation::UndefinedExtension { extension: missing }];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_shown_of_a_text_is_short() {
        let long = "é".repeat(100_000);
        let shown = format!("{}…", "é".repeat(MAXIMUM_SHOWN));
        assert_eq!(with("v1", "a", &long), [Deviation::Version { written: shown.clone() }]);
        let found =
            deviations(&format!(r#"{{{IMAGES},"name":"a","schemaVersion":"v1","version":"1.0.0","{long}":1}}"#));
        assert_eq!(found, [Deviation::UnknownMember { member: shown }]);
    }
}
