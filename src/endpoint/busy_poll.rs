/// A driver that threads of the program may run.
pub(crate) trait PolledDriver: Send + Sync {
    /// Handles the datagrams that have arrived, without waiting. Returns their number.
    fn receive_now(&self) -> usize;
}
