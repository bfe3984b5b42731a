//! Operations whose gradients are their own or made of Candle's.

use calo_tensor::candle::{DType, Tensor};
use calo_tensor::ops::{
    BatchDifference, batch_difference, batch_norm, batch_statistics, layer_norm, leaky_relu, linear,
    locally_connected, log_scaled, minibatch_discrimination, minibatch_standard_deviation, softplus,
    sort_descending, spectral_norm,
};
use proptest::prelude::*;

use crate::differences::{cases, check_once, check_twice, rounding, tensor};

/// `tensor` with all values in 0.5 .. 2.5.
fn positive(dims: &[usize], seed: u64) -> Tensor {
    (tensor(dims, seed) + 1.5).unwrap()
}

/// Length, kernel, stride and padding of an axis.
fn axis() -> impl Strategy<Value = [usize; 4]> {
    (1..=4_usize, 1..=3_usize, 1..=3_usize, 0..=2_usize)
        .prop_map(|(length, kernel, stride, padding)| [length, kernel, stride, padding])
        .prop_filter("the kernel fits", |[length, kernel, _, padding]| length + 2 * padding >= *kernel)
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn layer_norm_differentiates_twice(
        samples in 1_usize..4, channels in 1_usize..4, dims in prop::array::uniform3(1_usize..5),
        slope in prop::option::of(prop::sample::select(vec![0.0, 0.2])), seed in 1_u64..1000,
    ) {
        // One element per row has no spread: its gradient is noise about zero.
        prop_assume!(dims.iter().product::<usize>() > 1);
        let x = tensor(&[samples, channels, dims[0], dims[1], dims[2]], seed);
        check_twice(&[x, positive(&dims, seed + 1), tensor(&dims, seed + 2)], |o| {
            layer_norm(&o[0], &o[1], &o[2], slope)
        })?;
    }

    #[test]
    fn layer_norm_with_a_weight_that_is_computed_differentiates_twice(seed in 1_u64..1000) {
        let (x, weight, bias) = (tensor(&[4, 6], seed), tensor(&[6], seed + 1), tensor(&[6], seed + 2));
        check_twice(&[weight, x, bias], |o| {
            layer_norm(&o[1], &(&o[0] * 2.0)?, &(&o[2] + &o[0])?, Some(0.2))
        })?;
    }

    #[test]
    fn activations_differentiate_twice(
        n in 1_usize..40, slope in prop::sample::select(vec![0.0, 0.01, 0.2]), seed in 1_u64..1000,
    ) {
        let x = (tensor(&[n], seed) * 3.0).unwrap();
        check_twice(std::slice::from_ref(&x), |o| leaky_relu(&o[0], slope))?;
        // Both branches of its exponential, and where it is a line.
        check_twice(&[(x * 8.0).unwrap()], |o| softplus(&o[0]))?;
    }

    #[test]
    fn batch_norm_differentiates_twice(
        samples in 1_usize..4, channels in 1_usize..4, inner in 1_usize..7, seed in 1_u64..1000,
    ) {
        let x = tensor(&[samples, channels, inner, 2], seed);
        let (weight, bias) = (tensor(&[channels], seed + 1), tensor(&[channels], seed + 2));
        let (mean, variance) = (tensor(&[channels], seed + 3), positive(&[channels], seed + 4));
        check_twice(&[x.clone(), weight.clone(), bias.clone(), mean, variance], |o| {
            batch_norm(&o[0], &o[1], &o[2], &o[3], &o[4])
        })?;
        check_twice(&[x, weight, bias], |o| {
            let (mean, variance) = batch_statistics(&o[0])?;
            batch_norm(&o[0], &o[1], &o[2], &mean, &variance)
        })?;
    }

    /// Few rows and many, which take different kernels.
    #[test]
    fn linear_is_its_definition_and_differentiates_twice(
        rows in prop_oneof![1_usize..17, 17_usize..24], inner in 1_usize..40, out in 1_usize..20,
        biased: bool, seed in 1_u64..1000,
    ) {
        let mut operands = vec![tensor(&[rows, inner], seed), tensor(&[out, inner], seed + 1)];
        if biased {
            operands.push(tensor(&[out], seed + 2));
        }
        let definition = |o: &[Tensor]| {
            let y = o[0].matmul(&o[1].t().unwrap()).unwrap();
            o.get(2).map_or(y.clone(), |bias| y.broadcast_add(bias).unwrap())
        };
        let found = linear(&operands[0], &operands[1], operands.get(2)).unwrap();
        let absolute: Vec<Tensor> = operands.iter().map(|operand| operand.abs().unwrap()).collect();
        let worst = rounding(&found, &definition(&operands), &definition(&absolute));
        prop_assert!(worst < 16.0 * f64::EPSILON, "{}", worst);
        check_twice(&operands, |o| linear(&softplus(&o[0])?, &o[1], o.get(2)))?;
    }

    #[test]
    fn sort_descending_differentiates_twice(rows in 1_usize..4, row in 1_usize..12, seed in 1_u64..1000) {
        let x = tensor(&[rows, row], seed);
        check_twice(&[x], |o| sort_descending(&o[0].mul(&o[0].sqr()?)?, row.div_ceil(2)))?;
    }

    #[test]
    fn minibatch_standard_deviation_differentiates_twice(
        samples in 1_usize..6, channels in 1_usize..4, inner in 1_usize..5, seed in 1_u64..1000,
    ) {
        check_twice(&[tensor(&[samples, channels, inner], seed)], |o| minibatch_standard_deviation(&o[0]))?;
    }

    #[test]
    fn minibatch_discrimination_differentiates(
        samples in 2_usize..5, kernels in 1_usize..4, projections in 1_usize..4, seed in 1_u64..1000,
    ) {
        check_once(&[tensor(&[samples, kernels, projections], seed)], |o| minibatch_discrimination(&o[0]))?;
    }

    #[test]
    fn locally_connected_differentiates_twice(
        samples in 1_usize..3, channels in prop::array::uniform2(1_usize..4), axes in [axis(), axis()],
        biased: bool, seed in 1_u64..1000,
    ) {
        let [size, kernel, stride, padding] = [0, 1, 2, 3].map(|which| axes.map(|axis| axis[which]));
        let places = axes.map(|[length, kernel, stride, padding]| (length + 2 * padding - kernel) / stride + 1);
        let [from, to] = channels;
        let mut operands = vec![
            tensor(&[samples, from, size[0], size[1]], seed),
            tensor(&[places[0], places[1], to, from, kernel[0], kernel[1]], seed + 1),
        ];
        if biased {
            operands.push(tensor(&[to, places[0], places[1]], seed + 2));
        }
        check_twice(&operands, |o| locally_connected(&o[0], &o[1], o.get(2), stride, padding))?;
    }

    /// For the weight: the singular vectors are state, which no gradient sees.
    #[test]
    fn spectral_norm_differentiates_twice(
        rows in 1_usize..5, columns in 1_usize..4, taps in 1_usize..4, seed in 1_u64..1000,
    ) {
        let weight = positive(&[rows, columns, taps], seed);
        let unit = |n: usize, seed: u64| {
            let x = positive(&[n], seed);
            let norm = x.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap().sqrt();
            (x / norm).unwrap()
        };
        let (u, v) = (unit(rows, seed + 1), unit(columns * taps, seed + 2));
        check_twice(std::slice::from_ref(&weight), |o| Ok(spectral_norm(&o[0], &u, &v, false)?.weight))?;
        // In training a step of power iteration comes first; from the vectors it ends with, the weight is the same.
        let trained = spectral_norm(&weight, &u, &v, true).unwrap();
        let again = spectral_norm(&weight, &trained.u, &trained.v, false).unwrap();
        prop_assert_eq!(again.weight.dtype(), DType::F64);
        let same = again.weight.eq(&trained.weight).unwrap().min_all().unwrap().to_scalar::<u8>().unwrap();
        prop_assert_eq!(same, 1);
    }
}

