//! Hints about shipments: lists of what is exported, their locks, plans, and shards.

use sealift_core::export::LockError;
use sealift_core::oci::Descriptor;
use sealift_tests::images::Image;
use sealift_tests::registry::{Action, Fault, Registry};
use serde_json::json;

use super::exports::{give, put, with};
use super::receipts::after_a_week;
use super::*;

/// What to do about a file that is wrong.
const CORRECT: &str = "correct the file; to see every key with its default and an example, make a new one: sealift shipment init FILE; nothing was written";

#[test]
fn lists_of_what_to_export() {
    let near = with(&Image::for_two_platforms("app"));
    put(&near, "wrong.toml", b"image = []\n");
    let wrong = "line 1: `image` is not a key of a shipment; the nearest one is `images`";
    near.export(&["-f", "wrong.toml"]).hints(2, wrong, CORRECT);
    put(&near, "wrong.toml", b"\nforeign_layers = \"keep\"\n");
    let wrong = "line 2, `foreign_layers`, \"keep\": expected carry or leave-out";
    near.export(&["-f", "wrong.toml"]).hints(2, wrong, CORRECT);
    put(&near, "images.txt", b"# all\nexample.com/org/app:1=oci:layout\nhttps://example.com/a\n");
    let wrong = "line 3, \"https://example.com/a\": a name does not begin with https://; write example.com/a";
    near.export(&["--from-file", "images.txt"]).hints(2, wrong, CORRECT);
    put(&near, "long.toml", &vec![b'#'; (4 << 20) + 1]);
    near.export(&["-f", "long.toml"]).hints(2, "is longer than", "check that this is the file you meant");
    let usage = "see what it takes: sealift help export";
    put(&near, "empty.toml", b"");
    near.export(&["-f", "empty.toml"]).hints(2, "the files list nothing to export", usage);
    put(&near, "thick.toml", b"thick_bundles = [\"example.com/a:1=a.tgz\"]\nplatforms = [\"linux/amd64\"]\n");
    near.export(&["-f", "thick.toml"]).hints(2, "platforms cannot be chosen", usage);
    near.run(&["shipment", "init"]).remarks("shipment-init");
    let there = near.run(&["shipment", "init"]);
    there.hints(1, "", "choose another name, or move the existing file away first");
}

#[test]
fn options_count_before_what_a_file_says() {
    let near = with(&Image::for_two_platforms("app"));
    let lists =
        b"images = [\"example.com/org/app:1=oci:layout\"]\nplatforms = [\"windows/amd64\"]\nreferrers = \"none\"\n";
    put(&near, "week.toml", &[&lists[..], b"[tuf]\nx = \"nowhere\"\n"].concat());
    let hint = "name the folder or URL that contains the repository's metadata/: --tuf x=LOCATION";
    near.export(&["-f", "week.toml"]).hints(16, "nowhere/metadata is not a folder", hint);
    near.export(&["-f", "week.toml", "--tuf", "x=here"]).hints(16, "here/metadata is not a folder", hint);
    put(&near, "week.toml", lists);
    let exported = near.export(&["-f", "week.toml", "--platform", "linux/amd64"]);
    assert_eq!(exported.code, Some(0), "{}", exported.all);
    let report: Value = serde_json::from_str(&exported.all).unwrap();
    assert!(report["incomplete"][0].to_string().contains("linux/arm64"), "{report}");
    assert_eq!(report["lookedForReferrers"], false, "{report}");
}

