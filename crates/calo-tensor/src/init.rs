//! What Candle has to be told before it computes.

/// What Candle reads from the environment, and what it is to find there.
const VARIABLES: [(&str, &str); 2] = [
    // Or gradients cannot be differentiated: see `autograd`.
    ("CANDLE_GRAD_DO_NOT_DETACH", "1"),
    // Candle's own threads wait for one another in loops, at the cost of those that compute.
    ("CANDLE_NUM_THREADS", "1"),
];

/// Prepares Candle for this process: gradients can be differentiated again, and Candle starts no threads of its own.
///
/// A program calls it first, a Python module when it is imported. Candle reads the variables
/// `CANDLE_GRAD_DO_NOT_DETACH` and `CANDLE_NUM_THREADS`, which this sets to 1; the first of them once in each thread, at
/// its first backward pass. Where neither this was called nor the variable set from outside,
/// [`input_gradient`](crate::autograd::input_gradient) refuses with
/// [`Error::FirstOrderOnly`](crate::Error::FirstOrderOnly).
///
/// ```standalone_crate
/// fn main() -> Result<(), calo_tensor::Error> {
///     // SAFETY: the first thing the program does, before any other thread is there.
///     unsafe { calo_tensor::init() };
///     assert!(calo_tensor::autograd::keeps_graph()?);
///     Ok(())
/// }
/// ```
///
/// # Safety
/// No other thread may read or write the environment meanwhile, as for [`std::env::set_var`]: call it before threads are
/// started. A program that cannot promise that has the two variables set by whoever starts it, and need not call this.
#[expect(unsafe_code, reason = "the environment is how Candle is told")]
pub unsafe fn init() {
    for (name, value) in VARIABLES {
        // Nothing is written where nothing changes.
        if std::env::var_os(name).is_none_or(|found| found != value) {
            // SAFETY: the caller's promise.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
