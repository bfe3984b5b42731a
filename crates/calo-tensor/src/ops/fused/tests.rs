//! A chain against the operations that it is made of, one after another.

use candle_core::backprop::GradStore;
use candle_core::{Device, Var};

use super::*;
use crate::autograd::{backward, input_gradient};
use crate::ops::{conv_transpose3d, conv3d};

const STRIDES: [[usize; 3]; 2] = [[1, 2, 1], [2, 1, 2]];
const PADDING: [usize; 3] = [1, 0, 1];
const SLOPES: [f64; 2] = [0.2, 0.1];

/// Numbers of no pattern.
fn waves(dims: &[usize], k: f64) -> Tensor {
    let values: Vec<f64> = (0..dims.iter().product::<usize>()).map(|i| (k * i as f64 + k).sin()).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// Input, weight and bias of a convolution, affine of a normalisation, weight of a transposed convolution.
fn operands() -> Vec<Var> {
    let dims: [&[usize]; 6] =
        [&[2, 3, 4, 5, 3], &[4, 3, 2, 3, 2], &[4], &[5, 2, 4], &[5, 2, 4], &[4, 2, 3, 2, 2]];
    let ks = [0.71, 1.31, 0.93, 0.57, 1.71, 2.3];
    dims.iter().zip(ks).map(|(dims, k)| Var::from_tensor(&waves(dims, k)).unwrap()).collect()
}

fn tensors(vars: &[Var]) -> Vec<Tensor> {
    vars.iter().map(|var| var.as_tensor().clone()).collect()
}

fn chained(o: &[Tensor]) -> Result<Tensor> {
    let mut chain = FusedOps::new(&o[0])?;
    chain.convolve(Conv3d::convolution(chain.last(), &o[1], STRIDES[0], PADDING)?, &o[1], Some(&o[2]))?;
    chain.normalise(&o[3], &o[4], SLOPES[0])?;
    chain.convolve(Conv3d::transposed(chain.last(), &o[5], STRIDES[1], PADDING, [1, 0, 0])?, &o[5], None)?;
    chain.leaky_relu(SLOPES[1])?;
    chain.finish()
}

fn unchained(o: &[Tensor]) -> Result<Tensor> {
    let y = conv3d(&o[0], &o[1], Some(&o[2]), STRIDES[0], PADDING)?;
    let y = layer_norm::layer_norm(&y, &o[3], &o[4], Some(SLOPES[0]))?;
    leaky_relu(&conv_transpose3d(&y, &o[5], None, STRIDES[1], PADDING, [1, 0, 0])?, SLOPES[1])
}

/// A loss that depends on every element in its own way, not linearly.
fn loss(y: &Tensor) -> Tensor {
    (y.sqr().unwrap() * waves(y.dims(), 0.37)).unwrap().sum_all().unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Largest difference, relative to the largest value.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.dims(), expected.dims());
    let (found, expected) = (values(found), values(expected));
    let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    assert!(largest > 0.0, "nothing to compare");
    found.iter().zip(&expected).fold(0.0, |worst: f64, (a, b)| worst.max((a - b).abs())) / largest
}

/// All gradients, by one of the ways to ask for them.
fn gradients(vars: &[Var], store: &GradStore) -> Vec<Vec<f64>> {
    vars.iter().map(|var| values(store.get(var.as_tensor()).unwrap())).collect()
}

#[test]
fn values_and_gradients_are_those_of_the_operations() {
    let vars = operands();
    let (chained, unchained) = (chained(&tensors(&vars)).unwrap(), unchained(&tensors(&vars)).unwrap());
    assert_eq!(values(&chained), values(&unchained));
    let expected = gradients(&vars, &backward(&loss(&unchained)).unwrap());
    // Weights' gradients go round the chain here ...
    assert_eq!(gradients(&vars, &backward(&loss(&chained)).unwrap()), expected);
    // ... and through it where Candle is called directly.
    assert_eq!(gradients(&vars, &loss(&chained).backward().unwrap()), expected);
}

/// What is differentiated first, and then again with [`loss`] of its gradient for the input.
type Scores<'a> = &'a dyn Fn(&Tensor) -> Tensor;

/// The gradient for the input and what it gives for each of `vars`, with `operands` made of those.
fn penalty(
    vars: &[Var],
    operands: &[Tensor],
    run: fn(&[Tensor]) -> Result<Tensor>,
    scores: Scores<'_>,
) -> (Tensor, Vec<Option<Tensor>>) {
    let gradient = input_gradient(&scores(&run(operands).unwrap()), &vars[0]).unwrap();
    let store = backward(&loss(&gradient)).unwrap();
    (gradient, vars.iter().map(|var| store.get(var.as_tensor()).cloned()).collect())
}

