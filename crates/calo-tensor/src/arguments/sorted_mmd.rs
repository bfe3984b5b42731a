//! Windows and kernel of the sorted-kernel MMD.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Windows and kernel of [`sorted_mmd`](fn@crate::ops::sorted_mmd); the default is the papers'.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SortedMmd {
    /// Cells in a window.
    pub window: usize,
    /// Cells from the start of one window to the start of the next.
    pub stride: usize,
    /// Number of windows.
    pub windows: usize,
    /// a of the kernel exp(-a d^2), in 1/MeV^2 for cells in MeV.
    pub exponent: f64,
}

impl Default for SortedMmd {
    fn default() -> Self {
        Self { window: 100, stride: 25, windows: 80, exponent: 200.0 }
    }
}

impl SortedMmd {
    /// How many sorted cells the windows span: 2075 with the defaults.
    pub fn cells(&self) -> usize {
        self.windows.saturating_sub(1).saturating_mul(self.stride).saturating_add(self.window)
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`] for a window, stride or number of windows of 0, or an exponent that is negative or not finite.
    pub fn validate(&self) -> Result<()> {
        let field = |field: &str, value: String, expected: &str| {
            Err(Error::Field { field: format!("sorted_mmd.{field}"), value, expected: expected.to_owned() })
        };
        for (name, value) in [("window", self.window), ("stride", self.stride), ("windows", self.windows)] {
            if value == 0 {
                return field(name, value.to_string(), "at least 1");
            }
        }
        if !self.exponent.is_finite() || self.exponent < 0.0 {
            return field("exponent", self.exponent.to_string(), "a finite number, not negative");
        }
        Ok(())
    }
}