#[test]
fn locks_of_shipments() {
    let near = with(&Image::for_two_platforms("app"));
    let name = "example.com/org/app:1";
    put(&near, "week.toml", b"images = [\"example.com/org/app:1=oci:layout\"]\n");
    near.run(&["plan", "-f", "week.toml", "--lock"]).remarks("\"written\": true");
    let locked = fs::read_to_string(near.path().join("week.lock")).unwrap();
    assert!(locked.contains(name), "{locked}");
    // The tag moves, and what is locked is shipped.
    give(&near, name, &Image::for_two_platforms("newer"));
    let digest = |said: &Said| {
        let report: Value = serde_json::from_str(&said.all).unwrap_or_else(|_| panic!("{}", said.all));
        report["items"][0]["digest"].as_str().unwrap().to_owned()
    };
    let exported = near.export(&["-f", "week.toml"]);
    assert!(exported.code == Some(0) && locked.contains(&digest(&exported)), "{}", exported.all);
    assert_eq!(fs::read_to_string(near.path().join("week.lock")).unwrap(), locked);
    let update = near.run(&["plan", "-f", "week.toml", "--update"]);
    let moved: Value = serde_json::from_str(&update.all).unwrap();
    let moved = &moved["lock"]["moved"][0];
    assert!(locked.contains(moved["before"].as_str().unwrap()) && moved["after"] == digest(&update), "{}", update.all);
    near.run(&["plan", "-f", "week.toml", "--update", "--lock"]).remarks("\"written\": true");
    assert!(fs::read_to_string(near.path().join("week.lock")).unwrap().contains(&digest(&update)));

    fs::remove_file(near.path().join("out.sealift")).unwrap();
    let renew = "renew the lock, in which every other name stays as it is: sealift --trust near plan -f week.toml --lock; nothing was written";
    put(
        &near,
        "week.toml",
        b"images = [\"example.com/org/app:1=oci:layout\", \"example.com/org/other:1=oci:layout\"]\n",
    );
    near.export(&["-f", "week.toml"]).hints(2, "the lock does not have example.com/org/other:1", renew);
    put(&near, "week.toml", b"images = [\"example.com/org/other:1=oci:layout\"]\n");
    near.export(&["-f", "week.toml"]).hints(2, "the lock does not have example.com/org/other:1", renew);
    put(&near, "week.lock", b"version = 7\n[digests]\n");
    let restore = "restore the lock, or remove it and make a new one: sealift --trust near plan -f week.toml --lock; nothing was written";
    near.export(&["-f", "week.toml"]).hints(2, "the known version is 1", restore);
}

