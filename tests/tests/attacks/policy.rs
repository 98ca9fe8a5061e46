//! What is proven, but is not what this side asks for.

use sealift_core::remedy::{Remediable as _, Remedy};
use sealift_core::trust::{JudgementError, Shortfall, SupplyChainError};
use sealift_core::trust_store::{NamePattern, Policy, Rule};
use sealift_sample_publisher::keys::sign;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{Consignment, REPOSITORY, signed};
use serde_json::json;

use super::*;

/// The sample without its in-toto documents: TUF alone, level 2.
fn without_in_toto() -> Sample {
    let mut sample = sample();
    for target in sample.repository.released.values_mut() {
        target.custom = None;
    }
    sample
}

#[test]
fn a_level_below_the_minimum() {
    let sample = without_in_toto();
    for minimum in ["3a", "3b", "4"] {
        let far = FarSide::trusting(&sample, hours(2));
        far.policy(&format!("minimum_level = \"{minimum}\"\n"));
        let error = far.refuses(&consignment(&sample).archive()).judgement();
        assert_error!(error, JudgementError::Level { reference, level, minimum: asked, rule: Rule::MinimumLevel, .. }
            if reference == BUNDLE && level.to_string() == "2" && asked.to_string() == minimum);
    }
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"2\"\n");
    far.accepts(&consignment(&sample).archive());
}

#[test]
fn an_image_without_a_signature_in_a_bundle_that_has_one() {
    let mut sample = sample();
    sample.repository.released.remove(WEB);
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"2\"\n");
    let error = far.refuses(&consignment(&sample).archive()).judgement();
    assert_error!(error, JudgementError::Level { level, .. } if level.to_string() == "1b");
}

/// The sample, in which nobody signed the component image.
fn with_an_unsigned_image() -> Sample {
    let mut sample = sample();
    sample.repository.released.remove(WEB);
    sample
}

/// The sample, whose bundle nobody signed: what CNAB-Sec 300 warns of, for anyone may exchange it.
fn with_an_unsigned_bundle() -> Sample {
    let mut sample = sample();
    sample.repository.released.remove(BUNDLE);
    sample
}

#[test]
fn a_bundle_that_is_signed_by_halves_under_the_default_policy() {
    assert_eq!(Policy::default().minimum_level.to_string(), "2");
    for (sample, reached) in [(with_an_unsigned_bundle(), "1a"), (with_an_unsigned_image(), "1b")] {
        let far = FarSide::trusting(&sample, hours(2));
        let error = far.refuses(&consignment(&sample).archive()).judgement();
        assert_error!(error, JudgementError::Level { reference, level, rule: Rule::MinimumLevel, .. }
            if reference == BUNDLE && level.to_string() == reached);
    }
    let sample = without_in_toto();
    FarSide::trusting(&sample, hours(2)).accepts(&consignment(&sample).archive());
}

#[test]
fn a_requirement_by_name_counts_instead_of_the_minimum_level_for_the_bundle() {
    let sample = without_in_toto();
    for (minimum, name, level, accepted) in [
        ("0", "example.com/demo/shop", "4", false),
        ("0", "example.com/demo/shop:1.*", "3b", false),
        ("0", "example.com/demo/*", "2", true),
        ("0", "example.com/demo/shop:2", "4", true),
        ("2", "EXAMPLE.com:443/demo/shop", "4", false),
    ] {
        let far = FarSide::trusting(&sample, hours(2));
        far.policy(&format!("minimum_level = \"{minimum}\"\n[[require]]\nnames = [\"{name}\"]\nlevel = \"{level}\"\n"));
        if accepted {
            far.accepts(&consignment(&sample).archive());
            continue;
        }
        let error = far.refuses(&consignment(&sample).archive()).judgement();
        assert_error!(error, JudgementError::Level { reference, minimum, rule: Rule::Requirement(pattern), .. }
            if reference == BUNDLE && minimum.to_string() == level && pattern.as_str() == name);
    }
}

/// A policy with these requirements: names, level, and the rest of the table.
fn requiring(minimum: &str, requirements: &[(&str, &str, &str)]) -> String {
    let table = |(name, level, rest): &(&str, &str, &str)| {
        format!("[[require]]\nnames = [\"{name}\"]\nlevel = \"{level}\"\n{rest}\n")
    };
    format!("minimum_level = \"{minimum}\"\n{}", requirements.iter().map(table).collect::<String>())
}

