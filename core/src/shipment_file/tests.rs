use std::collections::BTreeMap;

use super::*;

fn refused(text: &str) -> String {
    ShipmentFile::parse(text.as_bytes()).unwrap_err().to_string()
}

fn texts(list: &[WrittenText]) -> Vec<&str> {
    list.iter().map(WrittenText::text).collect()
}

#[test]
fn each_key_has_its_texts_in_the_notation_of_its_option() {
    let file = ShipmentFile::parse(
        br#"
        bundles = ["example.com/a:1"]
        images = [
            "example.com/b:1",
            "example.com/c:1=oci:layout",
        ]
        referrers = ["sbom", "signature"]
        foreign_layers = "leave-out"
        whole_metadata = true
        [tuf]
        demo = "tuf"
        [notary]
        "*" = "https://notary.example.com"
        acme = "trust"
        "#,
    )
    .unwrap();
    assert_eq!(texts(&file.bundles), ["example.com/a:1"]);
    assert_eq!(texts(&file.images), ["example.com/b:1", "example.com/c:1=oci:layout"]);
    assert_eq!(file.images[1].at(), &WrittenAt { line: 5, key: Some("images".to_owned()) });
    assert_eq!(file.referrers.unwrap().text(), "sbom,signature");
    assert_eq!(file.foreign_layers.unwrap().text(), "leave-out");
    assert_eq!(texts(&file.tuf), ["demo=tuf"]);
    assert_eq!(texts(&file.notary), ["https://notary.example.com", "acme=trust"]);
    assert!(file.whole_metadata && !file.with_dependencies);
    for (written, text) in [("[]", "none"), ("\"all\"", "all")] {
        let file = ShipmentFile::parse(format!("referrers = {written}").as_bytes()).unwrap();
        assert_eq!(file.referrers.unwrap().text(), text);
    }
}

#[test]
fn an_error_names_the_line_and_the_key() {
    for (text, expected) in [
        ("\nimagse = []", "line 2: `imagse` is not a key of a shipment; the nearest one is `images`"),
        (
            "[tags]\na = { version = \"1\" }",
            "line 2: `version` is not a key of a rule in [tags]; the nearest one is `versions`",
        ),
        ("[tags]\na = {}", "line 2, `tags`, \"a\": the rule needs `versions` or `pattern`"),
        ("[tags]\na = { versions = \"about 1\" }", "line 2, `tags`, \"a\": \"about 1\" is not a range of versions"),
        ("[tags]\n\"a:1\" = { pattern = \"*\" }", "line 2, `tags`, \"a:1\": write the name alone"),
        ("[tags]\na = { pattern = \"*\", newest = -1 }", "line 2, `newest`: the value is not a number"),
        ("[tags]\na = { pattern = \"*\", newest = 0 }", "line 2, `tags`, \"a\": `newest` is a number from 1 to 10000"),
        (
            "[tags]\na = [{ pattern = \"*\" },\n{ pattern = \"*\" }]",
            "line 3, `tags`: \"a (pattern *)\" is also in line 2",
        ),
        ("[tags]\na = \"1.*\"", "line 2, `a`: the value is not a table of rules"),
        ("[tags]\na = [\"1.*\"]", "line 2, `a`: the value is not a table of rules"),
        ("tags = [1]", "line 1, `tags`: the value is not a table of rules"),
        ("platform = []", "line 1: `platform` is not a key of a shipment; the nearest one is `platforms`"),
        ("images = [", "line 1, `images = [`: "),
        ("[tuf]\nimages = []", "line 2, `tuf.images`: the value is not a table of locations"),
        ("images = \"a\"", "line 1, `images`: the value is not a list of texts"),
        ("images = [\n\"a\",\n1]", "line 3, `images`: the value is not a list of texts"),
        ("images_from = []", "line 1, `images_from`: the value is not a text"),
        ("with_dependencies = \"no\"", "line 1, `with_dependencies`: the value is not true or false"),
        ("tuf = []", "line 1, `tuf`: the value is not a table of locations"),
        ("images = [\"a\",\n\"b\", \"a\"]", "line 2, `images`: \"a\" is also in line 1"),
        ("images = []\nimages = []", "line 2, `images = []`: "),
    ] {
        assert!(refused(text).starts_with(expected), "{text}: {}", refused(text));
    }
    assert_eq!(ShipmentFile::parse(b"\xff"), Err(ShipmentFileError::NotUtf8));
    let error = |text: &str| ShipmentFile::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(error("a = ["), ShipmentFileError::NotToml { line: 1, .. }));
    assert!(matches!(error("a = 1"), ShipmentFileError::UnknownKey { line: 1, .. }));
    assert!(matches!(error("tuf = 1"), ShipmentFileError::OtherKind { .. }));
    let long = "x".repeat(10_000);
    assert!(refused(&format!("{long} = 1")).len() < 200 && refused(&format!("{long} = [")).len() < 200);
}