/// What rules chose is locked with the rules: tags that come later change nothing until the lock is updated.
#[test]
fn tags_by_rules() {
    let near = Near::asking_for_nothing();
    let give_tag = |tag: &str| {
        give(&near, &format!("example.com/org/app:{tag}"), &Image::new("linux/amd64", &[("a", tag.as_bytes())]));
    };
    ["1.0.0", "v1.1.0", "1.2.0-rc.1", "2.0.0", "latest", "nightly-9", "nightly-10"]
        .iter()
        .for_each(|tag| give_tag(tag));
    let rules = |rules: &str| {
        let text = format!("[tags]\n\"example.com/org/app\" = [{rules}]\n");
        put(&near, "week.toml", text.as_bytes());
    };
    let planned = |arguments: &[&str]| -> Value {
        let said = near.run(&[&["plan", "-f", "week.toml"], arguments].concat());
        serde_json::from_str(&said.all).unwrap_or_else(|_| panic!("{}", said.all))
    };
    let tags = |plan: &Value| -> Vec<String> {
        let names = plan["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap());
        names.map(|name| name.strip_prefix("example.com/org/app:").unwrap().to_owned()).collect()
    };
    let one = "{ versions = \"1.*\", newest = 2, from = \"oci:layout\" }";
    let both = format!("{one}, {{ pattern = \"nightly-*\", newest = 1, from = \"oci:layout\" }}");
    rules(&both);
    let plan = planned(&["--lock"]);
    assert_eq!(tags(&plan), ["v1.1.0", "1.0.0", "nightly-10"]);
    assert_eq!(plan["items"][2]["rules"], json!(["pattern nightly-*, newest 1"]));
    let locked = fs::read_to_string(near.path().join("week.lock")).unwrap();
    let line = "\"example.com/org/app\".\"versions 1.*, newest 2\" = [\"v1.1.0\", \"1.0.0\"]";
    assert!(locked.contains(line), "{locked}");

    give_tag("1.3.0");
    assert_eq!(tags(&planned(&[])), ["v1.1.0", "1.0.0", "nightly-10"]);
    near.export(&["-f", "week.toml"]).remarks("");
    assert_eq!(inspected(&near, "out.sealift").len(), 3);
    fs::remove_file(near.path().join("out.sealift")).unwrap();
    let update = planned(&["--update"]);
    assert_eq!(tags(&update), ["1.3.0", "v1.1.0", "nightly-10"]);
    let moved = update["lock"]["moved"].as_array().unwrap();
    let told = moved.iter().map(|it| (it["name"].as_str().unwrap(), it["before"].is_null(), it["after"].is_null()));
    let (gone, new) = (("example.com/org/app:1.0.0", false, true), ("example.com/org/app:1.3.0", true, false));
    assert_eq!(told.collect::<Vec<_>>(), [gone, new]);

    let renew = "renew the lock, in which every other name stays as it is: sealift --trust near plan -f week.toml --lock; nothing was written";
    rules(one);
    let gone = "the lock has tags of example.com/org/app by the rule (pattern nightly-*, newest 1), which the shipment no longer has";
    near.export(&["-f", "week.toml"]).hints(2, gone, renew);
    rules(&format!("{both}, {{ versions = \"2.*\", from = \"oci:layout\" }}"));
    let missing = "the lock does not have the tags of example.com/org/app by the rule (versions 2.*)";
    near.export(&["-f", "week.toml"]).hints(2, missing, renew);
    // What is locked stays, and the new rule is asked.
    assert_eq!(tags(&planned(&["--lock"])), ["v1.1.0", "1.0.0", "nightly-10", "2.0.0"]);

    rules("{ versions = \"7.*\", from = \"oci:layout\" }");
    let nothing = "no tag of example.com/org/app fits the rule (versions 7.*); among the 8 there are 2.0.0, 1.3.0, 1.2.0-rc.1, v1.1.0";
    let correct = "correct the rule in [tags]: versions are ranges of numbers in three parts (1.*, ~1.4, >=1.2 <2); a pattern takes other tags too (release-*); newest limits how many; nothing was written";
    near.run(&["plan", "-f", "week.toml"]).hints(16, nothing, correct);
    rules("{ versions = \"1.*\", from = \"oci:layout:@0\" }");
    let one_image = "oci:layout:@0 is one image: a rule for tags needs a repository, or a whole layout";
    near.run(&["plan", "-f", "week.toml"]).hints(2, one_image, "see what it takes: sealift help plan");
}

/// A rule chooses bundles where it says so; images of one name stay images.
#[test]
fn tags_of_bundles_by_rules() {
    let near = Near::pinning(&sample());
    let rules = |rest: &str| {
        let text = format!(
            "[tags]\n\"example.com/demo/shop\" = {{ versions = \"1.*\", from = \"oci:layout\"{rest} }}\n[tuf]\ndemo = \"tuf\"\n"
        );
        put(&near, "week.toml", text.as_bytes());
    };
    let planned = |arguments: &[&str]| -> Value {
        let said = near.run(&[&["plan", "-f", "week.toml"], arguments].concat());
        serde_json::from_str(&said.all).unwrap_or_else(|_| panic!("{}", said.all))
    };
    rules(", bundles = true");
    let plan = planned(&["--lock"]);
    assert_eq!(plan["items"][0]["name"], "example.com/demo/shop:1.0.0");
    assert_eq!(plan["items"][0]["index"].as_str().unwrap().split(':').next(), Some("sha256"), "it is a bundle");
    assert_eq!(plan["items"][0]["rules"], json!(["versions 1.*"]));
    near.export(&["-f", "week.toml"]).remarks("");
}

/// Tags are listed where the image is stored, and the far side knows it by its name.
#[test]
fn tags_by_rules_in_a_registry() {
    let registry = Registry::start();
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let near = Near::asking_for_nothing();
    for tag in ["1.0.0", "1.1.0", "2.0.0"] {
        for manifest in &image.manifests {
            registry.add_manifest("apps/web", tag, &manifest.descriptor().media_type, manifest.bytes());
        }
    }
    for (_, content) in image.blobs.values() {
        registry.add_blob("apps/web", content);
    }
    registry.state().page_length = Some(2);
    let from = format!("{}/apps/web", registry.domain());
    let rules = format!("[tags]\n\"example.com/org/web\" = {{ versions = \"1.*\", from = \"{from}\" }}\n");
    put(&near, "week.toml", rules.as_bytes());
    near.export(&["-f", "week.toml"]).remarks("");
    assert_eq!(inspected(&near, "out.sealift"), ["example.com/org/web:1.1.0", "example.com/org/web:1.0.0"]);
    let asked = registry.count("GET", "/tags/list");
    assert_eq!(asked, 2, "two pages of one list");
    near.run(&["plan", "-f", "week.toml"]).remarks("");
    assert_eq!(registry.count("GET", "/tags/list"), asked, "what is locked is not looked up");
    registry.inject(Fault::always("GET", "/tags/list", Action::status(404, &[])));
    let nothing = format!("no tag of {from} fits the rule (versions 1.*); no tags are listed there");
    let hint = "correct the rule in [tags]: ";
    let said = near.run(&["plan", "-f", "week.toml", "--update"]);
    assert!(said.code == Some(16) && said.all.contains(&nothing) && said.all.contains(hint), "{}", said.all);
}

#[test]
fn a_file_that_is_not_what_is_locked() {
    let near = Near::asking_for_nothing();
    put(&near, "week.toml", b"files = [\"a.txt=a.txt\"]\n");
    put(&near, "a.txt", b"first");
    near.run(&["plan", "-f", "week.toml", "--lock"]).remarks("\"written\": true");
    put(&near, "a.txt", b"second");
    let update = "see what moved: sealift --trust near plan -f week.toml --update; to accept it, add --lock to that command; nothing was written";
    let refused = near.export(&["-f", "week.toml"]);
    refused.hints(16, "the lock says sha256:", update);
    let [locked, found] = ["first", "second"].map(|content| Descriptor::of("", content.as_bytes()).digest);
    let moved = LockError::Moved { name: "file:/a.txt".to_owned(), locked, found };
    assert_eq!(refused.failure["causes"][1], moved.to_string());
}

#[test]
fn a_plan_names_everything_that_would_be_refused() {
    let near = with(&Image::for_two_platforms("app"));
    give(&near, "example.com/org/tool:1", &Image::for_two_platforms("tool"));
    near.policy("");
    put(
        &near,
        "week.toml",
        b"images = [\"example.com/org/app:1=oci:layout\", \"example.com/org/tool:1=oci:layout\"]\n",
    );
    let told = command(near.path(), &["--trust", "near", "plan", "-f", "week.toml", "--lock"]).output().unwrap();
    assert_eq!(told.status.code(), Some(14), "{}", String::from_utf8_lossy(&told.stderr));
    let plan: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&plan["refused"], plan["items"].as_array().map(Vec::len)), (&json!(2), Some(2)), "{plan}");
    let refused = plan["items"][1]["refused"][0].as_str().unwrap();
    assert!(refused.starts_with("example.com/org/tool:1 reaches level 0"), "{plan}");
    assert!(plan["items"][0]["sharedBytes"].as_u64() > Some(0), "{plan}");
    assert!(!near.path().join("week.lock").exists(), "what would be refused is not locked");
}

