//! Settings that Candle needs before its first computation.

/// Environment variables that Candle reads, and their values.
const VARIABLES: [(&str, &str); 2] = [
    // Without it gradients cannot be differentiated: see `autograd`.
    ("CANDLE_GRAD_DO_NOT_DETACH", "1"),
    // Candle's own threads busy-wait for one another, which slows down those that compute.
    ("CANDLE_NUM_THREADS", "1"),
];

/// Prepares Candle for this process: gradients can be differentiated again, and Candle starts no threads of its own.
///
/// Call it at the start of a program, or when a Python module is imported. Candle reads the variables
/// `CANDLE_GRAD_DO_NOT_DETACH` and `CANDLE_NUM_THREADS`, which this sets to 1; the first of them once in each thread, at
/// its first backward pass. If neither this was called nor the variable set from outside,
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
/// started. A program that cannot ensure that must be started with both variables set, and need not call this.
#[expect(unsafe_code, reason = "the environment is how Candle is told")]
pub unsafe fn init() {
    for (name, value) in VARIABLES {
        // A variable that is already set is not written.
        if std::env::var_os(name).is_none_or(|found| found != value) {
            // SAFETY: the caller's promise.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
