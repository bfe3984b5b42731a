//! Ours beside Candle's: modules, optimiser and weights through the interfaces of `candle-nn`.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's report")]

use std::collections::HashMap;

use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{DType, Device, Module, ModuleT, Tensor, Var};
use calo_tensor::layers::{BatchNorm3d, Conv3d, ConvConfig, ConvTranspose3d, LayerNorm, Linear, Statistics};
use calo_tensor::optimiser::{Adam, AdamConfig};
use calo_tensor::parameters::{Init, Parameters, Path};
use candle_nn::{Optimizer, VarBuilder};

fn numbers(dims: &[usize]) -> Tensor {
    let n = dims.iter().product::<usize>();
    let values: Vec<f64> = (0..n).map(|i| (0.7 * i as f64 + 0.1).sin()).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn store(seed: u64) -> Parameters {
    Parameters::new(seed, DType::F64, &Device::Cpu)
}

fn bits(parameters: &Parameters) -> Vec<(String, Vec<u64>)> {
    let state = parameters.state();
    state.iter().map(|(name, x)| (name.clone(), values(x).into_iter().map(f64::to_bits).collect())).collect()
}

#[test]
fn a_layer_as_a_module_does_what_it_does_by_itself() {
    let parameters = store(1);
    let path = parameters.path();
    let x = numbers(&[2, 3, 4, 4, 4]);
    let config = ConvConfig::cubic(2, 3, 1, 1);
    let same = |module: &dyn Module, own: Tensor| {
        assert_eq!(values(&module.forward(&x).unwrap()), values(&own));
    };
    let convolution = Conv3d::new(&path.join("conv"), 3, config).unwrap();
    same(&convolution, convolution.forward(&x).unwrap());
    let transposed = ConvTranspose3d::new(&path.join("transposed"), 3, config).unwrap();
    same(&transposed, transposed.forward(&x).unwrap());
    let linear = Linear::new(&path.join("linear"), 4, 5).unwrap();
    same(&linear, linear.forward(&x).unwrap());
    let norm = LayerNorm::new(&path.join("norm"), &[4, 4, 4]).unwrap();
    same(&norm, norm.forward(&x, 1.0).unwrap());
    let rows = Module::forward(&norm, &x).unwrap().flatten_from(2).unwrap();
    assert!(values(&rows.mean(2).unwrap()).iter().all(|mean| mean.abs() < 1e-12));

    let [ours, theirs] = ["ours", "theirs"].map(|name| BatchNorm3d::new(&path.join(name), 3).unwrap());
    for (train, statistics) in [(true, Statistics::Batch), (false, Statistics::Running)] {
        let own = ours.forward(&x, statistics).unwrap();
        assert_eq!(values(&theirs.forward_t(&x, train).unwrap()), values(&own));
    }
}

#[test]
fn a_network_of_both_has_second_derivatives() {
    let parameters = store(2);
    let path = parameters.path();
    let convolution = Conv3d::new(&path.join("conv"), 1, ConvConfig::cubic(2, 3, 1, 0)).unwrap();
    let norm = LayerNorm::new(&path.join("norm"), &[2, 2, 2]).unwrap();
    let linear = candle_nn::linear(16, 1, path.join("linear").var_builder()).unwrap();
    let score = |x: &Tensor| {
        let x = norm.forward(&convolution.forward(x).unwrap(), 0.2).unwrap();
        linear.forward(&x.flatten_from(1).unwrap()).unwrap()
    };
    let x = Var::from_tensor(&numbers(&[2, 1, 4, 4, 4])).unwrap();
    let penalty = || {
        let gradient = input_gradient(&score(&x), &x).unwrap();
        gradient.sqr().unwrap().sum_all().unwrap()
    };
    let gradients = backward(&penalty()).unwrap();
    // Against differences, along all of each weight; a bias changes no slope but where it turns a LeakyReLU.
    for (name, var) in parameters.trainable() {
        let direction = numbers(var.dims());
        let found = match gradients.get(&var) {
            Some(gradient) => values(&(gradient * &direction).unwrap()).iter().sum(),
            None => 0.0,
        };
        let start = var.copy().unwrap();
        let at = |by: f64| {
            var.set(&(&start + (&direction * by).unwrap()).unwrap()).unwrap();
            penalty().to_scalar::<f64>().unwrap()
        };
        let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
        var.set(&start).unwrap();
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{name}: {found}, {expected}");
        assert_eq!(expected.abs() > 1e-3, !name.ends_with("bias"), "{name}: {expected}");
    }
}

#[test]
fn layers_of_candle_register_in_the_store() {
    let build = |seed| {
        let parameters = store(seed);
        let head = parameters.path().join("head");
        candle_nn::linear(6, 4, head.join("fc1").var_builder()).unwrap();
        candle_nn::batch_norm(4, 1e-5, head.var_builder().pp("bn")).unwrap();
        parameters
    };
    let parameters = build(5);
    let names: Vec<String> = parameters.state().into_iter().map(|(name, _)| name).collect();
    let expected = ["fc1.weight", "fc1.bias", "bn.running_mean", "bn.running_var", "bn.weight", "bn.bias"];
    assert_eq!(names, expected.map(|name| format!("head.{name}")));
    let trained: Vec<String> = parameters.trainable().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        trained,
        ["fc1.weight", "fc1.bias", "bn.weight", "bn.bias"].map(|name| format!("head.{name}"))
    );
    assert_eq!(bits(&parameters), bits(&build(5)));
    assert_ne!(bits(&parameters), bits(&build(6)));
    // The bias starts as one of ours with the same bound and place would, to the bit.
    let own = store(5);
    own.path().parameter("first", &[1], Init::Constant(0.0)).unwrap();
    own.path().parameter("bias", &[4], Init::Uniform { bound: 1.0 / 6_f64.sqrt() }).unwrap();
    assert_eq!(bits(&parameters)[1].1, bits(&own)[1].1);

    let builder = parameters.frozen().var_builder();
    assert!(builder.contains_tensor("head.fc1.bias") && !builder.contains_tensor("head.fc2.bias"));
    assert!(!builder.get(4, "head.fc1.bias").unwrap().track_op());
    assert!(builder.get(5, "head.fc1.bias").unwrap_err().to_string().contains("head.fc1.bias"));
    assert!(builder.get(4, "head.fc2.bias").unwrap_err().to_string().contains("head.fc2.bias"));
}