/// Shards are exported by machines that do not know of each other, arrive in any order, and together are what was listed.
#[test]
fn a_shipment_in_shards() {
    let near = Near::asking_for_nothing();
    // What the first four share is longer than anything else.
    let base = vec![7_u8; 30_000];
    for number in 1..=7 {
        let own = vec![number; 2_000 * usize::from(number)];
        let shared: &[u8] = if number <= 4 { &base } else { b"" };
        let image = Image::new("linux/amd64", &[("base", shared), ("own", &own)]);
        give(&near, &format!("example.com/org/app:{number}"), &image);
    }
    let images: Vec<String> = (1..=7).map(|number| format!("\"example.com/org/app:{number}=oci:layout\"")).collect();
    put(&near, "week.toml", format!("images = [{}]\n", images.join(", ")).as_bytes());
    let exported_at = hours_ago(1).as_second().to_string();
    let export = |arguments: &[&str], output: &str| {
        let fixed = ["--trust", "near", "export", "-f", "week.toml", "--key", "key.pem", "-o", output];
        let mut command = command(near.path(), &[&fixed, arguments].concat());
        Said::of(&command.env("SOURCE_DATE_EPOCH", &exported_at).output().unwrap())
    };
    let lock = "lock the shipment, and give every machine the lock: sealift --trust near plan -f week.toml --lock; nothing was written";
    export(&["--shard", "1/3"], "1.sealift").hints(
        2,
        "a shipment that is not locked cannot be cut: machines would not agree on what it is",
        lock,
    );
    near.run(&["plan", "-f", "week.toml", "--lock"]).remarks("");
    let hint = "choose a smaller number behind the /: there is no shard without an item; nothing was written";
    export(&["--shard", "8/8"], "8.sealift").hints(2, "shard 8/8 is empty: there are 7 items", hint);
    let (mut listed, mut longest) = (Vec::new(), 0);
    for number in ["3", "1", "2"] {
        let (shard, file) = (format!("{number}/3"), format!("{number}.sealift"));
        export(&["--shard", &shard], &file).remarks("");
        export(&["--shard", &shard], &format!("again-{file}")).remarks("");
        let (bytes, again) = (read(&near, &file), read(&near, &format!("again-{file}")));
        assert_eq!(bytes, again, "shard {shard} is always the same");
        longest = longest.max(bytes.len());
        listed.extend(inspected(&near, &file));
        near.run(&["import", &file, "--to-layout", "delivered"]).remarks("");
    }
    listed.sort();
    assert_eq!(listed, (1..=7).map(|number| format!("example.com/org/app:{number}")).collect::<Vec<_>>());
    export(&[], "whole.sealift").remarks("");
    // Each has what four of them share at most once: 30,000 bytes, and about a third of the rest.
    assert!(longest < read(&near, "whole.sealift").len() * 3 / 4, "{longest}");
    near.run(&["import", "whole.sealift", "--to-layout", "whole"]).remarks("");
    let blobs = |layout: &str| sealift_tests::folder_content::files(&near.path().join(layout).join("blobs"));
    assert_eq!(blobs("delivered"), blobs("whole"));
}

