pub(super) const BATCH_COUNTER: &str = "num_batches_tracked";
pub struct Imported;
pub fn read_pytorch() {}