#[test]
fn running_statistics_of_candle_follow_in_the_store() {
    let parameters = store(1);
    let norm = candle_nn::batch_norm(3, 1e-5, parameters.path().var_builder()).unwrap();
    norm.forward_t(&numbers(&[4, 3, 2]).affine(1.0, 2.0).unwrap(), true).unwrap();
    let (name, mean) = &parameters.state()[0];
    assert_eq!(name, "running_mean");
    assert!(values(mean).iter().all(|mean| (0.1..0.3).contains(mean)), "{mean}");
}

#[test]
fn another_element_type_still_trains_the_store() {
    let parameters = store(1);
    let linear = candle_nn::linear(3, 1, parameters.path().var_builder().to_dtype(DType::F32)).unwrap();
    let y = linear.forward(&Tensor::ones((2, 3), DType::F32, &Device::Cpu).unwrap()).unwrap();
    assert_eq!(y.dtype(), DType::F32);
    let gradients = backward(&y.sum_all().unwrap()).unwrap();
    for (name, var) in parameters.trainable() {
        assert_eq!(values(gradients.get(&var).unwrap()), vec![2.0; var.elem_count()], "{name}");
    }
}

#[test]
fn our_layers_take_weights_from_any_builder() {
    let ours = store(3);
    let build = |path: &Path<'_>| {
        let convolution = Conv3d::with_bias(&path.join("conv"), 2, ConvConfig::cubic(3, 2, 1, 0)).unwrap();
        let norm = BatchNorm3d::new(&path.join("norm"), 3).unwrap();
        let x = convolution.forward(&numbers(&[2, 2, 3, 3, 3])).unwrap();
        values(&norm.forward(&x, Statistics::Running).unwrap())
    };
    let expected = build(&ours.path());
    let weights: HashMap<String, Tensor> =
        ours.state().into_iter().map(|(name, tensor)| (format!("net.{name}"), tensor)).collect();
    let builder = VarBuilder::from_tensors(weights, DType::F64, &Device::Cpu);
    assert_eq!(build(&Path::from_var_builder(builder.clone()).join("net")), expected);
    // There and back again: the builder of a place of a builder.
    let back = Path::from_var_builder(builder.clone()).join("net").var_builder();
    assert_eq!(build(&Path::from_var_builder(back)), expected);
    let other = Linear::new(&Path::from_var_builder(builder).join("net.conv"), 2, 3).unwrap_err().to_string();
    assert!(other.contains("net.conv.weight"), "{other}");
}

/// One step through Candle's interface: the loss is x^2.
fn step<O: Optimizer>(optimiser: &mut O, x: &Var) -> calo_tensor::candle::Result<()> {
    optimiser.backward_step(&x.sqr()?.sum_all()?)
}

#[test]
fn adam_is_an_optimiser_of_candle() {
    let [ours, theirs] = [0, 1].map(|_| Var::from_tensor(&numbers(&[5])).unwrap());
    let config = AdamConfig { rate: 0.1, ..AdamConfig::default() };
    let mut own = Adam::new(vec![(vec![("x".to_owned(), ours.clone())], config)]).unwrap();
    let mut candle = <Adam as Optimizer>::new(vec![theirs.clone()], config).unwrap();
    for _ in 0..3 {
        own.step(&backward(&ours.sqr().unwrap().sum_all().unwrap()).unwrap()).unwrap();
        step(&mut candle, &theirs).unwrap();
    }
    assert_eq!(values(&ours), values(&theirs));

    candle.set_learning_rate(0.2);
    assert!((candle.learning_rate() - 0.2).abs() < 1e-15);
    candle.set_learning_rate(-1.0);
    let message = step(&mut candle, &theirs).unwrap_err().to_string();
    assert!(message.contains("rate") && message.contains("-1"), "{message}");
    assert_eq!(values(&ours), values(&theirs));
}