#[test]
fn a_text_that_means_nothing_is_named_with_its_place() {
    let file = ShipmentFile::parse(b"\nplatforms = [\"x\"]").unwrap();
    let error = file.platforms[0].read::<u32>().unwrap_err();
    assert!(matches!(&error, ShipmentFileError::Value { text, .. } if text == "x"));
    assert_eq!(error.to_string(), "line 2, `platforms`, \"x\": invalid digit found in string");
}

#[test]
fn every_list_and_every_text_has_a_limit() {
    let rules: String = (0..=MAXIMUM_ENTRIES).map(|number| format!("n{number} = {{ pattern = \"*\" }}\n")).collect();
    let error = ShipmentFile::parse(format!("[tags]\n{rules}").as_bytes());
    assert!(matches!(error, Err(ShipmentFileError::TooManyEntries { .. })));
    let list = |count: usize| (0..count).map(|number| format!("\"{number}\",")).collect::<String>();
    assert!(ShipmentFile::parse(format!("images = [{}]", list(MAXIMUM_ENTRIES)).as_bytes()).is_ok());
    let error = ShipmentFile::parse(format!("images = [{}]", list(MAXIMUM_ENTRIES + 1)).as_bytes());
    assert!(matches!(error, Err(ShipmentFileError::TooManyEntries { .. })));
    let table: String = (0..=MAXIMUM_ENTRIES).map(|number| format!("n{number} = \"x\"\n")).collect();
    let error = ShipmentFile::parse(format!("[tuf]\n{table}").as_bytes());
    assert!(matches!(error, Err(ShipmentFileError::TooManyEntries { .. })));
    let long = "x".repeat(MAXIMUM_TEXT + 1);
    for text in [format!("images = [\"{long}\"]"), format!("images_from = \"{long}\"")] {
        assert!(matches!(ShipmentFile::parse(text.as_bytes()), Err(ShipmentFileError::TooLong { .. })), "{text}");
    }
    let names: String = (0..=MAXIMUM_ENTRIES).map(|number| format!("n{number}\n")).collect();
    assert!(matches!(parse_list(names.as_bytes()), Err(ShipmentFileError::TooManyEntries { .. })));
}

#[test]
fn a_list_has_one_name_in_a_line() {
    let list = parse_list("\u{feff}a:1\r\n\n# all of them\n  b:2=oci:x#y  # why\n\t#\n".as_bytes()).unwrap();
    assert_eq!(texts(&list), ["a:1", "b:2=oci:x#y"]);
    assert_eq!(list[1].at(), &WrittenAt { line: 4, key: None });
    assert_eq!(parse_list(b"a\nb\na").unwrap_err().to_string(), "line 3: \"a\" is also in line 1");
    assert!(matches!(parse_list(b"a\nb\na"), Err(ShipmentFileError::ListedTwice { first: 1, .. })));
    assert_eq!(parse_list(b"\xff"), Err(ShipmentFileError::NotUtf8));
}

