//! The showers: those that come with the program, or simulated ones.

use std::path::{Path, PathBuf};

use calo_data::{ReadOptions, TableReader};
use calo_metrics::Column;

use super::description::{AmplificationData, AmplificationExperiment};
use super::pipeline::Pipeline;
use crate::Result;
use crate::amplification::{OBSERVED, ObserveRequest};
use crate::error::{Context as _, ensure};
use crate::experiment::data::{partial, single};
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::files::{self, InputOptions, StorageOptions, create_folder};
use crate::monitor::Caller;
use crate::simulate::SimulateRequest;

/// Files of observables of the truth and of the independent showers.
#[derive(Debug, Clone)]
pub(super) struct Data {
    pub(super) truth: PathBuf,
    pub(super) independent: PathBuf,
    /// Where the images of training sets are, if they come with the program.
    shipped: Option<PathBuf>,
}

impl Data {
    /// Finds or makes the files.
    ///
    /// # Errors
    /// Files that should come with the program and do not, or are of other showers than the experiment says; those of a
    /// stage.
    pub(super) fn new(pipeline: &mut Pipeline<'_>) -> Result<Self> {
        let (experiment, request) = (pipeline.experiment, pipeline.request);
        let shipped = experiment.data.shipped.as_ref().filter(|_| {
            // What comes with the program was simulated with the first seed.
            request.data_seed == 1 && !request.truth_from_scratch
        });
        if let Some(shipped) = shipped {
            let folder = experiment.source.shipped(shipped).with_context(|| {
                format!(
                    "{}: no such folder here or above the program; expected the showers that come with calo, or \
                     --truth-from-scratch to simulate them",
                    shipped.display()
                )
            })?;
            pipeline.runner.stages.name_folder(&folder, "SHIPPED");
            let file = |name: &str, field: &str, n_showers: u64| {
                let path = folder.join(name);
                ensure!(
                    path.is_file(),
                    "{}: no such file; expected observables of showers, as make.sh beside it makes them, or --truth-from-scratch",
                    path.display()
                );
                experiment.check_shipped(&path)?;
                let found = TableReader::open(&path)?.read(Column::VisibleEnergyMev.id())?.nrows() as u64;
                experiment.check_number(&path, field, n_showers, found).map(|()| path)
            };
            return Ok(Self {
                truth: file("truth.hdf5", "n_truth", experiment.data.n_truth)?,
                independent: file("independent.hdf5", "n_independent", experiment.data.n_independent)?,
                shipped: Some(folder),
            });
        }
        let folder = pipeline.out.join("data");
        create_folder(&folder)?;
        let AmplificationData { n_independent, n_truth, .. } = experiment.data;
        let mut make = |name: &str, first: u64, n_showers: u64, sorted: bool| -> Result<PathBuf> {
            let [showers, observables] =
                [format!("{name}-showers.hdf5"), format!("{name}.hdf5")].map(|name| folder.join(name));
            let simulate = pipeline.simulate(request.data_seed, first, n_showers, &showers)?;
            pipeline.runner.stage(Stage {
                name: format!("simulate {name} showers"),
                steps: vec![simulate],
                inputs: vec![],
                outputs: vec![showers.clone()],
                unfinished: vec![partial(&showers)],
            })?;
            let observe = pipeline.observe(&showers, 0, None, sorted, &observables);
            pipeline.runner.stage(Stage {
                name: format!("observe {name} showers"),
                steps: vec![observe],
                inputs: vec![showers],
                outputs: vec![observables.clone()],
                unfinished: vec![],
            })?;
            Ok(observables)
        };
        let independent = make("independent", 0, n_independent, false)?;
        let truth = make("truth", n_independent, n_truth, true)?;
        Ok(Self { truth, independent, shipped: None })
    }

