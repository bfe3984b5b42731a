//! A run of `calo train` on pooled photons, with networks too small to be any good.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::common::{calo, sample};

/// Latent variables that the networks encode.
pub(crate) const ENCODED: usize = 4;

const CONFIG: &str = r#"
name = "tiny"
detector = "ild-ecal-pooled"
model.autoencoder = { width = 1, hidden = 8, bottleneck = 8, n_encoded = 4, latent_dim = 6 }
model.critic = { width = 2 }
model.post_processor = { width = 4, condition = 4, layer_norm = false }
model.scaling = { condition_per_gev = 0.02, encoder_log_per_mev = 10.0, decoder_reference_gev = 50.0 }
schedule = { n_critic = 1, post_processor.sorted_mmd = { windows = 4 } }
optim = { epochs = 2, batch_showers = 32 }
"#;

/// A folder with showers and a run of two epochs on them.
pub(crate) struct Trained {
    folder: TempDir,
}

impl Trained {
    pub(crate) fn new() -> Self {
        let trained = Self { folder: tempfile::tempdir().unwrap() };
        let (config, data) = (trained.path("config.toml"), trained.data());
        fs::write(&config, CONFIG).unwrap();
        calo()
            .arg("pool")
            .arg(sample("photons.hdf5"))
            .args(["--by", "1x3x3", "--out"])
            .arg(&data)
            .assert()
            .success();
        let mut train = calo();
        train.arg("train").arg(&config).arg("--data").arg(&data).arg("--out").arg(trained.run());
        train.assert().success();
        trained
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The run folder.
    pub(crate) fn run(&self) -> PathBuf {
        self.path("run")
    }

    /// The 200 showers of the run.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("pooled.hdf5")
    }

    /// `calo NAME --run RUN --data DATA --out OUT`.
    pub(crate) fn command(&self, name: &str, out: &Path) -> assert_cmd::Command {
        let mut command = calo();
        command.arg(name).arg("--run").arg(self.run()).arg("--data").arg(self.data()).arg("--out").arg(out);
        command
    }
}
