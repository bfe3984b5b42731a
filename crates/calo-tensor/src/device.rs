//! The device of tensors, the CPU or an NVIDIA GPU, chosen by name; and the precision of computations.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, cuda};

const EXPECTED: &str = "`cpu`, `cuda` or `cuda:N`";

/// The device called `name`: `cpu`, `cuda` (the first GPU) or `cuda:1` (the second).
///
/// ```
/// assert!(calo_tensor::device::select("cpu")?.is_cpu());
/// assert!(calo_tensor::device::select("tpu").is_err());
/// # Ok::<(), calo_tensor::Error>(())
/// ```
///
/// # Errors
/// [`Error::Field`] for another name, for `cuda` in a program built without it, and where there is no such GPU.
pub fn select(name: &str) -> Result<Device> {
    match name.split_once(':') {
        None if name == "cpu" => Ok(Device::Cpu),
        None if name == "cuda" => gpu(name, 0),
        // Digits alone: no sign.
        Some(("cuda", ordinal)) if ordinal.bytes().all(|byte| byte.is_ascii_digit()) => {
            let ordinal =
                ordinal.parse().map_err(|_| impossible(name, "no device is called so", EXPECTED))?;
            gpu(name, ordinal)
        }
        _ => Err(impossible(name, "no device is called so", EXPECTED)),
    }
}

/// Precision of convolutions and matrix products. GPUs have special units for the last two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits.
    #[default]
    F32,
    /// f32, rounded to 11 bits where it is multiplied.
    Tf32,
    /// 8 bits, summed in f32; for inference, not for training.
    Bf16,
}

impl Precision {
    /// Prepares this process for it; the element type that networks on `device` must have.
    ///
    /// ```
    /// use calo_tensor::{candle::DType, device::{Precision, select}};
    ///
    /// assert_eq!(Precision::F32.prepare(&select("cpu")?)?, DType::F32);
    /// assert!(Precision::Bf16.prepare(&select("cpu")?).is_err());
    /// # Ok::<(), calo_tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Field`] for another than `F32` on the CPU.
    pub fn prepare(self, device: &Device) -> Result<DType> {
        if device.is_cpu() && self != Self::F32 {
            return Err(Error::Field {
                field: "precision".to_owned(),
                value: format!("`{self}` on the CPU"),
                expected: "`f32`, or a GPU".to_owned(),
            });
        }
        cuda::allow_tf32(self == Self::Tf32);
        Ok(if self == Self::Bf16 { DType::BF16 } else { DType::F32 })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = [Self::F32, Self::Tf32, Self::Bf16].into_iter().find(|known| known.to_string() == name);
        known.ok_or_else(|| Error::Field {
            field: "precision".to_owned(),
            value: format!("`{name}`"),
            expected: "`f32`, `tf32` or `bf16`".to_owned(),
        })
    }
}

#[cfg(feature = "cuda")]
fn gpu(name: &str, ordinal: usize) -> Result<Device> {
    // Without a driver the bindings panic instead of failing.
    let made = std::panic::catch_unwind(|| Device::new_cuda(ordinal));
    match made {
        Ok(Ok(device)) => Ok(device),
        Ok(Err(error)) => {
            let problem = format!("cannot be used: {}", one_line(&error.to_string()));
            Err(impossible(name, &problem, "an NVIDIA GPU of this number and its driver, or `cpu`"))
        }
        Err(_) => Err(impossible(
            name,
            "the CUDA driver cannot be loaded",
            "an NVIDIA GPU and its driver, or `cpu`",
        )),
    }
}

/// The first line: Candle's errors carry a backtrace.
#[cfg(feature = "cuda")]
fn one_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(not(feature = "cuda"))]
fn gpu(name: &str, _ordinal: usize) -> Result<Device> {
    Err(impossible(name, "this program was built without CUDA", "`cpu`, or a build with the feature `cuda`"))
}

fn impossible(name: &str, problem: &str, expected: &str) -> Error {
    Error::Field {
        field: "device".to_owned(),
        value: format!("`{name}`: {problem}"),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        assert!(select("cpu").unwrap().is_cpu());
        for name in
            ["", "CPU", "gpu", "cpu:0", "cuda:", "cuda:-1", "cuda:+1", "cuda:a", "cuda:99999999999999999999"]
        {
            let message = select(name).unwrap_err().to_string();
            assert!(message.starts_with("field `device`: `"), "{message}");
        }
    }

    #[test]
    fn precisions_are_called_the_same_everywhere() {
        for (precision, name) in
            [(Precision::F32, "f32"), (Precision::Tf32, "tf32"), (Precision::Bf16, "bf16")]
        {
            assert_eq!(name.parse::<Precision>().unwrap(), precision);
            assert_eq!(serde_json::to_string(&precision).unwrap(), format!("\"{precision}\""));
        }
        let message = "F32".parse::<Precision>().unwrap_err().to_string();
        assert!(message.starts_with("field `precision`: `F32`"), "{message}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_so() {
        for name in ["cuda", "cuda:1"] {
            let message = select(name).unwrap_err().to_string();
            assert!(message.contains("built without CUDA"), "{message}");
        }
    }
}
