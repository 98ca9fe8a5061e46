//! What has been verified has a type that only verification can make. These programs try to make one, and must not
//! compile.

#[test]
fn proof_cannot_be_forged() {
    trybuild::TestCases::new().compile_fail("tests/forging/cases/*.rs");
}