proptest! {
    #![proptest_config(cases(6))]

    /// The embedding of the pion critic, for the showers and for all six of its weights.
    #[test]
    fn batch_difference_differentiates_twice(
        samples in 2_usize..6, cells in 2_usize..7, widths in prop::array::uniform3(1_usize..4),
        logarithm: bool, seed in 1_u64..1000,
    ) {
        let weight = |layer: usize, offset: u64| {
            let inputs = if layer == 0 { 1 } else { widths[layer - 1] };
            tensor(&[widths[layer], inputs, 1], seed + offset + layer as u64)
        };
        let mut operands = vec![positive(&[samples, cells], seed)];
        operands.extend([1, 4].into_iter().flat_map(|offset| (0..3).map(move |layer| weight(layer, offset))));
        check_twice(&operands, |o| {
            let weights = BatchDifference { deviation: [&o[1], &o[2], &o[3]], sum: [&o[4], &o[5], &o[6]] };
            let x = if logarithm { log_scaled(&o[0])? } else { o[0].clone() };
            batch_difference(&x, &weights)
        })?;
    }
}

/// Sizes that no case above has: rows of several pieces, more outputs than one task takes, an odd one out.
#[test]
fn linear_of_long_rows_is_its_definition() {
    for (rows, inner, out) in [(8, 1300, 67), (15, 2049, 33), (1, 513, 1)] {
        let (x, weight) = (tensor(&[rows, inner], 1), tensor(&[out, inner], 2));
        let product = |x: &Tensor, weight: &Tensor| x.matmul(&weight.t().unwrap()).unwrap();
        let found = linear(&x, &weight, None).unwrap();
        let worst =
            rounding(&found, &product(&x, &weight), &product(&x.abs().unwrap(), &weight.abs().unwrap()));
        assert!(worst < 16.0 * f64::EPSILON, "{rows} x {inner} -> {out}: {worst}");
    }
}
