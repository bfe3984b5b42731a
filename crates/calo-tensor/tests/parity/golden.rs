//! Files of tensors that PyTorch made, and comparison with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use calo_tensor::candle::{DType, Device, Tensor, safetensors};

/// Parity of what a network gives, relative to the largest value of a tensor.
pub(crate) const OUTPUT: f64 = 1e-5;
/// Parity of first and second derivatives.
pub(crate) const GRADIENT: f64 = 1e-4;

/// A file of tensors: `<network>.weights.<name>`, `<network>.grad.<name>`, inputs and outputs.
pub(crate) struct Golden {
    tensors: BTreeMap<String, Tensor>,
    file: PathBuf,
}

impl Golden {
    pub(crate) fn load(file: &Path) -> Self {
        let tensors =
            safetensors::load(file, &Device::Cpu).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        Self { tensors: tensors.into_iter().collect(), file: file.to_owned() }
    }

    /// A file of the folder that `CALO_FIXTURES` names; none, with a message, where it is not set.
    pub(crate) fn fixture(name: &str) -> Option<Self> {
        let Some(folder) = std::env::var_os("CALO_FIXTURES") else {
            eprintln!("skipped: set CALO_FIXTURES to the folder that holds {name}.safetensors");
            return None;
        };
        Some(Self::load(&Path::new(&folder).join(name).with_extension("safetensors")))
    }

    /// What the same script wrote for the operations of `calo-tensor`.
    pub(crate) fn operations() -> Self {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Self::load(&crates.join("calo-tensor/tests/data/goldens/operations.safetensors"))
    }

    /// One of the files in `tests/data/goldens`, which `make_goldens.py` of `calo-nn` wrote.
    pub(crate) fn own(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens");
        Self::load(&folder.join(name).with_extension("safetensors"))
    }

    pub(crate) fn get(&self, name: &str) -> Tensor {
        self.tensors
            .get(name)
            .unwrap_or_else(|| panic!("{}: no tensor `{name}`", self.file.display()))
            .clone()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// State dictionary of a network.
    pub(crate) fn weights(&self, network: &str) -> BTreeMap<String, Tensor> {
        let mut weights = self.under(&format!("{network}.weights."));
        // The goldens leave out the counters of batch normalisation.
        let means: Vec<String> =
            weights.keys().filter_map(|name| name.strip_suffix("running_mean").map(str::to_owned)).collect();
        for prefix in means {
            let counter = || Tensor::zeros((), DType::F32, &Device::Cpu).unwrap();
            weights.entry(format!("{prefix}num_batches_tracked")).or_insert_with(counter);
        }
        weights
    }

    /// All tensors whose name starts with `prefix`, without it.
    pub(crate) fn under(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        self.tensors
            .iter()
            .filter_map(|(k, v)| Some((k.strip_prefix(prefix)?.to_owned(), v.clone())))
            .collect()
    }
}

/// Largest difference, relative to the largest value of `want`.
pub(crate) fn difference(got: &Tensor, want: &Tensor) -> f64 {
    let values =
        |t: &Tensor| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let (got_values, want_values) = (values(got), values(want));
    assert_eq!(got_values.len(), want_values.len(), "{:?} instead of {:?}", got.dims(), want.dims());
    let largest = want_values.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    let worst = got_values.iter().zip(&want_values).fold(0.0_f64, |worst, (a, b)| {
        // A NaN is no small difference.
        if (a - b).is_nan() { f64::INFINITY } else { worst.max((a - b).abs()) }
    });
    if largest == 0.0 { worst } else { worst / largest }
}

/// Fails where `got` is not `want` within `tolerance`; prints how close it is.
pub(crate) fn check(name: &str, got: &Tensor, want: &Tensor, tolerance: f64) {
    let difference = difference(got, want);
    println!("{name}: {difference:.1e}");
    assert!(
        difference <= tolerance,
        "{name}: off by {difference:.2e} of the largest value, allowed {tolerance:.0e}"
    );
}
