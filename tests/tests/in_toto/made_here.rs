//! Supply chains that python in-toto makes while the test runs, with URIs as the names of artifacts (ITE-4) and with documents in
//! either wrapping in one chain (ITE-5): the verdict is the reference's own.

use std::process::Command;

use sealift_proof::in_toto::metadata::DocumentForm;
use sealift_proof::in_toto::{Inspections, SignedDocument};
use sealift_tests::outside_programs;

use super::vectors::Case;

/// All chains, the reference's verdict in each.
fn cases() -> Option<Vec<Case>> {
    let python = outside_programs::python_with("in_toto")?;
    let output =
        Command::new(python).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/in_toto/made_here.py")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn form(document: &str) -> Option<DocumentForm> {
    SignedDocument::parse(document.as_bytes()).ok().map(|document| document.form())
}

#[test]
fn uris_and_both_wrappings_get_the_verdict_of_the_reference() {
    let Some(cases) = cases() else { return };
    let mut accepted = 0;
    for case in &cases {
        let verdict = case.verify(Inspections::NotRun);
        let expected = case.reference == "accept";
        assert_eq!(verdict.is_ok(), expected, "{}: {verdict:?}; the reference says {}", case.name, case.reference);
        accepted += usize::from(expected);
    }
    assert_eq!((cases.len(), accepted), (46, 24));
    // Each step's link and the layout, in each wrapping with each of the others.
    let forms = cases.iter().filter(|case| case.name.starts_with("forms/"));
    let both = |case: &Case| {
        let documents = case.links.values().chain([&case.layout]);
        let enveloped = documents.filter(|document| form(document) == Some(DocumentForm::Dsse)).count();
        (1..=case.links.len()).contains(&enveloped)
    };
    assert_eq!(forms.filter(|case| both(case)).count(), 14, "chains with both wrappings");
}
