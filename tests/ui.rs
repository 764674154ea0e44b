//! What cannot work does not compile, and says on the user's token what to write instead.
//!
//! A file for each diagnostic, with what the compiler says beside it. After a change of a message, or with another
//! compiler: `TRYBUILD=overwrite cargo test --test ui`, and read the difference.

#[test]
fn what_cannot_work_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