#[test]
fn an_image_in_a_bundle_is_judged_by_its_own_name_too() {
    let sample = with_an_unsigned_image();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    // The bundle's own level would do: its images may be unsigned.
    let bundle = (BUNDLE, "1b", "");
    for (requirements, rule) in [
        (vec![bundle], None),
        (vec![bundle, ("example.com/demo/web", "2", "")], Some("example.com/demo/web")),
        (vec![bundle, ("example.com/demo/*", "3a", "in_bundles = \"instead\"")], Some("example.com/demo/*")),
    ] {
        far.policy(&requiring("2", &requirements));
        let error = far.refuses(&archive).judgement();
        let expected =
            rule.map_or("the policy's minimum_level".to_owned(), |rule| format!("the policy's requirement for {rule}"));
        assert_error!(error, JudgementError::Level { reference, level, rule, .. }
            if reference == WEB && level.to_string() == "0" && rule.to_string() == expected);
    }
    far.policy(&requiring("2", &[bundle, ("example.com/demo/web", "0", "")]));
    far.accepts(&archive);
}

#[test]
fn one_unsigned_image_takes_nobody_else_down() {
    let sample = with_an_unsigned_image();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    // That the image may be unsigned is no word about the bundles that it is in …
    far.policy(&requiring("4", &[(WEB, "0", "")]));
    let error = far.refuses(&archive).judgement();
    assert_error!(error, JudgementError::Level { reference, level, rule: Rule::MinimumLevel, .. }
        if reference == BUNDLE && level.to_string() == "1b");
    // … unless it says so; everything else must be as good as before.
    let policy = requiring("4", &[(WEB, "0", "in_bundles = \"instead\"")]);
    far.policy(&policy);
    let delivered = far.accepts(&archive);
    let report = serde_json::to_value(delivered.verified().report()).unwrap();
    assert_eq!(report["items"][0]["level"], "1b", "the report says what was reached, whatever was asked");
    let weakened: [fn(&mut Sample); 3] = [
        |sample| drop(sample.repository.released.remove(BUNDLE)),
        |sample| sample.repository.released.get_mut(BUNDLE).unwrap().custom = None,
        |sample| drop(sample.repository.released.remove("example.com/demo/installer:1.0.0")),
    ];
    for weaken in weakened {
        let mut sample = with_an_unsigned_image();
        weaken(&mut sample);
        let far = FarSide::trusting(&sample, hours(2));
        far.policy(&policy);
        let error = far.refuses(&consignment(&sample).archive()).judgement();
        assert_error!(error, JudgementError::Level { rule: Rule::MinimumLevel, .. });
    }
}

#[test]
fn a_name_that_the_wrong_repository_vouches_for() {
    let sample = sample();
    for (place, name) in sample.references.iter().enumerate().map(|(place, (name, _))| (place, name.as_str())) {
        let far = FarSide::trusting(&sample, hours(2));
        let archives = match place {
            0 => vec![consignment(&sample).archive()],
            _ => vec![consignment(&sample).archive(), Consignment::of_image(&sample, place, hours(0)).archive()],
        };
        for archive in archives {
            far.policy(&requiring("2", &[(name, "2", "vouched_by = [\"demo\", \"acme\"]")]));
            let error = far.refuses(&archive).judgement();
            assert_error!(error, JudgementError::NotVouchedFor { reference, repository, vouching, rule: Rule::Requirement(_) }
                if reference == name && repository.as_str() == "acme" && vouching.iter().map(|name| name.as_str()).eq([REPOSITORY]));
            far.policy(&requiring("2", &[(name, "2", "vouched_by = [\"demmo\"]")]));
            let error = far.refuses(&archive).judgement();
            assert_error!(error, JudgementError::UnpinnedRequired { repository, meant, .. }
                if repository.as_str() == "demmo" && meant.as_str() == "demo");
            far.policy(&requiring("2", &[(name, "2", "vouched_by = [\"demo\"]")]));
            far.accepts(&archive);
        }
    }
    // Nobody vouches for what is unsigned, whatever level is enough.
    let sample = with_an_unsigned_image();
    let far = FarSide::trusting(&sample, hours(2));
    far.policy(&requiring("0", &[(WEB, "0", "vouched_by = [\"demo\"]")]));
    let error = far.refuses(&consignment(&sample).archive()).judgement();
    assert_error!(error, JudgementError::NotVouchedFor { vouching, .. } if vouching.is_empty());
}

#[test]
fn an_image_that_stands_alone_is_judged_by_its_own_name() {
    let sample = with_an_unsigned_image();
    let web = sample.references.iter().position(|(name, _)| name == WEB).unwrap();
    let archive = Consignment::of_image(&sample, web, hours(0)).archive();
    let far = FarSide::trusting(&sample, hours(2));
    for (policy, level) in [
        (requiring("2", &[]), "2"),
        (requiring("0", &[(WEB, "1", "")]), "1"),
        (requiring("0", &[("example.com/*/*", "4", ""), (WEB, "0", "")]), "4"),
    ] {
        far.policy(&policy);
        let error = far.refuses(&archive).judgement();
        assert_error!(error, JudgementError::Level { reference, minimum, .. } if reference == WEB && minimum.to_string() == level);
    }
    far.policy(&requiring("4", &[(WEB, "0", ""), ("example.com/*/*", "4", "")]));
    far.accepts(&archive);
}

