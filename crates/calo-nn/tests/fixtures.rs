//! Parity with the published PyTorch models: every tensor of the fixture files.
//!
//! The files are not part of the project; `CALO_FIXTURES` names their folder. Small ones of our own are compared in
//! `goldens.rs`, always.

mod common;

use std::collections::BTreeMap;

use calo_nn::autograd::{backward, input_gradient};
use calo_nn::candle::backprop::GradStore;
use calo_nn::candle::{DType, Device, Tensor, Var};
use calo_nn::layers::{ConvConfig, Statistics};
use calo_nn::losses::{
    SortedMmd, gaussian_mmd, gradient_penalty, kld, latent_step, mse, sorted_mae, sorted_mse,
};
use calo_nn::models::bibae::{BibAe, BibAeConfig, Critic, CriticConfig, LatentCritic};
use calo_nn::models::post_processor::{PostProcessor, PostProcessorConfig};
use calo_nn::models::{gan, wgan};
use calo_nn::parameters::{Parameters, Path};
use calo_nn::Result;

use common::{GRADIENT, Golden, OUTPUT, check};

/// A network whose parameters are those of `network` in `golden`.
fn network<N>(
    golden: &Golden,
    network: &str,
    build: impl Fn(&Path<'_>) -> Result<N>,
) -> (N, Parameters) {
    let parameters = Parameters::new(1, DType::F32, &Device::Cpu);
    let built = build(&parameters.path()).unwrap();
    parameters.restore(&golden.weights(network)).unwrap();
    (built, parameters)
}

/// Compares the gradients of all parameters with `<network>.grad.<name>`, or their norms with `.grad_norm.`.
fn check_gradients(golden: &Golden, network: &str, parameters: &Parameters, gradients: &GradStore) {
    let whole = golden.under(&format!("{network}.grad."));
    let norms = golden.under(&format!("{network}.grad_norm."));
    assert!(!whole.is_empty(), "no gradients of {network}");
    let variables: BTreeMap<String, Var> = parameters.trainable().into_iter().collect();
    let largest = whole.values().map(|g| norm(g)).fold(0.0, f64::max);
    for (name, want) in whole.iter().chain(&norms) {
        let got = gradients.get(variables[name].as_tensor()).unwrap_or_else(|| panic!("{network}.{name}: none"));
        let got = if whole.contains_key(name) { got.clone() } else { Tensor::new(&[norm(got)], &Device::Cpu).unwrap() };
        if norm(want) < 1e-6 * largest {
            // Zero but for rounding on both sides: a constant that a normalisation takes away.
            assert!(norm(&got) < 1e-5 * largest, "{network}.{name}: {} instead of zero", norm(&got));
            continue;
        }
        check(&format!("gradient of {network}.{name}"), &got, want, GRADIENT);
    }
    for (name, variable) in &variables {
        if !whole.contains_key(name) && !norms.contains_key(name) {
            let stray = gradients.get(variable.as_tensor()).map_or(0.0, norm);
            assert!(stray < 1e-5 * largest, "{network}.{name} has a gradient of {stray}; PyTorch has none");
        }
    }
}

fn norm(t: &Tensor) -> f64 {
    t.to_dtype(DType::F64).unwrap().sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap().sqrt()
}

#[test]
fn bibae() {
    let Some(golden) = Golden::fixture("bibae_photon") else { return };
    let config = BibAeConfig { width: 1, hidden: 500, ..Default::default() };
    let (bibae, parameters) = network(&golden, "bibae", |path| BibAe::new(path, &config));
    let (critic, critic_parameters) =
        network(&golden, "critic", |path| Critic::new(path, &CriticConfig { width: 4, ..Default::default() }));
    let (latent_critic, latent_parameters) = network(&golden, "latent_critic", LatentCritic::new);
    let [x, energy] = ["x", "e_inc_gev"].map(|name| golden.get(name));

    let posterior = bibae.encoder.forward(&x, &energy).unwrap();
    check("mu", &posterior.mean, &golden.get("encoder.mu"), OUTPUT);
    check("log sigma^2", &posterior.log_variance, &golden.get("encoder.logvar"), OUTPUT);
    let z = posterior.sample(&golden.get("eps")).unwrap();
    check("z", &z, &golden.get("z"), OUTPUT);
    let y = bibae.decoder.forward(&z, &energy).unwrap();
    check("decoded", &y, &golden.get("decoder.y"), OUTPUT);

    let kld = kld(&posterior.mean, &posterior.log_variance).unwrap();
    check("KLD", &kld, &golden.get("loss.kld"), OUTPUT);
    let z_real = golden.get("latent_critic.z_real");
    let mmd = gaussian_mmd(&z, &z_real, &[1.0, 0.01]).unwrap();
    check("latent MMD", &mmd, &golden.get("loss.latent_mmd"), OUTPUT);

    // The critics see showers that are cut from the graph of the autoencoder.
    let (y_cut, z_cut) = (y.detach(), z.detach());
    let real = critic.forward(&x, &x, &energy).unwrap();
    let fake = critic.forward(&x, &y_cut, &energy).unwrap();
    check("critic of real", &real, &golden.get("critic.real_score"), OUTPUT);
    check("critic of fake", &fake, &golden.get("critic.fake_score"), OUTPUT);
    let image = x.unsqueeze(1).unwrap();
    let pair = |a: &Tensor, b: &Tensor| Tensor::cat(&[a, b], 1).unwrap();
    let penalty = gradient_penalty(
        |pairs| critic.forward(&pairs.narrow(1, 0, 1)?, &pairs.narrow(1, 1, 1)?, &energy),
        &pair(&image, &image),
        &pair(&image, &y_cut),
        &golden.get("critic.alpha"),
        10.0,
    )
    .unwrap();
    check("gradient penalty", &penalty, &golden.get("critic.gradient_penalty"), OUTPUT);
    let loss = ((fake.mean_all().unwrap() - real.mean_all().unwrap()).unwrap() + penalty).unwrap();
    check_gradients(&golden, "critic", &critic_parameters, &backward(&loss).unwrap());

    let scores = latent_critic.forward(&z_cut).unwrap();
    check("latent critic", &scores, &golden.get("latent_critic.score"), OUTPUT);
    let penalty = gradient_penalty(
        |z| latent_critic.forward(z),
        &z_real,
        &z_cut,
        &golden.get("latent_critic.alpha"),
        10.0,
    )
    .unwrap();
    check("latent gradient penalty", &penalty, &golden.get("latent_critic.gradient_penalty"), OUTPUT);
    let real = latent_critic.forward(&z_real).unwrap();
    let loss = ((scores.mean_all().unwrap() - real.mean_all().unwrap()).unwrap() + penalty).unwrap();
    check_gradients(&golden, "latent_critic", &latent_parameters, &backward(&loss).unwrap());

    let critic_score = critic.forward(&x, &y, &energy).unwrap().mean_all().unwrap();
    let latent_score = latent_critic.forward(&z).unwrap().mean_all().unwrap();
    let objective = ((critic_score + (latent_score * 100.0).unwrap()).unwrap().neg().unwrap()
        + (kld * 0.05).unwrap())
    .unwrap();
    let objective = (objective + (mmd * 100.0).unwrap()).unwrap();
    check("objective", &objective, &golden.get("objective"), OUTPUT);
    check_gradients(&golden, "bibae", &parameters, &backward(&objective).unwrap());
}

#[test]
fn post_processor() {
    let Some(golden) = Golden::fixture("post_processor_photon") else { return };
    let config = PostProcessorConfig { width: 4, condition: 2, ..Default::default() };
    let (post_processor, parameters) =
        network(&golden, "post_processor", |path| PostProcessor::new(path, &config));
    let [x, decoded, energy] = ["x", "decoder.y", "e_inc_gev"].map(|name| golden.get(name));
    let y = post_processor.forward(&decoded, &energy).unwrap();
    check("processed", &y, &golden.get("post_processor.y"), OUTPUT);
    let alone = PostProcessor::new(&parameters.frozen(), &config).unwrap();
    check("processed, fused", &alone.forward(&decoded, &energy).unwrap(), &golden.get("post_processor.y"), OUTPUT);

    let [real, processed] = [&x, &y].map(|t| t.flatten_from(1).unwrap());
    let mmd = SortedMmd::default().loss(&real, &processed).unwrap();
    check("sorted-kernel MMD", &mmd, &golden.get("loss.sorted_kernel_mmd"), OUTPUT);
    let mse = mse(&y, &decoded).unwrap();
    check("MSE", &mse, &golden.get("loss.mse"), OUTPUT);
    check("sorted MAE", &sorted_mae(&real, &processed).unwrap(), &golden.get("loss.sorted_mae"), OUTPUT);
    check("sorted MSE", &sorted_mse(&real, &processed).unwrap(), &golden.get("loss.sorted_mse"), OUTPUT);
    let loss = ((mmd * 5.0).unwrap() + mse).unwrap();
    check_gradients(&golden, "post_processor", &parameters, &backward(&loss).unwrap());
}

#[test]
fn photon_wgan() {
    let Some(golden) = Golden::fixture("wgan_photon") else { return };
    let grid = [30; 3];
    let up = |channels| ConvConfig::cubic(channels, 4, 2, 1);
    let config = wgan::GeneratorConfig {
        first: ConvConfig::cubic(16, 4, 1, 0),
        layers: vec![up(16), up(8), up(4), ConvConfig::cubic(1, 3, 1, 2)],
        ..Default::default()
    };
    let (generator, _) = network(&golden, "generator", |path| wgan::Generator::new(path, &config, grid));
    let (critic, parameters) =
        network(&golden, "critic", |path| wgan::Critic::new(path, &narrow(wgan::CriticConfig::default()), grid));
    let (constrainer, _) =
        network(&golden, "constrainer", |path| wgan::Constrainer::new(path, &Default::default(), grid));
    let [x, noise, energy] = ["x", "noise", "e_inc_gev"].map(|name| golden.get(name));

    let y = generator.forward(&noise, &energy).unwrap();
    check("generated", &y, &golden.get("generator.y"), OUTPUT);
    let y = golden.get("generator.y");
    check("score", &critic.forward(&y, &energy).unwrap(), &golden.get("critic.score"), OUTPUT);
    check("constrainer", &constrainer.forward(&x).unwrap(), &golden.get("constrainer.e"), OUTPUT);
    let penalty =
        gradient_penalty(|x| critic.forward(x, &energy), &x, &y, &golden.get("alpha"), 1.0).unwrap();
    check("gradient penalty", &penalty, &golden.get("critic.gradient_penalty"), OUTPUT);
    check_gradients(&golden, "critic", &parameters, &backward(&penalty).unwrap());
}

/// The widths of the fixtures: an eighth.
fn narrow(config: wgan::CriticConfig) -> wgan::CriticConfig {
    let layers = config.layers.into_iter();
    let layers = layers.map(|layer| ConvConfig { channels: layer.channels.div_ceil(8), ..layer }).collect();
    wgan::CriticConfig { layers, ..config }
}

#[test]
fn photon_gan() {
    let Some(golden) = Golden::fixture("gan_photon") else { return };
    let grid = [30; 3];
    let up = |channels| ConvConfig::cubic(channels, 4, 2, 1);
    let down = |channels, padding| ConvConfig::cubic(channels, 3, 2, padding);
    let config = gan::GeneratorConfig {
        first: ConvConfig::cubic(32, 4, 1, 0),
        layers: vec![up(16), up(8), up(4), ConvConfig::cubic(1, 3, 1, 2)],
        ..Default::default()
    };
    let discriminator_config = gan::DiscriminatorConfig {
        layers: vec![down(4, 3), down(8, 1), down(16, 1), down(32, 1), down(16, 0)],
        hidden: 8,
        ..Default::default()
    };
    let (generator, _) = network(&golden, "generator", |path| gan::Generator::new(path, &config, grid));
    let (discriminator, _) = network(&golden, "discriminator", |path| {
        gan::Discriminator::new(path, &discriminator_config, grid)
    });
    let [x, noise, energy] = ["x", "noise", "e_inc_gev"].map(|name| golden.get(name));

    let y = generator.forward(&noise, &energy, Statistics::Batch).unwrap();
    check("generated in training", &y, &golden.get("generator.y_train"), OUTPUT);
    let probability = |logit: Tensor| ((logit.neg().unwrap().exp().unwrap() + 1.0).unwrap()).recip().unwrap();
    let y = golden.get("generator.y_train");
    let p = probability(discriminator.forward(&y, &energy, Statistics::Batch).unwrap());
    check("probability in training", &p, &golden.get("discriminator.p_train"), OUTPUT);
    let y = generator.forward(&noise, &energy, Statistics::Running).unwrap();
    check("generated", &y, &golden.get("generator.y_eval"), OUTPUT);
    let p = probability(discriminator.forward(&x, &energy, Statistics::Running).unwrap());
    check("probability", &p, &golden.get("discriminator.p_eval"), OUTPUT);
}

#[test]
fn pion_wgan() {
    let Some(golden) = Golden::fixture("wgan_pion") else { return };
    let grid = [48, 13, 13];
    let mut config = wgan::GeneratorConfig::pion();
    config.first.channels = 16;
    for (layer, channels) in config.layers.iter_mut().zip([16, 8, 4, 10, 5, 1]) {
        layer.channels = channels;
    }
    let (generator, _) = network(&golden, "generator", |path| wgan::Generator::new(path, &config, grid));
    let (critic, _) =
        network(&golden, "critic", |path| wgan::Critic::new(path, &narrow(wgan::CriticConfig::pion()), grid));
    let [noise, energy] = ["noise", "e_inc_gev"].map(|name| golden.get(name));

    let z = Var::from_tensor(&noise).unwrap();
    let y = generator.forward(z.as_tensor(), &energy).unwrap();
    check("generated", &y, &golden.get("generator.y"), OUTPUT);
    let score = critic.forward(&y, &energy).unwrap();
    check("score", &score, &golden.get("critic.score"), OUTPUT);
    let gradient = input_gradient(&score, &z).unwrap();
    check("latent gradient", &gradient, &golden.get("latent_gradient"), GRADIENT);
    let step = latent_step(&gradient, 500.0, 0.1).unwrap();
    check("latent step", &step, &golden.get("latent_step_alpha500_beta0.1"), GRADIENT);
    let optimised = (&noise + step).unwrap().clamp(-1f32, 1f32).unwrap();
    check("latent optimised", &optimised, &golden.get("latent_optimised"), GRADIENT);
}
