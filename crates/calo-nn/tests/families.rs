//! What every family in the list has to keep.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests report by panicking, as tests do")]

use calo_nn::candle::{DType, Device};
use calo_nn::engine::{Recipe, Tables};
use calo_nn::families;
use calo_nn::parameters::Parameters;

const GRID: [usize; 3] = [6, 4, 4];

/// One layer, for families of images.
const IMAGE: [usize; 3] = [1, 6, 5];

fn grid(family: &str) -> [usize; 3] {
    if family == "vae-gan" { IMAGE } else { GRID }
}

/// Tables of tiny networks on [`grid`].
fn tables(family: &str) -> Tables {
    let text = match family {
        "bib-ae" => {
            "[model.autoencoder]\nwidth = 1\nhidden = 7\nbottleneck = 6\nn_encoded = 3\nlatent_dim = 5"
        }
        "gan" => {
            "[model.generator]\nnoise = 5\nfirst = { channels = 4, kernel = [6, 4, 4] }\n\
             layers = [{ channels = 1, kernel = [1, 1, 1] }]\n\
             [model.discriminator]\nlayers = [{ channels = 3, kernel = [3, 2, 2] }]\nhidden = 3"
        }
        "vae-gan" => {
            "[model]\nlatent_dim = 3\n[model.encoder]\nchannels = [2, 3, 4]\n\
             [model.generator]\ndense_channels = 2\nconv_channels = 2\nchannels = [2]\n\
             [model.discriminator]\nchannels = [2]\nfeatures = 4"
        }
        "wgan" => {
            "[model.generator]\nnoise = 5\nfirst = { channels = 2, kernel = [6, 4, 4] }\n\
             layers = [{ channels = 1, kernel = [1, 1, 1] }]\n\
             [model.critic]\nlayers = [{ channels = 3, kernel = [3, 2, 2] }]\nhidden = [3]\n\
             [model.constrainer]\nlayers = [{ channels = 2, kernel = [3, 2, 2] }]\nhidden = 3"
        }
        other => panic!("no tables for the family {other}: add a match arm"),
    };
    let table: toml::Table = text.parse().unwrap();
    table.try_into().unwrap()
}

/// Files of the first versions name no family.
#[test]
fn one_family_is_that_of_files_without_a_name() {
    let unnamed: Vec<&str> =
        families::ALL.iter().filter(|entry| entry.is_unnamed).map(|entry| entry.name).collect();
    assert_eq!(unnamed, [families::DEFAULT]);
    let message = families::find("nada").unwrap_err().to_string();
    assert_eq!(message, "field `family`: `nada`; expected `bib-ae` or `gan` or `vae-gan` or `wgan`");
}

#[test]
fn a_configuration_says_what_its_sampler_has() {
    let (mut n_with_encoder, mut n_with_score) = (0, 0);
    for entry in families::ALL {
        let name = entry.name;
        let family = Recipe::from_tables(entry, &tables(name), Some(grid(name))).unwrap().family;
        let parameters = Parameters::new(1, DType::F32, &Device::Cpu);
        let sampler = family.sampler(&parameters.path()).unwrap();
        assert_eq!(family.has_encoder(), sampler.encoder().is_some(), "{name}");
        n_with_encoder += usize::from(family.has_encoder());
        let score = sampler.latent_score();
        assert_eq!(family.has_latent_score(), score.is_ok(), "{name}");
        assert!(score.is_ok() || score.is_err_and(|reason| reason.starts_with("its ")), "{name}");
        n_with_score += usize::from(family.has_latent_score());
    }
    for n in [n_with_encoder, n_with_score] {
        assert!((1..families::ALL.len()).contains(&n), "both kinds are tested");
    }
}
