//! What we accept of manifests, indexes and bundles, programs written in Go read in the same way.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use sealift_tests::go_reader::Json;
use sealift_tests::read_alike::{bundle, document};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const OTHER_DIGEST: &str = "sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9";

fn json(text: &str) -> Json {
    Json::read(text.replace("DIGEST", DIGEST).replace("OTHER", OTHER_DIGEST).as_bytes()).unwrap()
}

fn image() -> Json {
    json(
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"a/b",
            "config":{"mediaType":"a/b","digest":"DIGEST","size":0,"annotations":{"k":"1","s":"2"}},
            "layers":[{"mediaType":"a/b","digest":"DIGEST","size":0,"urls":["https://example.com/"]},
                {"mediaType":"c/d","digest":"OTHER","size":1}],
            "subject":{"mediaType":"e/f","digest":"OTHER","size":1},"annotations":{"a":"1"}}"#,
    )
}

fn index() -> Json {
    json(
        r#"{"schemaVersion":2,
            "manifests":[{"mediaType":"a/b","digest":"DIGEST","size":0,"annotations":{"io.cnab.manifest.type":"config"},
                "platform":{"os":"linux","architecture":"arm","variant":"v7","os.version":"1"}},
                {"mediaType":"c/d","digest":"OTHER","size":1,"artifactType":"x/y"}],
            "subject":{"mediaType":"e/f","digest":"OTHER","size":1},"annotations":{"a":"1"}}"#,
    )
}

fn bundle_json() -> Json {
    json(
        r#"{"schemaVersion":"v1.2.0","name":"shop","version":"1.0.0","description":"d",
            "invocationImages":[{"image":"example.com/shop/installer:1","imageType":"oci","contentDigest":"DIGEST"}],
            "images":{"api":{"image":"example.com/shop/api:1"},"web":{"image":"example.com/shop/web@OTHER"}}}"#,
    )
}

/// How a name is written again.
#[derive(Debug, Clone, Copy)]
enum Spelling {
    Same,
    Upper,
    Capital,
    LongS,
    Kelvin,
    Longer,
}

impl Spelling {
    fn of(self, name: &str) -> String {
        match self {
            Self::Same => name.to_owned(),
            Self::Upper => name.to_uppercase(),
            Self::Capital => {
                name.chars().take(1).map(|first| first.to_ascii_uppercase()).chain(name.chars().skip(1)).collect()
            }
            Self::LongS => name.replace('s', "\u{17f}"),
            Self::Kelvin => name.replace('k', "\u{212a}"),
            Self::Longer => format!("{name}x"),
        }
    }
}

/// A change to one member of one object; both are counted through, and round again.
#[derive(Debug, Clone)]
enum Change {
    /// One more member whose name is that of one that is there, written in some way, in front of all or after them.
    Again(Spelling, Json, bool),
    /// One more member of a known name.
    Put(&'static str, Json),
    Respell(Spelling),
    Set(Json),
    Remove,
}

fn value() -> impl Strategy<Value = Json> {
    select(vec![
        "null",
        "{}",
        "[]",
        "\"\"",
        "\"a\"",
        "0",
        "[null]",
        r#"{"a":null}"#,
        r#"{"k":"3"}"#,
        r#"{"mediaType":"g/h","digest":"OTHER","size":1}"#,
        r#"[{"mediaType":"g/h","digest":"OTHER","size":1}]"#,
        r#"[{"image":"example.com/evil:1"}]"#,
        r#"{"web":{"image":"example.com/evil:1"}}"#,
        "\"DIGEST\"",
        "\"application/vnd.oci.image.index.v1+json\"",
        "\"application/vnd.docker.distribution.manifest.v2+json\"",
    ])
    .prop_map(json)
}

fn changes() -> impl Strategy<Value = Vec<(usize, usize, Change)>> {
    use Spelling::{Capital, Kelvin, LongS, Longer, Same, Upper};
    let spelling = || select(vec![Same, Upper, Capital, LongS, Kelvin, Longer]);
    let known = select(vec![
        "mediaType",
        "config",
        "layers",
        "manifests",
        "fsLayers",
        "subject",
        "artifactType",
        "annotations",
        "digest",
        "platform",
        "urls",
        "data",
        "images",
        "invocationImages",
        "image",
        "contentDigest",
        "description",
        "name",
    ]);
    let change = prop_oneof![
        (spelling(), value(), any::<bool>()).prop_map(|(spelling, value, first)| Change::Again(spelling, value, first)),
        (known, value()).prop_map(|(name, value)| Change::Put(name, value)),
        spelling().prop_map(Change::Respell),
        value().prop_map(Change::Set),
        Just(Change::Remove),
    ];
    prop::collection::vec((any::<usize>(), any::<usize>(), change), 0..4)
}

/// How many objects a document has.
fn objects(value: &Json) -> usize {
    match value {
        Json::List(items) => items.iter().map(objects).sum(),
        Json::Object(members) => 1 + members.iter().map(|(_, value)| objects(value)).sum::<usize>(),
        _ => 0,
    }
}

/// The members of an object, after so many others, from outside to inside.
fn object<'j>(value: &'j mut Json, others: &mut usize) -> Option<&'j mut Vec<(String, Json)>> {
    match value {
        Json::Object(members) => {
            if *others == 0 {
                return Some(members);
            }
            *others -= 1;
            members.iter_mut().find_map(|(_, value)| object(value, others))
        }
        Json::List(items) => items.iter_mut().find_map(|item| object(item, others)),
        _ => None,
    }
}

fn changed(mut document: Json, changes: &[(usize, usize, Change)]) -> Vec<u8> {
    for (number, at, change) in changes {
        let mut others = number % objects(&document).max(1);
        let Some(members) = object(&mut document, &mut others) else { continue };
        let at = at % members.len().max(1);
        match (change, members.get_mut(at)) {
            (Change::Put(name, value), _) => members.push(((*name).to_owned(), value.clone())),
            (_, None) => {}
            (Change::Again(spelling, value, first), Some((name, _))) => {
                let again = (spelling.of(name), value.clone());
                members.insert(if *first { 0 } else { members.len() }, again);
            }
            (Change::Respell(spelling), Some((name, _))) => *name = spelling.of(name),
            (Change::Set(value), Some((_, old))) => *old = value.clone(),
            (Change::Remove, Some(_)) => drop(members.remove(at)),
        }
    }
    document.to_string().into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn a_manifest_that_is_accepted_is_read_alike(
        changes in changes(),
        base in select(vec![image(), index()]),
    ) {
        document(&changed(base, &changes));
    }

    #[test]
    fn a_bundle_that_is_accepted_is_read_alike(changes in changes()) {
        bundle(&changed(bundle_json(), &changes));
    }
}

/// The properties say nothing if hardly anything is accepted, or everything.
#[test]
fn some_of_what_is_made_is_accepted_and_some_is_not() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut accepted = [0; 3];
    for _ in 0..500 {
        let changes = changes().new_tree(&mut runner).unwrap().current();
        accepted[0] += usize::from(document(&changed(image(), &changes)));
        accepted[1] += usize::from(document(&changed(index(), &changes)));
        accepted[2] += usize::from(bundle(&changed(bundle_json(), &changes)));
    }
    assert!(accepted.iter().all(|count| (150..450).contains(count)), "{accepted:?} of 500");
}
