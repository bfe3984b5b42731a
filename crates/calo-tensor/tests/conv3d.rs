//! 3-D convolutions against plain loops, their derivatives against finite differences, and the same bits for any
//! number of threads.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's report")]

use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{DType, Device, Tensor, Var};
use calo_tensor::ops::{Kernels, conv_transpose3d, conv3d, conv3d_weight_gradient, with_kernels};
use calo_tensor::{Error, Result};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// All ways to compute a product, whichever the sizes would choose.
const KERNELS: [Kernels; 4] = [Kernels::Positions, Kernels::Channels, Kernels::Unpadded, Kernels::Matrices];

/// A convolution, small or not.
#[derive(Debug, Clone, Copy)]
struct Case {
    samples: usize,
    channels: [usize; 2],
    input: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
    seed: u64,
}

impl Case {
    fn output(&self) -> [usize; 3] {
        std::array::from_fn(|a| (self.input[a] + 2 * self.padding[a] - self.kernel[a]) / self.stride[a] + 1)
    }

    /// What the transposed convolution has to add to find back to the input.
    fn output_padding(&self) -> [usize; 3] {
        std::array::from_fn(|a| (self.input[a] + 2 * self.padding[a] - self.kernel[a]) % self.stride[a])
    }

    fn x(&self) -> Vec<usize> {
        [self.samples, self.channels[0]].into_iter().chain(self.input).collect()
    }

    fn w(&self) -> Vec<usize> {
        [self.channels[1], self.channels[0]].into_iter().chain(self.kernel).collect()
    }

    fn y(&self) -> Vec<usize> {
        [self.samples, self.channels[1]].into_iter().chain(self.output()).collect()
    }

    /// The three products of the case.
    fn product(&self, which: usize, a: &Tensor, b: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        match which {
            0 => conv3d(a, b, bias, self.stride, self.padding),
            1 => conv_transpose3d(a, b, bias, self.stride, self.padding, self.output_padding()),
            _ => conv3d_weight_gradient(a, b, self.kernel, self.stride, self.padding),
        }
    }

    /// Shapes of the factors of a product, and of its result.
    fn shapes(&self, which: usize) -> [Vec<usize>; 3] {
        match which {
            0 => [self.x(), self.w(), self.y()],
            1 => [self.y(), self.w(), self.x()],
            _ => [self.x(), self.y(), self.w()],
        }
    }
}

/// Cases up to these channels and lengths.
fn case(max_channels: usize, max_input: usize) -> impl Strategy<Value = Case> {
    let axis = (1..=max_input, 1..=4usize, 1..=3usize, 0..=3usize)
        .prop_filter("the kernel fits", |(input, kernel, _, padding)| input + 2 * padding >= *kernel);
    (1..=3usize, 1..=max_channels, 1..=max_channels, [axis.clone(), axis.clone(), axis], any::<u64>())
        .prop_map(|(samples, from, to, axes, seed)| Case {
            samples,
            channels: [from, to],
            input: axes.map(|axis| axis.0),
            kernel: axes.map(|axis| axis.1),
            stride: axes.map(|axis| axis.2),
            padding: axes.map(|axis| axis.3),
            seed,
        })
}

fn random(rng: &mut ChaCha8Rng, shape: &[usize]) -> Tensor {
    let elements: Vec<f64> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(elements, shape, &Device::Cpu).unwrap()
}

fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// A product by plain loops over the trilinear form: its values, and the sums of the absolute terms. Rounding errors grow with
/// the latter; signs may cancel in the former.
fn naive(case: &Case, which: usize, a: &Tensor, b: &Tensor) -> (Vec<f64>, Vec<f64>) {
    let index = |shape: &[usize], at: [usize; 5]| at.iter().zip(shape).fold(0, |sum, (&i, &n)| sum * n + i);
    let (x, w, y) = (case.x(), case.w(), case.y());
    let (a, b) = (values(a), values(b));
    let mut result = vec![0.0; case.shapes(which)[2].iter().product()];
    let mut absolute = result.clone();
    let ranges = [y[0], w[0], w[1], w[2], w[3], w[4], y[2], y[3], y[4]];
    for flat in 0..ranges.iter().product::<usize>() {
        let mut at = [0; 9];
        let mut rest = flat;
        for (at, &n) in at.iter_mut().zip(&ranges).rev() {
            *at = rest % n;
            rest /= n;
        }
        let [n, o, i, kernel @ .., pd, ph, pw] = at;
        let place: Option<Vec<usize>> = [pd, ph, pw]
            .iter()
            .zip(kernel)
            .enumerate()
            .map(|(axis, (p, k))| {
                let place = (p * case.stride[axis] + k).checked_sub(case.padding[axis])?;
                (place < case.input[axis]).then_some(place)
            })
            .collect();
        let Some(place) = place else { continue };
        let x_idx = index(&x, [n, i, place[0], place[1], place[2]]);
        let w_idx = index(&w, [o, i, kernel[0], kernel[1], kernel[2]]);
        let y_idx = index(&y, [n, o, pd, ph, pw]);
        let (idx, term) = match which {
            0 => (y_idx, a[x_idx] * b[w_idx]),
            1 => (x_idx, a[y_idx] * b[w_idx]),
            _ => (w_idx, a[x_idx] * b[y_idx]),
        };
        result[idx] += term;
        absolute[idx] += term.abs();
    }
    (result, absolute)
}

/// Largest difference, relative to the largest value.
fn difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-30, |largest: f64, x| largest.max(x.abs()));
    found.iter().zip(expected).fold(0.0, |worst: f64, (a, b)| worst.max((a - b).abs())) / largest
}

/// Largest error of a value, relative to the sum of the absolute terms that value is made of.
fn rounding(found: &[f64], (expected, absolute): &(Vec<f64>, Vec<f64>)) -> f64 {
    assert_eq!(found.len(), expected.len());
    let errors = found.iter().zip(expected).zip(absolute);
    errors.fold(0.0, |worst: f64, ((a, b), size)| worst.max((a - b).abs() / size.max(1e-30)))
}

