//! Losses against the published models' values (with `CALO_FIXTURES` set) and plain double loops.
//!
//! Derivatives are held against finite differences in `tests/derivatives`.
#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::panic,
    reason = "a test reports by failing; values are exact"
)]

use std::path::PathBuf;

use calo_latent::LatentOptimisation;
use calo_nn::autograd::{backward, input_gradient};
use calo_nn::candle::{DType, Device, Shape, Tensor, Var, safetensors};
use calo_nn::components::{latent_optimised, latent_step};
use calo_nn::losses::{
    SortedMmd, binary_cross_entropy, gaussian_mmd, gradient_penalty, gradient_penalty_of_all, kld,
    sorted_difference, sorted_mmd,
};
use calo_nn::ops::sort_descending;
use calo_nn::{Error, Result};
use ndarray::Array2;
use proptest::prelude::*;

fn waves(shape: impl Into<Shape>, k: f64, phase: f64) -> Tensor {
    let shape = shape.into();
    let values: Vec<f64> = (0..shape.elem_count()).map(|i| (k * i as f64 + phase).sin()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn flat(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn scalar(x: &Tensor) -> f64 {
    x.to_dtype(DType::F64).unwrap().to_scalar().unwrap()
}

/// Largest difference relative to the largest expected value.
fn off(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.elem_count(), expected.elem_count());
    let (found, expected) = (flat(found), flat(expected));
    let largest = expected.iter().fold(1e-30_f64, |m, x| m.max(x.abs()));
    found.iter().zip(&expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max) / largest
}

/// The tensors of a fixture, or none, said aloud, where they are not at hand.
fn fixture(name: &str) -> Option<impl Fn(&str) -> Tensor> {
    let Some(folder) = std::env::var_os("CALO_FIXTURES").map(PathBuf::from) else {
        println!("skipped: CALO_FIXTURES does not name the folder of fixtures");
        return None;
    };
    let tensors = safetensors::load(folder.join(format!("{name}.safetensors")), &Device::Cpu).unwrap();
    Some(move |name: &str| tensors.get(name).unwrap_or_else(|| panic!("no `{name}`")).clone())
}

fn one(x: &Tensor) -> f64 {
    flat(x)[0]
}

#[test]
fn published_latent_losses_are_reproduced() {
    let Some(get) = fixture("bibae_photon") else { return };
    let found = scalar(&kld(&get("encoder.mu"), &get("encoder.logvar")).unwrap());
    assert!((found / one(&get("loss.kld")) - 1.0).abs() < 1e-6, "{found}");
    let found = scalar(&gaussian_mmd(&get("z"), &get("latent_critic.z_real"), &[1.0, 0.01]).unwrap());
    assert!((found / one(&get("loss.latent_mmd")) - 1.0).abs() < 1e-6, "{found}");
}

#[test]
fn published_latent_gradient_penalty_and_its_gradients_are_reproduced() {
    let Some(get) = fixture("bibae_photon") else { return };
    let weights: Vec<_> = (1..=4)
        .flat_map(|i| ["weight", "bias"].map(|part| format!("linear{i}.{part}")))
        .map(|name| (Var::from_tensor(&get(&format!("latent_critic.weights.{name}"))).unwrap(), name))
        .collect();
    let critic = |z: &Tensor| -> Result<Tensor> {
        let mut x = z.reshape(((), 1))?;
        for (i, layer) in weights.chunks(2).enumerate() {
            x = x.matmul(&layer[0].0.t()?)?.broadcast_add(&layer[1].0)?;
            if i < 3 {
                x = ((x.relu()? * 0.99)? + (x * 0.01)?)?;
            }
        }
        Ok(x)
    };
    assert!(off(&critic(&get("z")).unwrap(), &get("latent_critic.score")) < 1e-5);
    let alpha = get("latent_critic.alpha");
    let penalty = gradient_penalty(critic, &get("latent_critic.z_real"), &get("z"), &alpha, 10.0).unwrap();
    assert!((scalar(&penalty) / one(&get("latent_critic.gradient_penalty")) - 1.0).abs() < 1e-6);
    let gradients = backward(&penalty).unwrap();
    for (weight, name) in weights.iter().filter(|(_, name)| name.ends_with("weight")) {
        let found = off(gradients.get(weight).unwrap(), &get(&format!("latent_critic.grad.{name}")));
        assert!(found < 1e-5, "{name}: {found}");
    }
}

#[test]
fn published_post_processor_losses_are_reproduced() {
    let Some(get) = fixture("post_processor_photon") else { return };
    let sorted = |name| sort_descending(&get(name).flatten_from(1).unwrap(), 27_000).unwrap();
    let (real, processed) = (sorted("x"), sorted("post_processor.y"));
    let relative = |found: &Tensor, name| (scalar(found) / one(&get(name)) - 1.0).abs();
    let difference = sorted_difference(&real, &processed).unwrap();
    assert!(relative(&difference.absolute, "loss.sorted_mae") < 1e-6, "{}", difference.absolute);
    assert!(relative(&difference.squared, "loss.sorted_mse") < 1e-6, "{}", difference.squared);
    let mmd = sorted_mmd(&real, &processed, &SortedMmd::default()).unwrap();
    assert!(relative(&mmd, "loss.sorted_kernel_mmd") < 1e-6, "{mmd}");
}

#[test]
fn published_latent_optimisation_is_reproduced() {
    let Some(get) = fixture("wgan_pion") else { return };
    let (z, gradient) = (get("noise"), get("latent_gradient"));
    let published = LatentOptimisation::default();
    assert!(off(&latent_step(&gradient, &published).unwrap(), &get("latent_step_alpha500_beta0.1")) < 1e-6);
    let found = latent_optimised(&z, &gradient, &published).unwrap();
    assert_eq!(found.dims(), z.dims());
    assert!(off(&found, &get("latent_optimised")) < 1e-6);
}

#[test]
fn binary_cross_entropy_is_pytorchs_and_finite_far_out() {
    // F.binary_cross_entropy_with_logits(x, t)
    let x = Tensor::new(&[-1e4, -20.0, -0.5, 0.0, 2.0, 17.5, 1e4], &Device::Cpu).unwrap();
    let t = Tensor::new(&[1.0, 0.0, 0.9, 0.1, 1.0, 0.0, 1.0], &Device::Cpu).unwrap();
    assert!((scalar(&binary_cross_entropy(&x, &t).unwrap()) - 1431.3205931718505).abs() < 1e-9);
    let var = Var::from_tensor(&x.to_dtype(DType::F32).unwrap()).unwrap();
    let loss = binary_cross_entropy(&var, &t.to_dtype(DType::F32).unwrap()).unwrap();
    let gradient = flat(backward(&loss).unwrap().get(&var).unwrap());
    for ((x, t), g) in flat(&x).into_iter().zip(flat(&t)).zip(gradient) {
        assert!((g * 7.0 - (1.0 / (1.0 + (-x).exp()) - t)).abs() < 1e-6, "{x}: {g}");
    }
    assert!(binary_cross_entropy(&x, &t.unsqueeze(0).unwrap()).is_err());
}

#[test]
fn kld_vanishes_for_the_standard_normal() {
    let zeros = Tensor::zeros((3, 5), DType::F64, &Device::Cpu).unwrap();
    assert_eq!(scalar(&kld(&zeros, &zeros).unwrap()), 0.0);
    // Of N(1, 4) from N(0, 1): (4 + 1 - 1 - ln 4) / 2, five times.
    let log_variance = (zeros.ones_like().unwrap() * 4.0_f64.ln()).unwrap();
    let found = scalar(&kld(&zeros.ones_like().unwrap(), &log_variance).unwrap());
    assert!((found - 2.5 * (4.0 - 4.0_f64.ln())).abs() < 1e-12);
    assert!(kld(&waves((3, 4), 0.7, 0.1), &zeros).is_err());
    assert!(kld(&waves(3, 1.0, 0.0), &waves(3, 1.0, 0.0)).is_err());
}

/// The definition: means of the kernel over ordered pairs. None of them is above 1, so rounding errors are small beside
/// 4, however near to 0 the result is.
fn mmd(x: &[&[f64]], y: &[&[f64]], a: f64) -> f64 {
    let mean = |x: &[&[f64]], y: &[&[f64]]| {
        let mut sum = 0.0;
        for p in x {
            for q in y {
                sum += (-a * p.iter().zip(*q).map(|(p, q)| (p - q).powi(2)).sum::<f64>()).exp();
            }
        }
        sum / (x.len() * y.len()) as f64
    };
    mean(x, x) + mean(y, y) - 2.0 * mean(x, y)
}

#[test]
fn gaussian_mmd_is_its_definition() {
    let (x, y) = (waves((3, 4), 0.7, 0.1), waves((5, 4), 1.3, 0.5));
    let (xs, ys) = (flat(&x), flat(&y));
    let (p, q): (Vec<&[f64]>, Vec<&[f64]>) = (xs.chunks(4).collect(), ys.chunks(4).collect());
    let found = scalar(&gaussian_mmd(&x, &y, &[1.0, 0.1]).unwrap());
    assert!((found - mmd(&p, &q, 1.0) - mmd(&p, &q, 0.1)).abs() < 1e-12);
    // Of a set with itself it is 0, in f32 too and far from the origin.
    let far = waves((6, 8), 0.7, 0.1).affine(1.0, 100.0).unwrap().to_dtype(DType::F32).unwrap();
    assert!(scalar(&gaussian_mmd(&far, &far, &[1e-4]).unwrap()).abs() < 1e-6);
    assert!(gaussian_mmd(&x, &waves((5, 3), 1.0, 0.0), &[1.0]).is_err());
    assert!(gaussian_mmd(&x, &y, &[]).is_err());
    assert!(gaussian_mmd(&x, &waves((0, 4), 1.0, 0.0), &[1.0]).is_err());
}

/// Falling rows with gaps wide enough for finite differences, often closer together than the kernel is wide.
fn falling(n: usize, cells: usize, k: f64) -> Tensor {
    let gaps = (waves((n, cells), k, 0.3).sqr().unwrap() * 0.05).unwrap();
    sort_descending(&(gaps + 1e-3).unwrap().cumsum(1).unwrap(), cells).unwrap()
}

fn settings() -> impl Strategy<Value = SortedMmd> {
    (1_usize..40, 1_usize..25, 1_usize..6, 0.0_f64..300.0)
        .prop_map(|(window, stride, windows, exponent)| SortedMmd { window, stride, windows, exponent })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sorted_mmd_is_the_mean_over_windows(settings in settings(), n in 1_usize..4, more in 0_usize..3) {
        let cells = settings.cells() + more;
        for (dtype, rounding) in [(DType::F64, f64::EPSILON), (DType::F32, f64::from(f32::EPSILON))] {
            let [real, processed] = [0.7, 0.9].map(|k| falling(n, cells, k).to_dtype(dtype).unwrap());
            let rows = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec2::<f64>().unwrap();
            let mut expected = 0.0;
            for (real, processed) in rows(&real).iter().zip(rows(&processed)) {
                for w in 0..settings.windows {
                    let window = w * settings.stride..w * settings.stride + settings.window;
                    let real: Vec<_> = real[window.clone()].chunks(1).collect();
                    let processed: Vec<_> = processed[window].chunks(1).collect();
                    expected += mmd(&real, &processed, settings.exponent);
                }
            }
            expected /= (n * settings.windows) as f64;
            let found = scalar(&sorted_mmd(&real, &processed, &settings).unwrap());
            prop_assert!((found - expected).abs() < 4.0 * 4.0 * rounding, "{:?}: {} {}", dtype, found, expected);
        }
    }

    /// `calo-latent` owns the formula; the tensors of this crate must give the same numbers.
    #[test]
    fn latent_optimisation_agrees_with_that_of_arrays(
        n in 1_usize..5, latent_dim in 1_usize..9, alpha in 0.01..500.0_f64, beta in 0.01..5.0_f64,
        phase in 0.0..6.0_f64,
    ) {
        let (z, gradient) = (waves((n, latent_dim), 0.7, phase), waves((n, latent_dim), 1.9, 2.0 * phase));
        let array = |x: &Tensor| Array2::from_shape_vec((n, latent_dim), flat(x)).unwrap();
        let settings = LatentOptimisation { step: alpha, damping: beta, n_steps: 1 };
        let expected = settings.step(array(&z).view(), array(&gradient).view()).unwrap();
        let found = array(&latent_optimised(&z, &gradient, &settings).unwrap());
        prop_assert!((found - expected).iter().all(|difference| difference.abs() < 1e-12));
    }
}

#[test]
fn the_gradient_of_sorted_mmd_in_single_precision_agrees() {
    for (window, stride, windows) in [(5, 2, 4), (20, 5, 3), (3, 4, 3), (1, 1, 4)] {
        let settings = SortedMmd { window, stride, windows, exponent: 60.0 };
        let cells = settings.cells() + 2;
        let (real, processed) = (falling(2, cells, 0.7), falling(2, cells, 0.9));
        let gradient = |dtype| {
            let var = Var::from_tensor(&processed.to_dtype(dtype).unwrap()).unwrap();
            let loss = (sorted_mmd(&real.to_dtype(dtype).unwrap(), &var, &settings).unwrap() * 3.0).unwrap();
            backward(&loss).unwrap().get(&var).unwrap().clone()
        };
        assert!(off(&gradient(DType::F32), &gradient(DType::F64)) < 1e-5);
    }
}

#[test]
fn sorted_mmd_gives_the_same_bits_for_any_number_of_threads() {
    let bits = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let single = |k| falling(5, 2100, k).to_dtype(DType::F32).unwrap();
        let processed = Var::from_tensor(&single(0.9)).unwrap();
        pool.install(|| {
            let loss = sorted_mmd(&single(0.7), &processed, &SortedMmd::default()).unwrap();
            let gradient = backward(&loss).unwrap().get(&processed).unwrap().flatten_all().unwrap();
            (loss.to_scalar::<f32>().unwrap(), gradient.to_vec1::<f32>().unwrap())
        })
    };
    assert_eq!(bits(1), bits(2));
}

#[test]
fn sorted_mmd_names_what_is_wrong() {
    let x = falling(2, 30, 0.7);
    let small = SortedMmd { window: 10, stride: 5, windows: 3, exponent: 1.0 };
    let message = |x: &Tensor, y: &Tensor, s: SortedMmd| sorted_mmd(x, y, &s).unwrap_err().to_string();
    assert!(message(&x, &x, SortedMmd::default()).contains("at least 2075 for 80 windows of 100 every 25"));
    assert!(message(&x, &x, SortedMmd { windows: usize::MAX, ..small }).contains("fewer windows"));
    assert!(message(&x, &x, SortedMmd { stride: 0, ..small }).contains("sorted_mmd.stride"));
    assert!(message(&x, &x, SortedMmd { exponent: f64::NAN, ..small }).contains("sorted_mmd.exponent"));
    assert!(message(&x.neg().unwrap(), &x, small).contains("falling"));
    assert!(message(&(&x * f64::NAN).unwrap(), &x, small).contains("falling"));
    assert!(message(&x, &falling(1, 30, 0.7), small).contains("shape"));
    assert!(message(&x, &x.to_dtype(DType::F32).unwrap(), small).contains("element types"));
    assert!(message(&x.flatten_all().unwrap(), &x, small).contains("[n, cells]"));
    // No second derivative, and it says so.
    let var = Var::from_tensor(&x).unwrap();
    let error = input_gradient(&sorted_mmd(&x, &var, &small).unwrap(), &var).unwrap_err();
    assert!(error.to_string().contains("derivative is \"second\""), "{error}");
}

#[test]
fn sorted_differences_are_means_over_cells_and_showers() {
    let real = Tensor::new(&[[3.0, 1.0], [2.0, 0.0]], &Device::Cpu).unwrap();
    let processed = Tensor::new(&[[2.0, 1.5], [2.0, -2.0]], &Device::Cpu).unwrap();
    let found = sorted_difference(&real, &processed).unwrap();
    assert_eq!((scalar(&found.absolute), scalar(&found.squared)), (3.5 / 4.0, 5.25 / 4.0));
    // Cells that are empty in both pull nowhere: torch.abs has derivative 0 there, Candle's has 1.
    let empty = Var::from_tensor(&Tensor::zeros((1, 3), DType::F64, &Device::Cpu).unwrap()).unwrap();
    let absolute = sorted_difference(&empty.zeros_like().unwrap(), &empty).unwrap().absolute;
    assert_eq!(flat(backward(&absolute).unwrap().get(&empty).unwrap()), [0.0; 3]);
    assert!(sorted_difference(&real, &falling(2, 4, 0.7)).is_err());
}

#[test]
fn gradient_penalty_of_a_quadratic_critic_is_what_algebra_says() {
    // The score sum w x^2 has the gradient 2 w x.
    let (real, fake) = (waves((3, 2, 2), 0.7, 0.1), waves((3, 2, 2), 1.3, 0.5));
    let alpha = Tensor::new(&[[0.2], [0.9], [0.5]], &Device::Cpu).unwrap();
    let loss = |w: &Tensor| {
        let critic = |x: &Tensor| Ok(x.sqr()?.broadcast_mul(w)?.sum((1, 2))?);
        gradient_penalty(critic, &real, &fake, &alpha, 10.0).unwrap()
    };
    let w = waves((2, 2), 0.4, 0.8);
    let (r, f, weights) = (flat(&real), flat(&fake), flat(&w));
    let mut expected = 0.0;
    for (n, a) in flat(&alpha).into_iter().enumerate() {
        let x = |i: usize| a * r[4 * n + i] + (1.0 - a) * f[4 * n + i];
        let norm = (0..4).map(|i| (2.0 * weights[i] * x(i)).powi(2)).sum::<f64>().sqrt();
        expected += 10.0 * (norm - 1.0).powi(2) / 3.0;
    }
    assert!((scalar(&loss(&w)) - expected).abs() < 1e-12);
}

#[test]
fn gradient_penalty_of_a_pair_takes_one_norm_over_both() {
    // Of a critic of two inputs with the gradients 3 and 4 everywhere the norm is 5.
    let (x, y) = (waves((2, 1, 1), 0.7, 0.1), waves((2, 1), 1.3, 0.5));
    let critic = |inputs: &[Tensor]| -> Result<Tensor> {
        assert_eq!((inputs[0].dims(), inputs[1].dims()), (&[2, 1, 1][..], &[2, 1][..]));
        Ok((inputs[0].squeeze(2)? * 3.0)?.add(&(&inputs[1] * 4.0)?)?)
    };
    let alpha = Tensor::new(&[0.2, 0.9], &Device::Cpu).unwrap();
    let penalty = gradient_penalty_of_all(critic, &[&x, &y], &[&y.unsqueeze(2).unwrap(), &y], &alpha, 2.0);
    assert!((scalar(&penalty.unwrap()) - 32.0).abs() < 1e-12);
}

#[test]
fn gradient_penalty_of_a_flat_critic_is_one_without_nan() {
    let x = waves((2, 3), 0.7, 0.1);
    let alpha = Tensor::new(&[[0.2], [0.9]], &Device::Cpu).unwrap();
    let w = Var::from_tensor(&Tensor::zeros((1, 3), DType::F64, &Device::Cpu).unwrap()).unwrap();
    let penalty = gradient_penalty(|x| Ok(x.broadcast_mul(&w)?), &x, &x, &alpha, 10.0).unwrap();
    assert_eq!(scalar(&penalty), 10.0);
    assert_eq!(flat(backward(&penalty).unwrap().get(&w).unwrap()), [0.0; 3]);
}

#[test]
fn gradient_penalty_names_what_is_wrong() {
    let x = waves((2, 3), 0.7, 0.1);
    let alpha = waves((2, 1), 0.7, 0.1);
    let critic = |x: &Tensor| Ok(x.sqr()?);
    let message = |result: Result<Tensor>| result.unwrap_err().to_string();
    assert!(message(gradient_penalty(critic, &x, &waves((2, 4), 1.0, 0.0), &alpha, 1.0)).contains("fake"));
    assert!(message(gradient_penalty(critic, &x, &x, &waves((1, 2), 1.0, 0.0), 1.0)).contains("[2, 1]"));
    assert!(message(gradient_penalty(|_| Ok(alpha.clone()), &x, &x, &alpha, 1.0)).contains("independent"));
    let none = |_: &[Tensor]| Ok(alpha.clone());
    assert!(message(gradient_penalty_of_all(none, &[], &[], &alpha, 1.0)).contains("at least one"));
    assert!(message(gradient_penalty_of_all(none, &[&x], &[], &alpha, 1.0)).contains("as many"));
    let fails = |_: &Tensor| Err(Error::FirstOrderOnly);
    assert!(matches!(gradient_penalty(fails, &x, &x, &alpha, 1.0), Err(Error::FirstOrderOnly)));
}

#[test]
fn latent_steps_shorten_with_the_norm_and_stay_inside() {
    // |g|^2 = 25: alpha / (beta + 25) = 0.1 for alpha 2.6 and beta 1.
    let g = Tensor::new(&[[3.0, 4.0], [0.0, 0.0]], &Device::Cpu).unwrap();
    let settings = LatentOptimisation { step: 2.6, damping: 1.0, n_steps: 1 };
    let step = latent_step(&g, &settings).unwrap();
    assert!(off(&step, &Tensor::new(&[[0.3, 0.4], [0.0, 0.0]], &Device::Cpu).unwrap()) < 1e-12);
    let z = Tensor::new(&[[0.8, -0.2], [-1.0, 0.5]], &Device::Cpu).unwrap();
    let moved = latent_optimised(&z, &g, &settings).unwrap();
    assert!(off(&moved, &Tensor::new(&[[1.0, 0.2], [-1.0, 0.5]], &Device::Cpu).unwrap()) < 1e-12);
    let message = |settings: LatentOptimisation| latent_step(&g, &settings).unwrap_err().to_string();
    let text = message(LatentOptimisation { damping: 0.0, ..settings });
    assert_eq!(text, "field `latent_optimisation.damping`: 0; expected a finite number above 0");
    assert!(
        message(LatentOptimisation { step: f64::INFINITY, ..settings }).contains("latent_optimisation.step")
    );
    assert!(latent_step(&g.flatten_all().unwrap(), &settings).is_err());
    assert!(latent_optimised(&z, &waves((2, 3), 0.7, 0.1), &settings).is_err());
}
