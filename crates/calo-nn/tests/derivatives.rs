//! First and second derivatives of losses against finite differences, in 64 bits, over random shapes. Those of
//! operations are in `calo-tensor`.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's report")]

#[path = "../../calo-tensor/tests/derivatives/differences.rs"]
#[expect(dead_code, reason = "operations need more of it than losses")]
mod differences;

use calo_latent::LatentOptimisation;
use calo_nn::candle::Tensor;
use calo_nn::components::latent_step;
use calo_nn::losses::{
    SortedMmd, binary_cross_entropy, gaussian_mmd, gradient_penalty, gradient_penalty_of_all, kld,
    sorted_difference, sorted_mmd,
};
use calo_nn::ops::sort_descending;
use proptest::prelude::*;

use differences::{cases, check_once, check_twice, tensor};

/// Up to six showers, up to eight numbers each.
fn matrix() -> impl Strategy<Value = [usize; 2]> {
    [1_usize..6, 1_usize..8]
}

/// Numbers from 0 to 1, one a shower.
fn fractions(n: usize, seed: u64) -> Tensor {
    tensor(&[n, 1], seed).affine(0.5, 0.5).unwrap()
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn binary_cross_entropy_differentiates_twice(dims in matrix(), seed in 1_u64..1000) {
        let target = tensor(&dims, seed + 1).affine(0.5, 0.5).unwrap();
        check_twice(&[(tensor(&dims, seed) * 5.0).unwrap()], |o| binary_cross_entropy(&o[0], &target))?;
    }

    #[test]
    fn kld_differentiates_twice(dims in matrix(), seed in 1_u64..1000) {
        check_twice(&[tensor(&dims, seed), tensor(&dims, seed + 1)], |o| kld(&o[0], &o[1]))?;
    }

    #[test]
    fn gaussian_mmd_differentiates_twice(
        dims in matrix(), others in 1_usize..6, wide in 0.01_f64..0.3, narrow in 0.5_f64..2.0, seed in 1_u64..1000,
    ) {
        let operands = [tensor(&dims, seed), tensor(&[others, dims[1]], seed + 1)];
        check_twice(&operands, |o| gaussian_mmd(&o[0], &o[1], &[narrow, wide]))?;
    }

    #[test]
    fn sorted_difference_differentiates_twice(dims in matrix(), seed in 1_u64..1000) {
        let sorted = |x: &Tensor| sort_descending(x, dims[1]);
        check_twice(&[tensor(&dims, seed), tensor(&dims, seed + 1)], |o| {
            let found = sorted_difference(&sorted(&o[0])?, &sorted(&o[1])?)?;
            Ok(Tensor::stack(&[found.absolute, found.squared], 0)?)
        })?;
    }

    /// Once: there is no second derivative.
    #[test]
    fn sorted_mmd_differentiates_through_the_sort(
        showers in 1_usize..4, window in 1_usize..20, stride in 1_usize..8, windows in 1_usize..4,
        more in 0_usize..3, exponent in 0.0_f64..60.0, seed in 1_u64..1000,
    ) {
        let settings = SortedMmd { window, stride, windows, exponent };
        let dims = [showers, settings.cells() + more];
        let sorted = |x: &Tensor| sort_descending(x, dims[1]);
        check_once(&[tensor(&dims, seed), tensor(&dims, seed + 1)], |o| {
            sorted_mmd(&sorted(&o[0])?, &sorted(&o[1])?, &settings)
        })?;
    }

    #[test]
    fn latent_step_differentiates_twice(dims in matrix(), beta in 0.1_f64..1.0, seed in 1_u64..1000) {
        check_twice(&[tensor(&dims, seed)], |o| {
            latent_step(&o[0], &LatentOptimisation { step: 0.5, damping: beta, n_steps: 1 })
        })?;
    }

    /// For the weights of a critic, whose own second derivative this is.
    #[test]
    fn gradient_penalty_differentiates_for_the_critic(dims in matrix(), pair: bool, seed in 1_u64..1000) {
        let input = |offset: u64| tensor(&dims, seed + offset);
        let (real, fake) = ([input(0), input(1)], [input(2), input(3)]);
        let alpha = fractions(dims[0], seed + 4);
        check_once(&[tensor(&[1, dims[1]], seed + 5)], |o| {
            if pair {
                let critic = |x: &[Tensor]| Ok(x[0].mul(&x[1].sqr()?)?.broadcast_mul(&o[0])?);
                let (real, fake) = ([&real[0], &real[1]], [&fake[0], &fake[1]]);
                gradient_penalty_of_all(critic, &real, &fake, &alpha, 10.0)
            } else {
                let critic = |x: &Tensor| Ok(x.sqr()?.broadcast_mul(&o[0])?.sum(1)?);
                gradient_penalty(critic, &real[0], &fake[0], &alpha, 10.0)
            }
        })?;
    }
}
