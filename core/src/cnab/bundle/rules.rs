//! The rules of CNAB Core 1.2 that a bundle may break and be carried all the same.
//!
//! Promise: a carrier does not refuse a bundle for what only its runtime has to judge; it says what the bundle breaks, with the
//! section. What could be read in two ways is not here: [`Bundle::parse`](super::Bundle::parse) refuses it. A list of deviations
//! is short, whatever the bundle says.

use std::collections::HashSet;
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
            Self::BuiltInAction { .. } => "CNAB 101, \"Custom Actions\"",
            Self::UnknownExtension { .. } | Self::UndefinedExtension { .. } => "CNAB 101, \"Required Extensions\"",
            Self::Dependencies { .. } => "CNAB 500, \"Dependencies Metadata\"",
            Self::NoContentDigest { .. } | Self::Size { .. } | Self::MediaType { .. } => {
                "CNAB 101, \"Invocation Images\" and \"The Image Map\""
            }
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
            | Self::BuiltInAction { action: text }
            | Self::UnknownExtension { extension: text }
            | Self::UndefinedExtension { extension: text }
            | Self::Dependencies { reason: text }
            | Self::NoContentDigest { image: text }
            | Self::Size { image: text, .. } => shorten(text),
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
        let Shape { unknown, malformed, actions, required, custom } = structure::observe(bundle_json);
        self.extend(unknown);
        self.extend(malformed);
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

    fn image(&mut self, image: &BundleImage, media_type: &str, size: u64) {
        let reference = || image.reference.clone();
        if image.digest.is_none() {
            self.add(Deviation::NoContentDigest { image: reference() });
        }
        if let Some(stated) = image.size.filter(|stated| *stated != Some(size)) {
            self.add(Deviation::Size { image: reference(), stated, found: size });
        }
        if let Some(stated) = image.media_type.clone().filter(|stated| stated.as_deref() != Some(media_type)) {
            self.add(Deviation::MediaType { image: reference(), stated, found: media_type.to_owned() });
        }
    }
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
    /// The actions that it defines although they are built in.
    actions: Vec<String>,
    /// The extensions that it requires.
    required: Vec<String>,
    /// The extensions that it defines.
    custom: Vec<String>,
}

impl Observer for Shape {
    fn value(&mut self, path: &MemberPath<'_>) {
        match path {
            ["actions", name] if BUILT_IN_ACTIONS.contains(name) => self.actions.push((*name).to_owned()),
            ["custom", name] => self.custom.push((*name).to_owned()),
            _ => {}
        }
    }

    fn text(&mut self, path: &MemberPath<'_>, text: &str) {
        if let ["requiredExtensions"] = path {
            self.required.push(text.to_owned());
        }
    }

    fn unknown(&mut self, path: &MemberPath<'_>) {
        self.unknown.add(Deviation::UnknownMember { member: shown(path) });
    }

    fn malformed(&mut self, path: &MemberPath<'_>, expected: Form) {
        self.malformed.add(Deviation::MemberForm { member: shown(path), expected: expected.words() });
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
    fn what_is_stated_about_an_image_is_compared_with_its_manifest() {
        let found = |stated: &str| {
            deviations(&format!(
                r#"{{"images":{{}},"invocationImages":[{{{stated}}}],"name":"a","schemaVersion":"v1","version":"1.0.0"}}"#
            ))
        };
        let image = || "e/i:1".to_owned();
        assert_eq!(found(r#""image":"e/i:1""#), [Deviation::NoContentDigest { image: image() }]);
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
