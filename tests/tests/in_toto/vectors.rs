//! Every vector under `tests/vectors/in_toto/cases` gets exactly its class of verdict, and every difference from the
//! reference is explained in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sealift_archive_format::Digest;
use sealift_proof::freshness::parse_instant;
use sealift_proof::in_toto::key::NotSigned;
use sealift_proof::in_toto::refusal::LinkProblem;
use sealift_proof::in_toto::{
    BindingRule, Cause, FinalProduct, InTotoKey, Inspections, LayoutKey, Parameters, ProductContent, ProductFile,
    Refusal, SupplyChain, VerifiedSupplyChain, Work, verify,
};
use sealift_proof::signature::openpgp::OpenPgpError;
use sealift_sandbox::{Sandbox, SandboxError, SandboxLimits};
use sealift_tests::outside_programs;

/// Later than any key was made that the vectors let expire, earlier than the layouts that hold.
const JUDGED_AT: &str = "2098-01-01T00:00:00Z";

#[derive(serde::Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) layout: String,
    layout_keys: BTreeMap<String, String>,
    pub(super) links: BTreeMap<String, String>,
    product: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    /// `accept`, or the class of the refusal.
    expect: String,
    /// With inspections run; empty where there are none.
    inspections: String,
    /// What the reference says: `accept`, `refuse` or `hangs`.
    pub(super) reference: String,
    /// Why we differ from the reference; empty where we do not.
    note: String,
}

impl Case {
    pub(super) fn verify(&self, inspections: Inspections<'_>) -> Result<VerifiedSupplyChain, Refusal> {
        let key = |(label, text): (&String, &String)| LayoutKey {
            label: label.clone(),
            key: InTotoKey::from_file(text.as_bytes()).unwrap(),
        };
        let chain = SupplyChain {
            layout: self.layout.as_bytes(),
            layout_keys: self.layout_keys.iter().map(key).collect(),
            links: self.links.iter().map(|(file, text)| (file.clone(), text.clone().into_bytes())).collect(),
            parameters: Parameters::new(self.parameters.clone()).unwrap(),
        };
        let file = |(name, text): (&String, &String)| ProductFile {
            name: name.clone(),
            digests: vec![Digest::sha256(text.as_bytes())],
            content: ProductContent::Bytes(self.product[name].as_bytes()),
        };
        // Some cases are about links only, and have no product.
        let binding =
            if self.product.is_empty() { BindingRule::OnlyFilesThatStepsName } else { BindingRule::EveryFile };
        let product = FinalProduct { files: self.product.iter().map(file).collect(), binding };
        verify(&chain, &product, parse_instant(JUDGED_AT).unwrap(), inspections, &mut Work::of_an_archive())
    }
}

fn class(result: &Result<VerifiedSupplyChain, Refusal>) -> String {
    match result {
        Ok(_) => "accept".to_owned(),
        Err(refusal) => serde_json::to_value(refusal.class()).unwrap().as_str().unwrap().to_owned(),
    }
}

fn cases() -> Vec<Case> {
    let mut files = Vec::new();
    json_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/in_toto/cases"), &mut files);
    let read = |path: &PathBuf| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    files.iter().map(read).collect()
}

fn json_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { json_files(&path, files) } else { files.push(path) }
    }
}

#[test]
fn every_vector_gets_its_class_of_verdict() {
    let cases = cases();
    assert!(cases.len() > 250, "only {} vectors were found", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let result = case.verify(Inspections::NotRun);
        if class(&result) != case.expect {
            let reason = result.map(|_| String::new()).unwrap_or_else(|refusal| format!("{:?}", refusal.cause));
            wrong.push(format!("{}: expected {}: {reason}", case.name, case.expect));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn inspections_get_their_class_of_verdict() {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_inspection-launcher").into(), SandboxLimits::default());
    if let Err(SandboxError::Unavailable { facility, reason }) = sandbox.run(&["true".to_owned()], &[]) {
        outside_programs::skip(&format!("the sandbox needs {facility:?}: {reason}"));
        return;
    }
    let cases: Vec<_> = cases().into_iter().filter(|case| !case.inspections.is_empty()).collect();
    assert!(cases.len() >= 7, "only {} vectors have inspections", cases.len());
    for case in cases {
        let result = case.verify(Inspections::Run(&sandbox));
        assert_eq!(class(&result), case.inspections, "{}: {result:?}", case.name);
    }
}

#[test]
fn an_inspection_that_was_not_run_is_named() {
    for case in cases() {
        let Ok(verified) = case.verify(Inspections::NotRun) else { continue };
        assert_eq!(verified.inspections_not_run().is_empty(), case.inspections.is_empty(), "{}", case.name);
    }
}

#[test]
fn every_difference_from_the_reference_is_explained() {
    let (mut agree, mut differ) = (0, 0);
    for case in cases() {
        let ours = if case.inspections.is_empty() { &case.expect } else { &case.inspections };
        let accepts = (ours == "accept", case.reference == "accept");
        if accepts.0 == accepts.1 {
            agree += 1;
            continue;
        }
        differ += 1;
        assert!(!case.note.is_empty(), "{}: expected {ours}, the reference says {}", case.name, case.reference);
    }
    println!("{agree} vectors agree with the reference, {differ} differ and say why");
}

#[test]
fn an_openpgp_signature_that_does_not_count_says_why() {
    let case = cases().into_iter().find(|case| case.name.contains("openpgp") && case.name.ends_with("expired"));
    let refusal = case.unwrap().verify(Inspections::NotRun).unwrap_err();
    let why = match *refusal.cause {
        Cause::LayoutNotSigned { source, .. } => source,
        Cause::Threshold { mut passed_over, .. } => match passed_over.remove(0).1 {
            LinkProblem::NotSigned(why) => why,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert!(matches!(why, NotSigned::OpenPgp(OpenPgpError::KeyExpired { .. })), "{why:?}");
}

/// Why the case of this name is refused, at the innermost layout.
fn innermost(name: &str) -> Cause {
    let case = cases().into_iter().find(|case| case.name == name).unwrap();
    let mut cause = *case.verify(Inspections::NotRun).unwrap_err().cause;
    while let Cause::Sublayout { source, .. } = cause {
        cause = *source.cause;
    }
    cause
}

#[test]
fn sublayouts_nest_only_so_deeply() {
    for name in ["sublayouts/9-deep", "sublayouts/30-deep"] {
        let cause = innermost(name);
        assert!(matches!(cause, Cause::TooDeep { limit: 8 }), "{name}: {cause:?}");
    }
}