/// Compares all products with plain loops, in both precisions, at 16 times their spacing.
fn check_values(case: &Case) {
    let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
    for which in 0..3 {
        let [a, b, result] = case.shapes(which);
        let (a, b) = (random(&mut rng, &a), random(&mut rng, &b));
        let expected = naive(case, which, &a, &b);
        for (dtype, tolerance) in
            [(DType::F64, 16.0 * f64::EPSILON), (DType::F32, 16.0 * f64::from(f32::EPSILON))]
        {
            let (a, b) = (a.to_dtype(dtype).unwrap(), b.to_dtype(dtype).unwrap());
            for kernels in KERNELS {
                let found = with_kernels(kernels, || case.product(which, &a, &b, None)).unwrap();
                assert_eq!(found.dims(), result, "product {which} of {case:?}, {kernels:?}");
                let worst = rounding(&values(&found), &expected);
                assert!(worst < tolerance, "product {which} of {case:?}, {dtype:?}, {kernels:?}: {worst}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn small_products_are_those_of_plain_loops(case in case(4, 6)) {
        check_values(&case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Many channels, so that panels of every width occur.
    #[test]
    fn products_of_many_channels_are_those_of_plain_loops(case in case(70, 4)) {
        check_values(&case);
    }

    /// Long rows, so that strips and blocks of planes end within.
    #[test]
    fn products_of_long_rows_are_those_of_plain_loops(case in case(3, 5), length in 40..300usize, axis in 0..3usize) {
        let mut case = case;
        case.input[axis] = length;
        check_values(&case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// One position at a time, where the input is the matrix; single channels among them.
    #[test]
    fn pointwise_products_are_those_of_plain_loops(
        case in case(40, 14),
        from in prop_oneof![Just(1), 1..40usize],
        to in prop_oneof![Just(1), 1..40usize],
    ) {
        let (kernel, stride, padding) = ([1; 3], [1; 3], [0; 3]);
        check_values(&Case { channels: [from, to], kernel, stride, padding, ..case });
    }
}

/// More rows than are summed at a time, and more channels than a task of the weight's gradient takes.
#[test]
fn long_sums_are_those_of_plain_loops() {
    check_values(&Case {
        samples: 2,
        channels: [40, 33],
        input: [4, 5, 6],
        kernel: [3, 3, 3],
        stride: [1, 2, 1],
        padding: [1, 1, 0],
        seed: 1,
    });
    check_values(&Case {
        samples: 9,
        channels: [1, 130],
        input: [9, 6, 7],
        kernel: [1, 1, 1],
        stride: [1, 1, 1],
        padding: [0, 0, 0],
        seed: 2,
    });
}

#[test]
fn a_bias_is_added_to_channels_or_to_samples_and_channels() {
    for kernels in KERNELS {
        with_kernels(kernels, || check_bias([2, 2, 2], [1, 2, 3], [1; 3]));
        with_kernels(kernels, || check_bias([1; 3], [1; 3], [0; 3]));
    }
}

fn check_bias(kernel: [usize; 3], stride: [usize; 3], padding: [usize; 3]) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let [d, h, w] = kernel;
    let (x, w, wt) = (
        random(&mut rng, &[2, 3, 4, 5, 6]),
        random(&mut rng, &[7, 3, d, h, w]),
        random(&mut rng, &[3, 7, d, h, w]),
    );
    let rest = stride.map(|stride| stride - 1);
    for (bias, shape) in [(vec![7], [1, 7, 1, 1, 1]), (vec![2, 7], [2, 7, 1, 1, 1])] {
        let bias = random(&mut rng, &bias);
        let spread = bias.reshape(&shape).unwrap();
        let with = conv3d(&x, &w, Some(&bias), stride, padding).unwrap();
        let without = conv3d(&x, &w, None, stride, padding).unwrap().broadcast_add(&spread).unwrap();
        assert!(difference(&values(&with), &values(&without)) < 1e-14);
        let with = conv_transpose3d(&x, &wt, Some(&bias), stride, [0; 3], rest).unwrap();
        let without = conv_transpose3d(&x, &wt, None, stride, [0; 3], rest).unwrap();
        let without = without.broadcast_add(&spread).unwrap();
        assert!(difference(&values(&with), &values(&without)) < 1e-14);
    }
}

/// `sum(c * result^3) / 3`: its first and second derivatives depend on everything.
fn scores(case: &Case, which: usize, operands: &[Tensor], c: &Tensor) -> Tensor {
    let result = case.product(which, &operands[0], &operands[1], operands.get(2)).unwrap();
    let cube = ((&result * &result).unwrap() * &result).unwrap();
    ((cube * c).unwrap().sum_all().unwrap() / 3.0).unwrap()
}

/// `sum(r * gradient of scores for the first operand)`.
fn second_scores(case: &Case, which: usize, operands: &[Tensor], c: &Tensor, r: &Tensor) -> (Tensor, Var) {
    let first = Var::from_tensor(&operands[0]).unwrap();
    let mut operands = operands.to_vec();
    operands[0] = first.as_tensor().clone();
    let gradient = input_gradient(&scores(case, which, &operands, c), &first).unwrap();
    ((gradient * r).unwrap().sum_all().unwrap(), first)
}

/// Compares gradients with differences along random directions.
fn check_derivatives(case: &Case, which: usize, bias: Option<&[usize]>) {
    let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
    let [a, b, result] = case.shapes(which);
    let mut operands = vec![random(&mut rng, &a), random(&mut rng, &b)];
    operands.extend(bias.map(|bias| random(&mut rng, bias)));
    let (c, r) = (random(&mut rng, &result), random(&mut rng, &a));
    let step = 1e-5;
    for order in [1, 2] {
        let vars: Vec<Var> = operands.iter().map(|operand| Var::from_tensor(operand).unwrap()).collect();
        let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        let loss = |operands: &[Tensor]| match order {
            1 => (scores(case, which, operands, &c), None),
            _ => {
                let (loss, first) = second_scores(case, which, operands, &c, &r);
                (loss, Some(first))
            }
        };
        let (value, first) = loss(&tensors);
        let gradients = backward(&value).unwrap();
        for (idx, operand) in operands.iter().enumerate() {
            let var = if idx == 0 { first.as_ref().unwrap_or(&vars[0]) } else { &vars[idx] };
            let gradient = gradients.get(var.as_tensor()).expect("every operand has a gradient");
            let direction = random(&mut rng, operand.dims());
            let along = |sign: f64| {
                let mut moved = operands.clone();
                moved[idx] = (operand + (&direction * (sign * step)).unwrap()).unwrap();
                loss(&moved).0.to_scalar::<f64>().unwrap()
            };
            let expected = (along(1.0) - along(-1.0)) / (2.0 * step);
            let found = (gradient * &direction).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
            let scale = values(gradient).iter().map(|x| x * x).sum::<f64>().sqrt() + 1e-3;
            assert!(
                (found - expected).abs() < 1e-5 * scale,
                "order {order}, operand {idx}, product {which} of {case:?}: {found}, {expected} by differences"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn derivatives_are_those_of_finite_differences(case in case(3, 4), per_sample in any::<bool>()) {
        for kernels in KERNELS {
            with_kernels(kernels, || {
                for which in 0..3 {
                    check_derivatives(&case, which, None);
                }
                for (which, channels) in [(0, case.channels[1]), (1, case.channels[0])] {
                    let bias = if per_sample { vec![case.samples, channels] } else { vec![channels] };
                    check_derivatives(&case, which, Some(&bias));
                }
            });
        }
    }
}

/// An ordinary pass leaves nothing behind that could be differentiated, an input gradient does.
#[test]
fn only_input_gradients_keep_their_graph() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let x = Var::from_tensor(&random(&mut rng, &[1, 2, 4, 4, 4])).unwrap();
    let w = Var::from_tensor(&random(&mut rng, &[3, 2, 3, 3, 3])).unwrap();
    let y = conv3d(x.as_tensor(), w.as_tensor(), None, [1; 3], [0; 3]).unwrap();
    let loss = y.sqr().unwrap().sum_all().unwrap();
    let gradient = input_gradient(&loss, &x).unwrap();
    assert!(gradient.track_op());
}

#[test]
fn results_are_the_same_bits_for_any_number_of_threads() {
    let odd = Case {
        samples: 3,
        channels: [5, 19],
        input: [11, 12, 13],
        kernel: [3, 4, 2],
        stride: [1, 2, 1],
        padding: [1, 2, 0],
        seed: 5,
    };
    let pointwise = |channels| Case { channels, kernel: [1; 3], stride: [1; 3], padding: [0; 3], ..odd };
    for case in [odd, pointwise([70, 40]), pointwise([1, 70]), pointwise([70, 1])] {
        for kernels in KERNELS {
            check_threads(&case, kernels);
        }
    }
}

fn check_threads(case: &Case, kernels: Kernels) {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
    for which in 0..3 {
        let [a, b, _] = case.shapes(which);
        let single = |x: Tensor| x.to_dtype(DType::F32).unwrap();
        let (a, b) = (single(random(&mut rng, &a)), single(random(&mut rng, &b)));
        let product = || with_kernels(kernels, || case.product(which, &a, &b, None));
        let bits = |threads| -> Vec<u32> {
            let result = pool(threads).install(product).unwrap();
            result.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
        };
        assert_eq!(bits(1), bits(2), "product {which} of {case:?}, {kernels:?}");
    }
}

/// Operands may be views.
#[test]
fn strided_operands_are_made_contiguous() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let x = random(&mut rng, &[2, 6, 5, 4, 3]);
    let w = random(&mut rng, &[2, 3, 3, 2, 3]);
    let view = x.transpose(1, 4).unwrap();
    let (view, w) = (view.narrow(1, 0, 3).unwrap(), w.transpose(3, 4).unwrap());
    let found = conv3d(&view, &w, None, [1; 3], [1; 3]).unwrap();
    let (x, w) = (view.contiguous().unwrap(), w.contiguous().unwrap());
    assert_eq!(values(&found), values(&conv3d(&x, &w, None, [1; 3], [1; 3]).unwrap()));
}

#[test]
fn errors_name_what_is_wrong() {
    let zeros = |shape: &[usize], dtype| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
    let f32s = |shape: &[usize]| zeros(shape, DType::F32);
    let x = f32s(&[2, 3, 4, 4, 4]);
    let w = f32s(&[5, 3, 2, 2, 2]);
    let plain = |x: &Tensor, w: &Tensor| conv3d(x, w, None, [1; 3], [0; 3]);
    let transposed =
        |x: &Tensor, w: &Tensor, padding, out| conv_transpose3d(x, w, None, [2; 3], padding, out);
    let wide = zeros(&[2, 3, 4, 4, 4], DType::F64);
    let cases = [
        (plain(&f32s(&[3, 4, 4, 4]), &w), "conv3d: the input is [3, 4, 4, 4]; expected five axes"),
        (plain(&f32s(&[0, 3, 4, 4, 4]), &w), "expected five axes, none of them empty"),
        (plain(&zeros(&[2, 3, 4, 4, 4], DType::U8), &w), "the input is U8; expected f32 or f64"),
        (plain(&wide, &w), "the weight's type is F32; expected F64"),
        (plain(&x, &f32s(&[5, 4, 2, 2, 2])), "the input's shape is [2, 3, 4, 4, 4]; expected 4 channels"),
        (plain(&x, &f32s(&[5, 3, 2, 5, 2])), "the kernel is [2, 5, 2]; expected at most 4 on axis 1"),
        (plain(&x, &f32s(&[5, 3, 0, 2, 2])), "the weight is [5, 3, 0, 2, 2]"),
        (conv3d(&x, &w, None, [1, 0, 1], [0; 3]), "the stride is [1, 0, 1]; expected at least 1"),
        (conv3d(&x, &w, None, [1; 3], [usize::MAX; 3]), "the padding is"),
        (
            conv3d(&x, &w, Some(&f32s(&[4])), [1; 3], [0; 3]),
            "the bias's shape is [4]; expected [5], or [2, 5]",
        ),
        (
            conv3d(&x, &w, Some(&zeros(&[5], DType::F64)), [1; 3], [0; 3]),
            "the bias's type is F64; expected F32",
        ),
        (
            transposed(&x, &w, [0; 3], [0; 3]),
            "conv_transpose3d: the input's shape is [2, 3, 4, 4, 4]; expected 5",
        ),
        (
            transposed(&f32s(&[2, 5, 4, 4, 4]), &w, [0; 3], [0, 2, 0]),
            "the output padding is [0, 2, 0]; expected less than the stride, 2, on axis 1",
        ),
        (transposed(&f32s(&[2, 5, 1, 4, 4]), &w, [1, 0, 0], [0; 3]), "the padding is [1, 0, 0]"),
        (
            conv3d_weight_gradient(&x, &f32s(&[2, 5, 3, 3, 4]), [2; 3], [1; 3], [0; 3]),
            "the output's gradient is [2, 5, 3, 3, 4]; expected [2, 5, 3, 3, 3]",
        ),
        (
            conv3d_weight_gradient(&x, &f32s(&[1, 5, 3, 3, 3]), [2; 3], [1; 3], [0; 3]),
            "the output's gradient is [1, 5, 3, 3, 3]; expected [2, 5, 3, 3, 3]",
        ),
    ];
    for (result, expected) in cases {
        let error = result.expect_err(expected);
        assert!(matches!(error, Error::Operand { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}\nexpected: {expected}");
    }
}