/// Shards of a shipment are deltas too: by a receipt, by what was sent, and each of them is imported by itself.
#[test]
fn shards_that_are_deltas() {
    let sample = Sample::new(now()).unwrap();
    let (near, far) = after_a_week(&sample);
    let lists =
        format!("bundles = [\"{BUNDLE}=oci:layout\"]\nimages = [\"{WEB}=oci:layout\"]\n[tuf]\ndemo = \"tuf\"\n");
    put(&near, "week.toml", lists.as_bytes());
    let export = |arguments: &[&str], output: &str| {
        let fixed = ["--trust", "near", "export", "-f", "week.toml", "--key", "key.pem", "-o", output];
        let mut command = command(near.path(), &[&fixed, arguments].concat());
        Said::of(&command.env("SOURCE_DATE_EPOCH", now().as_second().to_string()).output().unwrap())
    };
    let cut = "a shipment that is not locked cannot be cut: machines would not agree on what it is";
    let lock = "lock the shipment, and give every machine the lock: sealift --trust near plan -f week.toml --lock; nothing was written";
    export(&["--shard", "1/2", "--since", "r"], "x").hints(2, cut, lock);
    near.run(&["plan", "-f", "week.toml", "--lock"]).remarks("");
    let whole = Far::trusting(&sample);
    for (base, output) in [(["--since", "r"], "since"), (["--assume", "first.sealift"], "assumed")] {
        let (mut items, mut absent) = (Vec::new(), 0);
        for shard in ["1/2", "2/2"] {
            let plan = near.run(&[&["plan", "-f", "week.toml", "--shard", shard], &base[..]].concat());
            let plan: Value = serde_json::from_str(&plan.all).unwrap();
            let name = format!("{output}-{}", &shard[..1]);
            let exported = export(&[&["--shard", shard], &base[..]].concat(), &name);
            let report: Value = serde_json::from_str(&exported.all).unwrap_or_else(|_| panic!("{}", exported.all));
            assert_eq!(report["absent"]["blobs"], plan["alreadyThere"]["layers"], "{plan}");
            assert_eq!(report["bytes"], plan["archiveBytes"], "{plan}");
            absent += report["absent"]["blobs"].as_u64().unwrap();
            let delta = read(&near, &name);
            far.import(&delta, &["--to-layout", "out"]).remarks("");
            assert_eq!(whole.import(&delta, &["--to-layout", "out"]).code, Some(15));
            let names =
                report["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned());
            items.extend(names);
        }
        items.sort();
        assert_eq!((items, absent > 1), (vec![BUNDLE.to_owned(), WEB.to_owned()], true));
    }
    export(&[], "whole").remarks("");
    whole.import(&read(&near, "whole"), &["--to-layout", "out"]).remarks("");
    let blobs = |far: &Far| sealift_tests::folder_content::files(&far.folder().join("out/blobs"));
    assert_eq!(blobs(&far), blobs(&whole));
    // A delta of all of it, too.
    export(&["--since", "r"], "delta").remarks("absent");
}

/// A bundle has one digest wherever it is shown, and what its name stands for is beside it; a chart has a type.
#[test]
fn what_a_plan_calls_things() {
    let sample = Sample::new(now()).unwrap();
    let near = Near::pinning(&sample);
    let bundle = format!("{BUNDLE}=oci:layout");
    let planned = near.run(&["plan", "--bundle", &bundle, "--tuf", "demo=tuf"]);
    let plan: Value = serde_json::from_str(&planned.all).unwrap();
    let exported = near.export(&["--bundle", &bundle, "--tuf", "demo=tuf"]);
    let report: Value = serde_json::from_str(&exported.all).unwrap();
    assert_eq!(plan["items"][0]["digest"], report["items"][0]["digest"]);
    let index: Value = serde_json::from_slice(&fs::read(near.path().join("layout/index.json")).unwrap()).unwrap();
    let manifests = index["manifests"].as_array().unwrap();
    let listed = manifests.iter().find(|it| it["annotations"]["org.opencontainers.image.ref.name"] == BUNDLE).unwrap();
    assert_eq!(plan["items"][0]["index"], listed["digest"]);

    let near = Near::asking_for_nothing();
    let chart = "application/vnd.cncf.helm.config.v1+json";
    let name = "example.com/charts/shop:1.2.3_build5";
    let content = ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &b"a chart"[..]);
    give(&near, name, &Image::artifact((chart, b"{\"name\":\"shop\"}"), content));
    put(&near, "charts.toml", b"[tags]\n\"example.com/charts/shop\" = { versions = \"1.*\", from = \"oci:layout\" }\n");
    let planned = near.run(&["plan", "-f", "charts.toml"]);
    let plan: Value = serde_json::from_str(&planned.all).unwrap();
    assert_eq!((&plan["items"][0]["name"], &plan["items"][0]["artifactType"]), (&json!(name), &json!(chart)));
    near.export(&["-f", "charts.toml"]).remarks(name);
}

