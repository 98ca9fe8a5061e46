//! The rules of CNAB Core 1.2 that a bundle may break and be carried all the same.
//!
//! Promise: a carrier does not refuse a bundle for what only its runtime has to judge; it says what the bundle breaks, with the
//! section. What could be read in two ways is not here: [`Bundle::parse`](super::Bundle::parse) refuses it. A list of deviations
//! is short, whatever the bundle says.

use std::collections::{BTreeSet, HashSet};

use sealift_proof::canonical_json;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use super::deviation::{Deviation, Deviations, MAXIMUM_SHOWN};
use super::structure::{self, Form, MemberPath, Observer};
use super::{Bundle, BundleImage, dependencies};

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
    use super::super::deviation::MAXIMUM_DEVIATIONS;
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
