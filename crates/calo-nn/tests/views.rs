//! Networks compute with the current values of their parameters, which may be trained, restored or loaded after a
//! network was built: nothing in it may be a copy.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's report")]

use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::components::GeneratorConfig;
use calo_nn::components::post_processor::{PostProcessor, PostProcessorConfig};
use calo_nn::families::bibae::networks::{
    Autoencoder, AutoencoderConfig, Critic, CriticConfig, LatentCritic, LatentCriticConfig,
};
use calo_nn::families::{gan, wgan};
use calo_nn::layers::Statistics;
use calo_nn::parameters::{Parameters, Path};

const GRID: [usize; 3] = [30; 3];

/// What a network makes of fixed inputs.
type Run = Box<dyn Fn() -> Vec<Tensor>>;

fn input(shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|i| (i * 7919 % 1013) as f32 / 500.0).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn showers() -> Tensor {
    input(&[2, 1, GRID[0], GRID[1], GRID[2]])
}

fn energies() -> Tensor {
    Tensor::new(&[[0.4_f32], [1.6]], &Device::Cpu).unwrap()
}

/// Builds one after the other on the parameters' trained and frozen paths, changes every parameter, and compares with a
/// network that is built only then.
fn sees_every_change(build: impl Fn(&Path<'_>) -> Run) {
    let parameters = Parameters::new(1, DType::F32, &Device::Cpu);
    let [trained, frozen] = [build(&parameters.path()), build(&parameters.frozen())];
    let values = |run: &Run| -> Vec<u32> {
        let values = run().into_iter().flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        values.map(f32::to_bits).collect()
    };
    let before = values(&frozen);
    for (name, variable) in parameters.trainable() {
        let (at_first, shape) = (variable.flatten_all().unwrap().to_vec1::<f32>().unwrap(), variable.shape());
        let changed: Vec<f32> = at_first.iter().map(|x| 1.25 * x + 0.02).collect();
        variable.set(&Tensor::from_vec(changed, shape, &Device::Cpu).unwrap()).unwrap();
        // Each with its like: without a graph some networks take fused kernels, which round otherwise.
        let now = values(&build(&parameters.frozen()));
        assert!(values(&frozen) == now, "{name}: applied as it was");
        assert!(values(&trained) == values(&build(&parameters.path())), "{name}: trained as it was");
        assert!(now.iter().all(|bits| f32::from_bits(*bits).is_finite()), "{name}");
    }
    assert_ne!(values(&frozen), before);
}

#[test]
fn of_the_bib_ae() {
    for decoder_layer_norm in [false, true] {
        let config = AutoencoderConfig {
            grid: GRID,
            width: 1,
            hidden: 6,
            bottleneck: 5,
            n_encoded: 3,
            latent_dim: 4,
            decoder_layer_norm,
        };
        sees_every_change(|path| {
            let networks = Autoencoder::new(path, &config).unwrap();
            Box::new(move || {
                let posterior = networks.encoder.forward(&showers(), &energies()).unwrap();
                let decoded = networks.decoder.forward(&input(&[2, 4]), &energies()).unwrap();
                vec![posterior.mean, posterior.log_variance, decoded]
            })
        });
    }
}

#[test]
fn of_the_critics() {
    sees_every_change(|path| {
        let config = CriticConfig { grid: GRID, width: 4, ..CriticConfig::default() };
        let critic = Critic::new(path, &config).unwrap();
        Box::new(move || {
            let image = (showers() * 0.7).unwrap();
            vec![critic.forward(&showers(), &image, &energies()).unwrap()]
        })
    });
    sees_every_change(|path| {
        let critic = LatentCritic::new(path, &LatentCriticConfig::default()).unwrap();
        Box::new(move || vec![critic.forward(&input(&[2, 5])).unwrap()])
    });
}

#[test]
fn of_the_post_processor() {
    for layer_norm in [false, true] {
        sees_every_change(|path| {
            let config =
                PostProcessorConfig { grid: GRID, width: 4, condition: 3, layer_norm, ..Default::default() };
            let network = PostProcessor::new(path, &config).unwrap();
            Box::new(move || vec![network.forward(&showers(), &energies()).unwrap()])
        });
    }
}

#[test]
fn of_the_gan() {
    let generator = GeneratorConfig::default();
    sees_every_change(|path| {
        let network = gan::Generator::new(path, &generator, GRID).unwrap();
        Box::new(move || vec![network.forward(&input(&[2, 100]), &energies(), Statistics::Running).unwrap()])
    });
    sees_every_change(|path| {
        let network = gan::Discriminator::new(path, &gan::DiscriminatorConfig::default(), GRID).unwrap();
        Box::new(move || vec![network.forward(&showers(), &energies(), Statistics::Running).unwrap()])
    });
}

#[test]
fn of_the_wgan() {
    sees_every_change(|path| {
        let network = wgan::Generator::new(path, &wgan::Generator::photons(), GRID).unwrap();
        Box::new(move || vec![network.forward(&input(&[2, 100]), &energies()).unwrap()])
    });
    sees_every_change(|path| {
        let network = wgan::Critic::new(path, &wgan::CriticConfig::default(), GRID).unwrap();
        Box::new(move || vec![network.forward(&showers(), &energies()).unwrap()])
    });
    sees_every_change(|path| {
        let network = wgan::Constrainer::new(path, &wgan::ConstrainerConfig::default(), GRID).unwrap();
        Box::new(move || vec![network.forward(&showers()).unwrap()])
    });
}