/// What is asked to last, and does not, is neither exported nor locked; the plan says it of every repository and layout.
#[test]
fn what_expires_too_soon() {
    let sample = Sample::new(now()).unwrap();
    let near = Near::pinning(&sample);
    put(
        &near,
        "week.toml",
        format!("valid_for = \"30d\"\nimages = [\"{WEB}=oci:layout\"]\n[tuf]\ndemo = \"tuf\"\n").as_bytes(),
    );
    let soon = "repository demo (role timestamp) expires at ";
    let hint = "ask its publisher for metadata that expires later; to export it all the same, ask for a shorter time: --valid-for 1d; nothing was written";
    near.export(&["-f", "week.toml"]).hints(14, soon, hint);
    let plan = command(near.path(), &["--trust", "near", "plan", "-f", "week.toml", "--lock"]).output().unwrap();
    assert_eq!(plan.status.code(), Some(14));
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    let expiries: Vec<_> = plan["expiries"].as_array().unwrap().iter().map(|it| it["tooSoon"].as_bool()).collect();
    assert_eq!(expiries, [Some(true), Some(false)], "{plan}");
    assert_eq!(plan["expiries"][1]["layout"], WEB);
    assert!(!near.path().join("week.lock").exists());
    near.export(&["-f", "week.toml", "--valid-for", "1h"]).remarks("");
    put(&near, "long.toml", b"valid_for = \"a month\"\n");
    let wrong = "line 1, `valid_for`, \"a month\": \"a month\" is not a length of time";
    near.run(&["plan", "-f", "long.toml"]).hints(2, wrong, CORRECT);
}

