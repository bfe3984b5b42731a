//! What every test here is made of: gradients, and gradients of gradients, along random directions.

use calo_tensor::Result;
use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{DType, Device, Tensor, Var};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Step of the differences, whose error is of its fourth order.
const STEP: f64 = 2e-5;

/// Largest error of a derivative, relative to the sum of the absolute terms that it is made of.
const TOLERANCE: f64 = 1e-6;

/// As many cases as a second or so has room for, always the same ones.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

/// Numbers from -1 to 1.
pub(crate) fn tensor(dims: &[usize], seed: u64) -> Tensor {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f64> = (0..dims.iter().product()).map(|_| random.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Largest difference of an element from what it should be, relative to its sum of absolute terms.
pub(crate) fn rounding(found: &Tensor, expected: &Tensor, absolute: &Tensor) -> f64 {
    assert_eq!((found.dims(), found.dims()), (expected.dims(), absolute.dims()));
    let (found, expected, absolute) = (values(found), values(expected), values(absolute));
    let errors = found.iter().zip(&expected).zip(&absolute);
    errors.fold(0.0, |worst: f64, ((a, b), size)| worst.max((a - b).abs() / size.max(1e-300)))
}

/// Terms of a sum that depends on every element of `y` in its own way, not linearly.
fn terms(y: &Tensor) -> Result<Tensor> {
    Ok(((y * tensor(y.dims(), 5))? + (y.sqr()? * 0.3)?)?)
}

/// Checks the gradients of `f`, and those of its gradient for each operand in turn: all second derivatives there are.
pub(crate) fn check_twice(
    operands: &[Tensor],
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<(), TestCaseError> {
    check_once(operands, &f)?;
    for first in 0..operands.len() {
        check("second", operands, |operands| {
            // The operand is what it is plus a variable at zero: so the gradient for that depends on the operand.
            let e = Var::zeros(operands[first].shape(), DType::F64, &Device::Cpu)?;
            let mut moved = operands.to_vec();
            moved[first] = (&operands[first] + e.as_tensor())?;
            let gradient = input_gradient(&terms(&f(&moved)?)?, &e)?;
            Ok((&gradient * tensor(gradient.dims(), 6))?)
        })?;
    }
    Ok(())
}

/// Checks the gradients of `f` for all operands.
pub(crate) fn check_once(
    operands: &[Tensor],
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<(), TestCaseError> {
    check("first", operands, |operands| terms(&f(operands)?))
}

/// Checks the gradients of a sum of `terms` along a random direction of each operand.
fn check(
    order: &str,
    operands: &[Tensor],
    terms: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<(), TestCaseError> {
    let vars: Vec<Var> = operands.iter().map(|operand| Var::from_tensor(operand).unwrap()).collect();
    let tracked: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let at_operands = terms(&tracked).unwrap();
    let gradients = backward(&at_operands.sum_all().unwrap()).unwrap();
    let size_of_sum: f64 = values(&at_operands).iter().map(|term| term.abs()).sum();
    for (idx, (operand, var)) in operands.iter().zip(&vars).enumerate() {
        let direction = tensor(operand.dims(), 7 + idx as u64);
        let along: Vec<f64> = match gradients.get(var.as_tensor()) {
            Some(gradient) => {
                prop_assert_eq!(gradient.dims(), operand.dims());
                values(&(gradient * &direction).unwrap())
            }
            // Nothing depends on it.
            None => Vec::new(),
        };
        let (found, size): (f64, f64) = (along.iter().sum(), along.iter().map(|term| term.abs()).sum());
        let moved = |by: f64| {
            let mut moved = operands.to_vec();
            moved[idx] = (operand + (&direction * by).unwrap()).unwrap();
            terms(&moved).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap()
        };
        let slope = |step: f64| (moved(step) - moved(-step)) / (2.0 * step);
        let (wide, narrow) = (slope(2.0 * STEP), slope(STEP));
        // The second part is for rounding, which a step as small as this brings out: in the sum, and before it, where
        // numbers as large as the operands, which are near 1, may cancel.
        let allowed = TOLERANCE * (size + 1e-3 * size_of_sum.max(1.0));
        if (wide - narrow).abs() > allowed.max(TOLERANCE * narrow.abs()) {
            return Err(TestCaseError::reject("a kink or a pole is near: differences do not converge"));
        }
        let expected = narrow + (narrow - wide) / 3.0;
        prop_assert!(
            (found - expected).abs() <= allowed,
            "{} derivative for operand {}: {}, by differences {}, allowed {}",
            order,
            idx,
            found,
            expected,
            allowed
        );
    }
    Ok(())
}
