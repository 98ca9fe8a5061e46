//! Any bytes are a layout or an error; in a layout names are unique and no rule is left that cannot be applied.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::strict_json;
use sealift_proof::in_toto::{InTotoLayout, Parameters, SignedDocument};

fuzz_target!(|data: &[u8]| {
    let enveloped = SignedDocument::parse(data).map(|document| document.payload().clone()).ok();
    for value in enveloped.into_iter().chain(strict_json::parse(data).ok()) {
        let given = Parameters::new([("A".to_owned(), "*".to_owned())].into()).expect("a name");
        for parameters in [Parameters::default(), given] {
            let Ok(layout) = InTotoLayout::parse(&value, &parameters) else { continue };
            let steps = layout.steps.iter().map(|step| &step.name);
            let names: Vec<_> = steps.chain(layout.inspections.iter().map(|it| &it.name)).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
            assert!(names.iter().all(|name| !name.is_empty() && !name.contains('/')));
            assert!(layout.inspections.iter().all(|inspection| !inspection.run.is_empty()));
        }
    }
});