/// The template with its defaults uncommented.
fn with_defaults() -> String {
    let line = |line: &'static str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line);
    TEMPLATE.lines().map(line).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_template_lists_nothing_and_shows_every_key_and_its_default() {
    assert_eq!(ShipmentFile::parse(TEMPLATE.as_bytes()).unwrap(), ShipmentFile::default());
    let shown = ShipmentFile::parse(with_defaults().as_bytes()).unwrap();
    assert_eq!(shown.referrers.as_ref().map(WrittenText::text), Some("attestation,signature,sbom,other"));
    assert_eq!(shown.foreign_layers.as_ref().map(WrittenText::text), Some("carry"));
    assert_eq!(ShipmentFile { referrers: None, foreign_layers: None, ..shown }, ShipmentFile::default());
    for key in KEYS {
        let is_shown = [format!("\n#{key} = "), format!("\n#     {key} = "), format!("\n[{key}]\n")];
        assert!(is_shown.iter().any(|shown| TEMPLATE.contains(shown)), "{key}");
    }
    assert_eq!(TEMPLATE.lines().find(|line| line.chars().count() > 135), None);
}

#[test]
fn the_examples_of_the_template_can_be_read() {
    let examples: String = TEMPLATE
        .lines()
        .map(|line| line.strip_prefix("#     ").unwrap_or(if line.starts_with('[') { line } else { "" }))
        .map(|line| format!("{line}\n"))
        .collect();
    let file = ShipmentFile::parse(examples.as_bytes()).unwrap();
    assert_eq!((file.images.len(), file.tags.len(), file.tuf.len(), file.notary.len()), (2, 5, 1, 1));
}

/// The page about shipments: what stands below the heading of each key.
fn page() -> BTreeMap<&'static str, &'static str> {
    let page = include_str!("../../../docs/guide/shipment.md");
    let section = |section: &'static str| {
        let (key, text) = section.split_once("`\n").unwrap();
        (key, text.split("\n## ").next().unwrap())
    };
    page.split("\n### `").skip(1).map(section).collect()
}

#[test]
fn the_page_has_every_key_its_default_and_an_example() {
    assert_eq!(page().into_keys().collect::<Vec<_>>(), KEYS);
    for (key, text) in page() {
        let default = text.trim_start().strip_prefix("Default: `").map(|rest| rest.split('`').next().unwrap());
        match default {
            Some(default) => assert!(with_defaults().contains(&format!("\n{key} = {default}\n")), "{key}"),
            None => assert!(text.trim_start().starts_with("Default: none."), "{key}"),
        }
        let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let file = ShipmentFile::parse(example.as_bytes()).unwrap();
        assert!(example.contains(key) && file != ShipmentFile::default(), "{key}");
    }
}

#[test]
fn images_are_added_and_everything_else_stays() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let shipment = "# the shop\nplatforms = [\"linux/amd64\"] # ours\nimages = [\n  \"nginx=oci:here\", # from here\n  \"app:1\" # the last one\n]\n\n[tuf]\nshop = \"x\"\n";
    let more = add_images(shipment.as_bytes(), &names(&["docker.io/library/nginx:latest", "db:16", "db:16", "web:1"]))
        .unwrap();
    assert_eq!(more.added, ["db:16", "web:1"]);
    assert_eq!(more.present, ["docker.io/library/nginx:latest", "db:16"]);
    for line in shipment.lines().filter(|line| line.contains('#')) {
        assert!(more.text.contains(line), "{line}: {}", more.text);
    }
    let read = ShipmentFile::parse(more.text.as_bytes()).unwrap();
    let texts: Vec<_> = read.images.iter().map(WrittenText::text).collect();
    assert_eq!(texts, ["nginx=oci:here", "app:1", "db:16", "web:1"]);
    // Again, nothing changes.
    assert_eq!(add_images(more.text.as_bytes(), &more.added).unwrap().text, more.text);
    // A remark behind the last one stays, too.
    let again = add_images(b"images = [\n  \"a:1\",\n  # more\n]\n", &names(&["b:1"])).unwrap();
    assert_eq!(again.text, "images = [\n  \"a:1\",\n  # more\n    \"b:1\",\n]\n");
    // What has no list gets one, before the tables.
    let first = add_images(b"[tuf]\nshop = \"x\"\n", &names(&["a:1"])).unwrap();
    assert_eq!(ShipmentFile::parse(first.text.as_bytes()).unwrap().images.len(), 1);
    assert!(matches!(add_images(b"images = 1", &[]), Err(ShipmentFileError::OtherKind { .. })));
    let full: Vec<_> = (0..=MAXIMUM_ENTRIES).map(|it| format!("a:{it}")).collect();
    assert!(matches!(add_images(b"", &full), Err(ShipmentFileError::TooManyEntries { .. })));
    // The file to start from has its remarks afterwards.
    let started = add_images(TEMPLATE.as_bytes(), &names(&["a:1"])).unwrap();
    assert!(TEMPLATE.lines().all(|line| started.text.contains(line)), "{}", started.text);
}
