/// Whether the method of a failed call ran. Returned by
/// [`CallError::did_run`](crate::CallError::did_run).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DidRun {
    /// The method did not run, and will not: a repetition cannot make it run twice.
    No,
    /// The method may have run, or may still run.
    Maybe,
    /// The method ran, at least in part.
    Yes,
}
