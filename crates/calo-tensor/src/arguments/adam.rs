//! One step of Adam.

/// The numbers of one update, worked out in double precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AdamUpdate {
    pub(crate) beta1: f64,
    pub(crate) beta2: f64,
    pub(crate) epsilon: f64,
    pub(crate) weight_decay: f64,
    /// `factor * rate / (1 - beta1^t)`.
    pub(crate) step_size: f64,
    /// `sqrt(1 - beta2^t)`.
    pub(crate) root_correction: f64,
}
