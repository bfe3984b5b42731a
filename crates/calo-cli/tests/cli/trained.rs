//! A run folder as `calo train` leaves it, of networks too small to be any good.

use std::fs;
use std::path::{Path, PathBuf};

use calo_data::Detector;
use calo_nn::candle::Device;
use calo_nn::models::bibae::BibAeConfig;
use calo_nn::models::post_processor::PostProcessorConfig;
use calo_nn::training::{ModelConfig, Trainer, TrainingConfig};

use crate::common::sample;

/// Latent variables that the networks encode.
pub(crate) const ENCODED: usize = 4;

/// The showers that the run was trained on.
pub(crate) fn data() -> PathBuf {
    sample("photons.hdf5")
}

/// Writes the run folder `path` with two epochs, of which the second is the better.
pub(crate) fn run_folder(path: &Path) {
    fs::create_dir_all(path.join("epochs")).unwrap();
    let autoencoder =
        BibAeConfig { width: 1, hidden: 8, bottleneck: 8, encoded: ENCODED, latent: 6, ..Default::default() };
    let post_processor = PostProcessorConfig { width: 4, condition: 4, ..Default::default() };
    let mut model = ModelConfig { autoencoder, post_processor: Some(post_processor), ..Default::default() };
    model.critic.width = 2;
    model.scaling.condition_per_gev = 0.02;
    model.scaling.encoder_log_per_mev = 10.0;
    model.scaling.decoder_reference_gev = 50.0;
    for epoch in 1..=2 {
        let trainer = Trainer::new(model.clone(), TrainingConfig::default(), epoch, &Device::Cpu).unwrap();
        let weights = path.join(format!("epochs/epoch-000{epoch}.safetensors"));
        trainer.save_weights(&weights, &std::collections::BTreeMap::new()).unwrap();
    }
    let hash = blake3::hash(&fs::read(data()).unwrap()).to_hex();
    let run = format!(
        r#"{{"software": "calo", "command": "calo train", "name": "tiny", "seed": 1, "detector": "ild-ecal",
            "grid": [30, 30, 30], "n_weights": 1, "device": "cpu", "data": {{"path": "photons.hdf5", "blake3": "{hash}",
            "n_showers": 200, "split": [0.8, 0.1, 0.1], "split_seed": 1}}}}"#
    );
    fs::write(path.join("run.json"), run).unwrap();
    fs::write(path.join("detector.toml"), Detector::load("ild-ecal").unwrap().to_toml().unwrap()).unwrap();
    let line = |epoch: u32, jsd: f64| {
        let names = ["cell_energy", "visible_energy", "n_hits", "cog_z", "radial", "longitudinal"];
        let raw: Vec<String> = names.iter().map(|name| format!("\"{name}\": {jsd}")).collect();
        let raw = raw.join(", ");
        format!(
            "{{\"epoch\": {epoch}, \"step\": 1, \"n_showers\": 20, \"jsd\": {{\"raw\": {{{raw}}}}}, \"kld_nats\": [0.1]}}\n"
        )
    };
    fs::write(path.join("validation.jsonl"), line(1, 0.4) + &line(2, 0.3)).unwrap();
}
