//! Hints about what is proven, but is not what this side asks for.

use sealift_sample_publisher::keys::sign;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::malicious_exporter::signed;
use serde_json::json;

use super::*;

/// The sample without its in-toto documents: TUF alone, level 2.
fn without_in_toto() -> Sample {
    let mut sample = sample();
    sample.repository.released.values_mut().for_each(|target| target.custom = None);
    sample
}

#[test]
fn levels() {
    let sample = without_in_toto();
    let far = Far::trusting(&sample);
    let archive = packed(&sample).archive();
    far.side.policy("minimum_level = \"4\"\n");
    far.verify(&archive).hints(
        14,
        "requires level 4",
        "ask the publisher to sign more; or, knowing what it means, lower minimum_level in policy.toml or add a [[require]] for this name; nothing was written",
    );
    far.side.policy(&format!("[[require]]\nnames = [\"{BUNDLE}\"]\nlevel = \"4\"\n"));
    far.verify(&archive).hints(
        14,
        "requires level 4",
        "ask the publisher to sign more; or, knowing what it means, lower the level in that [[require]] in policy.toml; nothing was written",
    );
    far.side.policy(&format!("[[require]]\nnames = [\"{BUNDLE}\"]\nlevel = \"2\"\nvouched_by = [\"acme\"]\n"));
    far.verify(&archive).hints(
        14,
        "acme",
        "check that map.json lets that repository speak for this name, and ask its publisher; or, knowing what it means, change vouched_by in policy.toml; nothing was written",
    );
    far.side.policy(&format!("[[require]]\nnames = [\"{BUNDLE}\"]\nlevel = \"2\"\nvouched_by = [\"demmo\"]\n"));
    far.verify(&archive).hints(
        14,
        "but no root is pinned for demmo",
        "write demo if you mean that; otherwise get the root from the publisher in a way that you trust, then: sealift --trust far trust pin-root demmo root.json; nothing was written",
    );
    let with_in_toto = self::sample();
    let far = Far::trusting(&with_in_toto);
    let with_layout = |level: &str, layout: &str| {
        far.side.policy(&format!("[[require]]\nnames = [\"*\"]\nlevel = \"{level}\"\nlayout = \"{layout}\"\n"));
    };
    with_layout("4", "other/root.layout");
    far.verify(&packed(&with_in_toto).archive()).hints(
        13,
        "the policy asks for layout other/root.layout, which repository demo does not list",
        "name a layout that the publisher has, in that [[require]] in policy.toml",
    );
    let listed = with_in_toto.repository.top_level.keys().find(|path| path.ends_with(".layout")).unwrap();
    with_layout("4", listed);
    let mut without_layout = packed(&with_in_toto);
    without_layout.tuf().retain(|path, _| !path.ends_with(".layout"));
    far.verify(&without_layout.archive()).hints(
        13,
        "its file is not there",
        "have it exported again with this layout in the policy of that side, because an archive carries the layout that its export was judged by; if this is the export, ask the publisher for the file",
    );
    with_layout("2", listed);
    far.verify(&without_layout.archive()).hints(
        18,
        "the requirement for * has a layout, but level \"2\" asks for no supply chain; ask for 1b, 3a, 3b or 4",
        "correct the policy; nothing is accepted until it can be read",
    );
    let nobody = Far::trusting_nobody();
    nobody.side.policy("[[require]]\nnames = [\"*\"]\nlevel = \"2\"\n");
    let mut image = Consignment::of_image(&sample, 2, now());
    image.repositories.clear();
    nobody.verify(&image.archive()).hints(
        14,
        "",
        "pin the root of its publisher: sealift --trust far trust pin-root NAME root.json; or, if nobody signs it, and knowing what it means, add the lines below to policy.toml, above the [[require]] that names *, because the first that matches counts; nothing was written\n[[require]]\nnames = [\"example.com/demo/web\"]\nlevel = \"0\"",
    );
    // What the hint says lets it pass.
    nobody.side.policy(
        "[[require]]\nnames = [\"example.com/demo/web\"]\nlevel = \"0\"\n[[require]]\nnames = [\"*\"]\nlevel = \"2\"\n",
    );
    nobody.verify(&image.archive()).remarks("");
}