/// The archive of a plan, and its volumes, are as long as those that are exported.
#[test]
fn a_plan_knows_how_long_the_archive_will_be() {
    let near = Near::asking_for_nothing();
    let layer: Vec<u8> = (0..400_000_u32).map(|it| it.to_le_bytes()[0]).collect();
    give(&near, "example.com/org/app:1", &Image::new("linux/amd64", &[("a", &layer)]));
    let image = ["--image", "example.com/org/app:1=oci:layout"];
    for (size, parity) in [("70KB", "0"), ("200KB", "2"), ("4.7GB", "1")] {
        let shape = ["--volume-size", size, "--parity", parity];
        let plan = near.run(&[&["plan"], &image[..], &shape].concat());
        let plan: Value = serde_json::from_str(&plan.all).unwrap();
        near.export(&image).remarks("");
        assert_eq!(plan["archiveBytes"], read(&near, "out.sealift").len());
        fs::remove_file(near.path().join("out.sealift")).unwrap();
        let exported = near.export(&[&image[..], &shape].concat());
        let report: Value = serde_json::from_str(&exported.all).unwrap_or_else(|_| panic!("{}", exported.all));
        let volumes = report["volumes"].as_array().unwrap();
        assert_eq!(plan["volumes"]["count"], volumes.len());
        for volume in volumes.iter().map(|it| near.path().join(it.as_str().unwrap())) {
            assert_eq!(plan["volumes"]["bytesEach"], fs::metadata(&volume).unwrap().len());
            fs::remove_file(volume).unwrap();
        }
    }
    for parity in ["1%", "10%", "100%"] {
        let shape = ["--parity", parity];
        let plan = near.run(&[&["plan"], &image[..], &shape].concat());
        let plan: Value = serde_json::from_str(&plan.all).unwrap();
        near.export(&[&image[..], &shape].concat()).remarks("");
        assert_eq!(plan["oneFile"]["bytes"], read(&near, "out.sealift").len());
        assert_eq!(format!("{}%", plan["oneFile"]["parityPercent"]), parity);
        fs::remove_file(near.path().join("out.sealift")).unwrap();
    }
    near.run(&[&["plan"], &image[..], &["--parity", "2"]].concat()).hints(
        2,
        "a number of volumes goes with --volume-size",
        "see what it takes: sealift help plan",
    );
    let small = near.run(&[&["plan"], &image[..], &["--volume-size", "1KB"]].concat());
    small.hints(2, "volumes of 1000 bytes are too small", "give a larger --volume-size");
}

fn read(near: &Near, file: &str) -> Vec<u8> {
    fs::read(near.path().join(file)).unwrap()
}

/// The names of the items of an archive.
fn inspected(near: &Near, file: &str) -> Vec<String> {
    let output = command(near.path(), &["inspect", file]).output().unwrap();
    let overview: Value = serde_json::from_slice(&output.stdout).unwrap();
    let items = overview["items"].as_array().unwrap();
    items.iter().map(|item| item["reference"].as_str().unwrap().to_owned()).collect()
}
