//! `sort_descending` against the standard library's sort, its derivatives against what a permutation must have.
#![expect(clippy::float_cmp, reason = "ties are exact")]

use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{DType, Device, Tensor, Var};
use calo_tensor::ops::sort_descending;
use proptest::prelude::*;

fn values() -> impl Strategy<Value = (Vec<f64>, usize, usize)> {
    (1_usize..5, 1_usize..40).prop_flat_map(|(rows, row)| {
        // Few different values, so that there are ties; both zeros among them.
        let value = prop_oneof![(-4_i32..4).prop_map(f64::from), Just(-0.0), -1e3..1e3];
        (prop::collection::vec(value, rows * row), Just(row), 1..=row)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_come_out_as_the_standard_sort_has_them((x, row, count) in values(), single: bool) {
        let dtype = if single { DType::F32 } else { DType::F64 };
        let tensor = Tensor::from_slice(&x, (x.len() / row, row), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        let found = sort_descending(&tensor, count).unwrap().to_dtype(DType::F64).unwrap();
        let rounded = tensor.to_dtype(DType::F64).unwrap().to_vec2::<f64>().unwrap();
        for (mut row, found) in rounded.into_iter().zip(found.to_vec2::<f64>().unwrap()) {
            row.sort_by(|a, b| b.partial_cmp(a).unwrap());
            prop_assert_eq!(&row[..count], &found[..]);
        }
    }

    #[test]
    fn gradients_go_back_to_where_values_came_from((x, row, count) in values()) {
        // f = sum over k of k * sorted[k]^3: the derivatives at a place follow from its rank, ties by position.
        let rows = x.len() / row;
        let var = Var::from_tensor(&Tensor::from_slice(&x, (rows, row), &Device::Cpu).unwrap()).unwrap();
        let ranks = Tensor::arange(1.0, count as f64 + 1.0, &Device::Cpu).unwrap();
        let sorted = sort_descending(&var, count).unwrap();
        let f = sorted.mul(&sorted.sqr().unwrap()).unwrap().broadcast_mul(&ranks).unwrap();
        let first = input_gradient(&f, &var).unwrap();
        let second = backward(&first.sum_all().unwrap()).unwrap();
        let second = second.get(&var).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let first = first.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for (i, &value) in x.iter().enumerate() {
            let (start, place) = (i / row * row, i % row);
            let before = |j: usize| x[start + j] > value || x[start + j] == value && j < place;
            let rank = (0..row).filter(|&j| before(j)).count();
            let weight = if rank < count { rank as f64 + 1.0 } else { 0.0 };
            prop_assert!((first[i] - weight * 3.0 * value * value).abs() <= 1e-12 * first[i].abs());
            prop_assert!((second[i] - weight * 6.0 * value).abs() <= 1e-12 * second[i].abs());
        }
    }
}

#[test]
fn second_derivatives_survive_another_use_of_the_same_tensor() {
    // d2/dx2 of (max x)^3 + x^3 at (1, 2): Candle's gather loses the second term where the first is.
    let x = Var::from_tensor(&Tensor::new(&[[1.0_f64, 2.0]], &Device::Cpu).unwrap()).unwrap();
    let cubed = |x: &Tensor| x.mul(&x.sqr().unwrap()).unwrap().sum_all().unwrap();
    let f = cubed(&sort_descending(&x, 1).unwrap()).add(&cubed(&x)).unwrap();
    let first = input_gradient(&f, &x).unwrap();
    let second = backward(&first.sum_all().unwrap()).unwrap();
    assert_eq!(second.get(&x).unwrap().to_vec2::<f64>().unwrap(), [[6.0, 24.0]]);
}

#[test]
fn ties_keep_their_order() {
    // torch.sort(torch.tensor([3., 1., 3., -0., 0., 2.]), descending=True, stable=True).indices = [0, 2, 5, 1, 3, 4]
    let x =
        Var::from_tensor(&Tensor::new(&[3_f32, 1.0, 3.0, -0.0, 0.0, 2.0], &Device::Cpu).unwrap()).unwrap();
    let ranks = Tensor::new(&[1_f32, 2.0, 3.0, 4.0, 5.0, 6.0], &Device::Cpu).unwrap();
    let f = sort_descending(&x, 6).unwrap().mul(&ranks).unwrap().sum_all().unwrap();
    let gradient = backward(&f).unwrap().get(&x).unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(gradient, [1.0, 4.0, 2.0, 5.0, 6.0, 3.0]);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let x: Vec<f32> = (0..3 * 5000).map(|i| ((i * 7919) % 1013) as f32 * 0.37 - 100.0).collect();
    let sorted = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let x = Tensor::from_slice(&x, (3, 5000), &Device::Cpu).unwrap();
        pool.install(|| sort_descending(&x, 2075)).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_eq!(sorted(1), sorted(2));
}

#[test]
fn bad_operands_are_named() {
    let message = |x: Tensor, count| sort_descending(&x, count).unwrap_err().to_string();
    let x = Tensor::new(&[[1.0_f32, f32::NAN, 2.0]], &Device::Cpu).unwrap();
    assert!(message(x.clone(), 2).contains("NaN"));
    assert!(message(x.clone(), 0).contains("1 to 3"));
    assert!(message(x.clone(), 4).contains("1 to 3"));
    assert!(message(x.to_dtype(DType::U32).unwrap(), 2).contains("x is U32"));
    assert!(message(Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap(), 1).contains("at least one"));
    assert!(message(Tensor::zeros((), DType::F32, &Device::Cpu).unwrap(), 1).contains("at least one"));
    // A view that is not contiguous is sorted all the same.
    let x = Tensor::new(&[[1.0_f32, 5.0], [4.0, 2.0]], &Device::Cpu).unwrap().t().unwrap();
    assert_eq!(sort_descending(&x, 2).unwrap().to_vec2::<f32>().unwrap(), [[4.0, 1.0], [5.0, 2.0]]);
}