#[test]
fn a_part_that_its_publisher_does_not_list() {
    let mut sample = without_in_toto();
    sample.repository.released.remove(WEB);
    let far = Far::trusting(&sample);
    let archive = packed(&sample).archive();
    let lines = "[[require]]\nnames = [\"example.com/demo/web\"]\nlevel = \"0\"\nin_bundles = \"instead\"";
    far.side.policy("[[require]]\nnames = [\"*\"]\nlevel = \"2\"\n");
    far.verify(&archive).hints(
        14,
        "demo lists no web:1.0.0",
        &format!(
            "check the name; if demo is its publisher's repository, ask the publisher to sign it; if not, say which names demo speaks for: sealift --trust far trust map add 'REGISTRY/PATH/*' demo; or, if nobody signs it, and knowing what it means, add the lines below to policy.toml, above the [[require]] that names *, because the first that matches counts; nothing was written\n{lines}"
        ),
    );
    far.side.policy(&format!("{lines}\n[[require]]\nnames = [\"*\"]\nlevel = \"2\"\n"));
    far.verify(&archive).remarks("");
}

#[test]
fn several_publishers() {
    let (sample, other) = (sample(), super::sample());
    let far = Far::trusting(&sample);
    far.side.pin("other", &other);
    far.verify(&packed(&sample).archive()).hints(
        18,
        "2 roots are pinned",
        "say which repository speaks for which names, for example: sealift --trust far trust map add 'example.com/demo/*' demo (or, in place of demo, other)",
    );
    far.side.map(
        &json!({ "repositories": { "demo": [], "other": [] }, "mapping": [
            { "paths": ["*"], "repositories": ["demo", "other"], "threshold": 2, "terminating": true }] })
        .to_string(),
    );
    let mut both = packed(&sample);
    let mut others = other;
    others.repository.released.remove(BUNDLE);
    let files = packed(&Sample { references: others.references[1..2].to_vec(), ..others }).repositories;
    both.repositories.insert("other".to_owned(), files.into_values().next().unwrap());
    far.verify(&both.archive()).hints(12, "", "ask the publishers: the repositories that must agree do not");
}

#[test]
fn clocks() {
    let sample = sample();
    let far = Far::trusting(&sample);
    far.side.policy("freshness = \"now\"\n");
    far.import(&packed(&sample).archive(), &["--to-layout", "out", "--freshness", "at-export"]).hints(
        14,
        "the policy requires now",
        "leave --freshness out, or change the policy knowingly, because import and sign may only be stricter than policy.toml; `sealift verify` can judge by any clock; nothing was written",
    );
}

#[test]
fn inspections() {
    let mut sample = sample();
    let mut layout = signed(&sample.supply_chain.layout());
    layout["inspect"] = json!([{
        "_type": "inspection", "name": "look", "run": ["no-such-program"], "expected_materials": [], "expected_products": [],
    }]);
    let bytes = sign(&layout, std::slice::from_ref(&sample.supply_chain.owner));
    let target = sample.repository.top_level.iter_mut().find(|(path, _)| path.ends_with(".layout")).unwrap().1;
    *target = Target { custom: target.custom.clone(), ..Target::served(bytes) };
    let far = Far::trusting(&sample);
    let archive = packed(&sample).archive();
    far.verify(&archive).hints(
        13,
        "inspections",
        "run them with --run-inspections; or, knowing what it means, set inspections = \"optional\" in policy.toml",
    );
    // Without the sandbox, there is no program either.
    far.run(&["verify", "shop.sealift", "--run-inspections"]).hints(
        13,
        "inspection \"look\" could not be run",
        "an inspection is a command of the publisher's: the programs that it runs have to be below /usr on this machine, and docs/sandbox.md says what the sandbox needs; or, knowing what it means, set inspections = \"optional\" in policy.toml, and leave out --run-inspections; nothing was written",
    );
    far.side.policy("inspections = \"optional\"\n");
    let said = told(&far.folder(), &["--trust", "far", "verify", "shop.sealift"]);
    assert!(said.contains("run them with --run-inspections"), "{said}");
}