#[test]
fn inspections_that_were_not_run_where_the_policy_requires_them() {
    let mut sample = sample();
    let mut layout = signed(&sample.supply_chain.layout());
    layout["inspect"] = json!([{
        "_type": "inspection", "name": "look", "run": ["true"], "expected_materials": [], "expected_products": [],
    }]);
    let bytes = sign(&layout, std::slice::from_ref(&sample.supply_chain.owner));
    let target = sample.repository.top_level.iter_mut().find(|(path, _)| path.ends_with(".layout")).unwrap().1;
    *target = Target { custom: target.custom.clone(), ..Target::served(bytes) };
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("inspections = \"required\"\n");
    let error = far.refuses(&consignment(&sample).archive()).supply_chain();
    assert_error!(error, SupplyChainError::InspectionsNotRun { names } if names == ["look"]);
}

#[test]
fn a_refusal_says_why_nobody_vouches_for_a_name() {
    let sample = sample();
    let refusal = |far: &FarSide, name: &str| {
        let web = &sample.references.iter().find(|(name, _)| name == WEB).unwrap().1;
        let packed = Consignment {
            repositories: consignment(&sample).repositories,
            ..Consignment::of_images(&sample, &[(name, web)], hours(0))
        };
        far.refuses(&packed.archive()).judgement()
    };
    let far = FarSide::trusting(&sample, hours(1));
    let error = refusal(&far, "example.com/demo/web:9.9");
    let said = "demo lists no web:9.9; it lists 1.0.0";
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), said);
    assert_error!(&error, JudgementError::Level { source: Some(Shortfall::NotListed { .. }), .. });
    assert_error!(error.remedy(), Remedy::CheckName { listed, .. } if listed == ["1.0.0"]);
    far.map(
        &json!({ "repositories": { "demo": [] }, "mapping": [
        { "paths": ["example.org/*"], "repositories": ["demo"], "threshold": 1, "terminating": true }] })
        .to_string(),
    );
    let error = refusal(&far, "example.com/demo/web:9.9");
    assert_error!(&error, JudgementError::Level { source: Some(Shortfall::NoRepository { .. }), .. });
    assert_error!(error.remedy(), Remedy::MapOrAllow { name, above: None, in_bundle: false, .. } if name == "example.com/demo/web");
    // A requirement that is added does nothing behind the one that matches first.
    far.policy(&requiring("2", &[("example.com/*/web", "3a", "")]));
    let error = refusal(&far, "example.com/demo/web:9.9");
    assert_error!(error.remedy(), Remedy::MapOrAllow { above: Some(pattern), .. } if pattern == "example.com/*/web");
    let nobody = FarSide::trusting_nobody(hours(1));
    let error = refusal(&nobody, "example.com/demo/web:9.9");
    assert_error!(error, JudgementError::Level { source: Some(Shortfall::NothingPinned), .. });
    assert_error!(error.remedy(), Remedy::PinOrAllow { name, above: None } if name == "example.com/demo/web");
    nobody.policy(&requiring("2", &[("*", "3a", "")]));
    let error = refusal(&nobody, "example.com/demo/web:9.9");
    assert_error!(error.remedy(), Remedy::PinOrAllow { above: Some(pattern), .. } if pattern == "*");
}

#[test]
fn a_part_for_which_nobody_speaks_is_named_and_what_the_hint_says_lets_it_pass() {
    let sample = without_in_toto();
    let far = FarSide::trusting(&sample, hours(1));
    let only_the_bundle = json!({ "repositories": { "demo": [] }, "mapping": [
        { "paths": [BUNDLE], "repositories": ["demo"], "threshold": 1, "terminating": true }] });
    far.map(&only_the_bundle.to_string());
    let archive = consignment(&sample).archive();
    let mut policy = String::new();
    let parts = ["example.com/demo/installer", "example.com/demo/web"];
    for _ in parts {
        let remedy = far.refuses(&archive).judgement().remedy();
        assert_error!(&remedy, Remedy::MapOrAllow { name, in_bundle: true, above: None, .. } if parts.contains(&name.as_str()));
        let Remedy::MapOrAllow { name, .. } = remedy else { return };
        policy += &format!("[[require]]\nnames = [\"{name}\"]\nlevel = \"0\"\nin_bundles = \"instead\"\n");
        far.policy(&policy);
    }
    far.accepts(&archive);
}

#[test]
fn the_only_repository_keeps_its_names_when_a_map_begins() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(1));
    let (pattern, acme) = (NamePattern::new("quay.io/acme/*").unwrap(), "acme".parse().unwrap());
    far.store().update().unwrap().add_mapping(&pattern, &[acme]).unwrap();
    far.accepts(&consignment(&sample).archive());
}
