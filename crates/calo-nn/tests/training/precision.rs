//! Networks of other elements than the showers that go in and come out.

use std::collections::BTreeMap;

use calo_core::random::Purpose;
use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::cuda;
use calo_nn::device::{Precision, select};
use calo_nn::engine::{RandomRows, ShowerModel, standard_normal};
use calo_nn::families;

use super::save_changing;

/// What a trained model makes of showers and latent variables, by name.
fn made(model: &ShowerModel) -> BTreeMap<&'static str, Tensor> {
    let device = model.device();
    let z = standard_normal(RandomRows { seed: 1, purpose: Purpose::new("z"), first: 0, n: 2 }, 5, device)
        .unwrap();
    let energies = Tensor::new(&[[20_f32], [80.0]], device).unwrap();
    let [showers, processed] = model.sample(&z, &energies, 2).unwrap().try_into().unwrap();
    let posterior = model.encoder().unwrap().encode(&showers, &energies).unwrap();
    BTreeMap::from([
        ("showers", showers),
        ("processed", processed),
        ("mean", posterior.mean),
        ("log variance", posterior.log_variance),
    ])
}

/// The largest difference in units of the largest value.
fn difference(expected: &Tensor, found: &Tensor) -> f32 {
    let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (expected, found) = (values(expected), values(found));
    let largest = expected.iter().fold(0_f32, |max, x| max.max(x.abs()));
    let off = expected.iter().zip(&found).fold(0_f32, |max, (a, b)| max.max((a - b).abs()));
    assert!(largest > 0.0);
    off / largest
}

fn check(load: impl Fn(DType, &Device) -> ShowerModel, (dtype, device): (DType, &Device), bound: f32) {
    let expected = made(&load(DType::F32, &Device::Cpu));
    for (name, found) in made(&load(dtype, device)) {
        assert_eq!(found.dtype(), DType::F32, "{name}");
        let off = difference(&expected[name], &found);
        assert!(off < bound, "{name} in {dtype:?}: off by {off:e}");
    }
}

#[test]
fn a_model_may_compute_with_other_elements_than_its_showers_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    save_changing(&path);
    let load = |dtype, device: &Device| ShowerModel::load(&path, families::ALL, device, dtype).unwrap();
    check(load, (DType::F64, &Device::Cpu), 1e-5);
    let gpu = match select("cuda") {
        Ok(gpu) => gpu,
        Err(error) => return eprintln!("skipped on a GPU: {error}"),
    };
    for (precision, bound) in [(Precision::F32, 1e-4), (Precision::Tf32, 1e-2), (Precision::Bf16, 5e-2)] {
        let dtype = precision.prepare(&gpu).unwrap();
        check(load, (dtype, &gpu), bound);
    }
    cuda::allow_tf32(false);
}

#[test]
fn a_cpu_has_one_precision() {
    assert_eq!(Precision::default().prepare(&Device::Cpu).unwrap(), DType::F32);
    for (precision, name) in [(Precision::Tf32, "tf32"), (Precision::Bf16, "bf16")] {
        let message = precision.prepare(&Device::Cpu).unwrap_err().to_string();
        assert!(message.starts_with(&format!("field `precision`: `{name}` on the CPU")), "{message}");
    }
}