    /// Images of a training set, in `folder` where they do not come with the program.
    ///
    /// # Errors
    /// As [`Data::new`].
    pub(super) fn training(&self, pipeline: &mut Pipeline<'_>, set: u64, folder: &Path) -> Result<PathBuf> {
        let name = format!("set-{set}.hdf5");
        let shipped = self.shipped.as_ref().map(|folder| folder.join(&name));
        if let Some(shipped) = shipped.filter(|path| path.is_file()) {
            let (experiment, caller) =
                (pipeline.experiment, Caller { command: "calo inspect", monitor: pipeline.runner.monitor });
            experiment.check_shipped(&shipped)?;
            let found = files::open(&shipped, &ReadOptions::default(), caller)?.n_showers();
            return experiment
                .check_number(&shipped, "n_train", experiment.data.n_train, found)
                .map(|()| shipped);
        }
        let showers = folder.join(&name);
        let (seed, first) = match pipeline.experiment.first_of(set) {
            Some(first) => (pipeline.request.data_seed, first),
            None => (set, 0),
        };
        let simulate = pipeline.simulate(seed, first, pipeline.experiment.data.n_train, &showers)?;
        pipeline.runner.stage(Stage {
            name: format!("set-{set}: simulate training showers"),
            steps: vec![simulate],
            inputs: vec![],
            outputs: vec![showers.clone()],
            unfinished: vec![partial(&showers)],
        })?;
        Ok(showers)
    }
}

impl AmplificationExperiment {
    /// # Errors
    /// A file that comes with the program, of another particle or energy than the experiment's.
    fn check_shipped(&self, path: &Path) -> Result<()> {
        let attributes = calo_data::read_attributes(path, None)?;
        let AmplificationData { particle, energy_gev, .. } = &self.data;
        let fields = [
            ("particle", "simulation_particle", particle.clone()),
            ("energy_gev", "simulation_energy_gev", energy_gev.to_string()),
        ];
        for (field, attribute, expected) in fields {
            let found =
                attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str());
            if found != Some(&expected) {
                let found = found.unwrap_or("unknown");
                let problem = format!(
                    "{expected}, but {} has {found}; expected the same, or --truth-from-scratch",
                    path.display()
                );
                return Err(self.source.wrong(&format!("data.{field}"), &problem));
            }
        }
        Ok(())
    }

    /// # Errors
    /// A file that comes with the program, of another number of showers than the field says.
    fn check_number(&self, path: &Path, field: &str, expected: u64, found: u64) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        let problem = format!(
            "{expected}, but {} has {found}; expected the same, or --truth-from-scratch",
            path.display()
        );
        Err(self.source.wrong(&format!("data.{field}"), &problem))
    }

    /// Number of the first independent shower of a training set; none of a set that is simulated for itself.
    pub(super) fn first_of(&self, set: u64) -> Option<u64> {
        (1..=self.n_sets()).contains(&set).then(|| (set - 1) * self.data.stride)
    }
}

impl Pipeline<'_> {
    /// A step that simulates showers of the experiment.
    fn simulate(&self, seed: u64, first: u64, n_showers: u64, out: &Path) -> Result<Step> {
        Ok(Step::Simulate(SimulateRequest {
            detector: self.detector.clone(),
            particle: self.experiment.particle()?,
            energies: single(self.experiment.data.energy_gev),
            n_showers,
            seed,
            first,
            restart: false,
            out: out.to_owned(),
            storage: StorageOptions::default(),
        }))
    }

    /// A step that keeps the observables of some showers.
    pub(super) fn observe(
        &self,
        input: &Path,
        first: usize,
        n_showers: Option<usize>,
        sorted: bool,
        out: &Path,
    ) -> Step {
        Step::Observe(ObserveRequest {
            inputs: vec![input.to_owned()],
            columns: OBSERVED.to_vec(),
            first,
            n_showers,
            sorted,
            from: self.input_options(),
            out: out.to_owned(),
        })
    }

    pub(super) fn input_options(&self) -> InputOptions {
        InputOptions { detector: Some(self.detector.clone()), ..InputOptions::default() }
    }
}