#[test]
fn second_derivatives_are_those_of_the_operations() {
    let vars = operands();
    let trained = tensors(&vars);
    let computed: Vec<Tensor> = trained[..1]
        .iter()
        .cloned()
        .chain(trained[1..].iter().map(|tensor| (tensor * 1.5).unwrap()))
        .collect();
    let frozen: Vec<Tensor> =
        trained[..1].iter().cloned().chain(trained[1..].iter().map(Tensor::detach)).collect();
    let some: Vec<Tensor> =
        (0..trained.len()).map(|i| if i < 3 { trained[i].clone() } else { trained[i].detach() }).collect();
    // The gradient that comes into a linear one is a constant.
    let linear = |y: &Tensor| (y * waves(y.dims(), 0.37)).unwrap().sum_all().unwrap();
    let cases: [(&str, &[Tensor], Scores<'_>); 5] = [
        ("trained", &trained, &loss),
        ("linear", &trained, &linear),
        ("computed", &computed, &loss),
        ("frozen", &frozen, &linear),
        ("some frozen", &some, &linear),
    ];
    for (case, operands, scores) in cases {
        let [(found, found_second), (expected, expected_second)] =
            [chained, unchained].map(|run| penalty(&vars, operands, run, scores));
        assert_eq!(values(&found), values(&expected), "{case}");
        // Gradients meet in another order. That of the bias is 0 but for rounding: the normalisation takes it away.
        let all = expected_second.iter().flatten().flat_map(values);
        let largest = all.fold(0.0, |largest: f64, x| largest.max(x.abs()));
        assert!(largest > 0.0, "{case}: nothing to compare");
        for (which, (found, expected)) in found_second.iter().zip(&expected_second).enumerate() {
            let Some(expected) = expected else {
                // Those that nothing reaches are left out, or 0.
                assert!(
                    found.as_ref().is_none_or(|found| values(found).iter().all(|x| *x == 0.0)),
                    "{case}: {which}"
                );
                continue;
            };
            for (a, b) in values(found.as_ref().unwrap()).into_iter().zip(values(expected)) {
                assert!((a - b).abs() < 1e-14 * largest, "{case}, operand {which}: {a} instead of {b}");
            }
        }
    }
}

/// The gradient of a chain without normalisation does not depend on its input, which is a node of the graph all the same.
#[test]
fn second_derivatives_of_a_chain_that_is_linear_but_for_kinks() {
    fn input(o: &[Tensor]) -> Tensor {
        (o[0].reshape((2, 3, 4, 15)).unwrap() * 1.0).unwrap().reshape((2, 3, 4, 5, 3)).unwrap()
    }
    fn plain(o: &[Tensor]) -> Result<Tensor> {
        let mut chain = FusedOps::new(&input(o))?;
        chain.convolve(Conv3d::convolution(chain.last(), &o[1], STRIDES[0], PADDING)?, &o[1], Some(&o[2]))?;
        chain.leaky_relu(SLOPES[0])?;
        chain.convolve(
            Conv3d::transposed(chain.last(), &o[5], STRIDES[1], PADDING, [1, 0, 0])?,
            &o[5],
            None,
        )?;
        chain.leaky_relu(SLOPES[1])?;
        chain.finish()
    }
    fn one_by_one(o: &[Tensor]) -> Result<Tensor> {
        let y = leaky_relu(&conv3d(&input(o), &o[1], Some(&o[2]), STRIDES[0], PADDING)?, SLOPES[0])?;
        leaky_relu(&conv_transpose3d(&y, &o[5], None, STRIDES[1], PADDING, [1, 0, 0])?, SLOPES[1])
    }
    let vars = operands();
    let linear = |y: &Tensor| (y * waves(y.dims(), 0.37)).unwrap().sum_all().unwrap();
    for scores in [&loss as Scores<'_>, &linear] {
        let [(found, found_second), (expected, expected_second)] =
            [plain, one_by_one].map(|run| penalty(&vars, &tensors(&vars), run, scores));
        assert!(difference(&found, &expected) < 1e-14);
        for which in [1, 5] {
            let [found, expected] = [&found_second, &expected_second].map(|all| all[which].as_ref().unwrap());
            assert!(difference(found, expected) < 1e-12, "operand {which}");
        }
    }
}

#[test]
fn third_derivatives_are_refused() {
    let vars = operands();
    let first = input_gradient(&loss(&chained(&tensors(&vars)).unwrap()), &vars[0]).unwrap();
    let error = input_gradient(&loss(&first), &vars[0]).unwrap_err().to_string();
    assert!(error.contains("order of the derivative") && error.contains("first or second"), "{error}");
}

/// One weight in two links and in the loss: what is left beside the graph and what comes through it add up.
#[test]
fn gradients_of_a_weight_used_more_than_once_add_up() {
    let (x, weight) = (waves(&[2, 3, 2, 3, 4], 0.7), waves(&[3, 3, 1, 2, 1], 1.3));
    let convolve = |chain: &mut FusedOps, weight: &Tensor| -> Result<()> {
        chain.convolve(Conv3d::convolution(chain.last(), weight, [1; 3], [0; 3])?, weight, None)?;
        chain.leaky_relu(SLOPES[0])
    };
    let run = |weights: [&Tensor; 3]| -> Result<GradStore> {
        let mut chain = FusedOps::new(&x)?;
        convolve(&mut chain, weights[0])?;
        convolve(&mut chain, weights[1])?;
        backward(&(loss(&chain.finish()?) + loss(weights[2]))?)
    };
    let apart: [Var; 3] = std::array::from_fn(|_| Var::from_tensor(&weight).unwrap());
    let store = run(apart.each_ref().map(Var::as_tensor)).unwrap();
    let parts = apart.each_ref().map(|var| store.get(var.as_tensor()).unwrap().clone());
    let expected = ((&parts[0] + &parts[1]).unwrap() + &parts[2]).unwrap();

    let shared = Var::from_tensor(&weight).unwrap();
    let found = run([shared.as_tensor(); 3]).unwrap();
    let found = found.get(shared.as_tensor()).unwrap();
    for part in &parts {
        assert!(difference(found, part) > 1e-3, "one part is all there is");
    }
    assert!(difference(found, &expected) < 1e-13);
}

#[test]
fn a_weight_that_is_computed_passes_its_gradient_on() {
    let vars = operands();
    let computed = |run: fn(&[Tensor]) -> Result<Tensor>| {
        let o: Vec<Tensor> = tensors(&vars).iter().map(|tensor| (tensor * 1.5).unwrap()).collect();
        gradients(&vars, &backward(&loss(&run(&o).unwrap())).unwrap())
    };
    assert_eq!(computed(chained), computed(unchained));
}

/// Each operation alone, and none at all.
#[test]
fn a_chain_of_one_is_its_operation() {
    let vars = operands();
    let o = tensors(&vars);
    let (weight, bias) = (waves(&[4, 5, 3], 0.3), waves(&[4, 5, 3], 0.4));
    let (weight, bias) = (Var::from_tensor(&weight).unwrap(), Var::from_tensor(&bias).unwrap());
    type Append<'a> = &'a dyn Fn(&mut FusedOps) -> Result<()>;
    let convolution = |chain: &mut FusedOps| {
        chain.convolve(Conv3d::convolution(chain.last(), &o[1], STRIDES[0], PADDING)?, &o[1], Some(&o[2]))
    };
    let cases: [(Append<'_>, Tensor, Vec<&Var>); 4] = [
        (
            &convolution,
            conv3d(&o[0], &o[1], Some(&o[2]), STRIDES[0], PADDING).unwrap(),
            vec![&vars[0], &vars[1], &vars[2]],
        ),
        (
            &|chain| chain.normalise(&weight, &bias, SLOPES[0]),
            layer_norm::layer_norm(&o[0], &weight, &bias, Some(SLOPES[0])).unwrap(),
            vec![&vars[0], &weight, &bias],
        ),
        (&|chain| chain.leaky_relu(SLOPES[1]), leaky_relu(&o[0], SLOPES[1]).unwrap(), vec![&vars[0]]),
        (&|_| Ok(()), o[0].clone(), vec![&vars[0]]),
    ];
    for (append, expected, operands) in cases {
        let mut chain = FusedOps::new(&o[0]).unwrap();
        append(&mut chain).unwrap();
        let found = chain.finish().unwrap();
        assert_eq!(values(&found), values(&expected));
        let (found, expected) = (backward(&loss(&found)).unwrap(), backward(&loss(&expected)).unwrap());
        for var in operands {
            assert_eq!(
                values(found.get(var.as_tensor()).unwrap()),
                values(expected.get(var.as_tensor()).unwrap())
            );
        }
    }
}

#[test]
fn only_what_wants_a_gradient_gets_one() {
    let vars = operands();
    let frozen: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().detach()).collect();
    let y = chained(&frozen).unwrap();
    assert!(!y.track_op());
    assert_eq!(values(&y), values(&unchained(&frozen).unwrap()));

    // The last weight alone: links before it depend on nothing that wants a gradient.
    let mut o = frozen.clone();
    o[5] = vars[5].as_tensor().clone();
    let [found, expected] = [chained, unchained].map(|run| {
        let store = backward(&loss(&run(&o).unwrap())).unwrap();
        assert!(vars[..5].iter().all(|var| store.get(var.as_tensor()).is_none()));
        values(store.get(vars[5].as_tensor()).unwrap())
    });
    assert_eq!(found, expected);

    // The input alone, through frozen weights: a generator seen by its critic.
    let mut o = frozen;
    o[0] = vars[0].as_tensor().clone();
    let [found, expected] = [chained, unchained]
        .map(|run| values(backward(&loss(&run(&o).unwrap())).unwrap().get(vars[0].as_tensor()).unwrap()));
    assert_eq!(found, expected);
}
