//! What stages are made of: requests to this library, each with the command that does the same.

mod words;

use std::path::PathBuf;

use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;

use crate::amplification::{AmplificationRequest, ObserveRequest, amplification, observe};
use crate::density::{DensityRequest, estimate};
use crate::encode::{EncodeRequest, encode};
use crate::evaluate::{EvaluateRequest, evaluate};
use crate::generate::{GenerateRequest, generate};
use crate::latent::{LatentRequest, latent};
use crate::latent_comparison::{CompareLatentRequest, compare_latent};
use crate::monitor::{Caller, Monitor};
use crate::prepare::{FilterRequest, PoolRequest, SplitRequest, filter, pool, split};
use crate::report::report;
use crate::run_folder::RunFolder;
use crate::select::{SelectRequest, select};
use crate::simulate::{SimulateRequest, simulate};
use crate::train::{TrainRequest, train};
use crate::{Error, Result};

/// Stack of a thread that works with networks: graphs of many operations are walked recursively.
const STACK_BYTES: usize = 64 << 20;

/// A request.
#[derive(Debug, Clone, Serialize)]
pub(super) enum Step {
    Simulate(SimulateRequest),
    Filter(FilterRequest),
    Pool(PoolRequest),
    Split(SplitRequest),
    Train(TrainRequest),
    /// A run that may end without recovering: why stands in its folder then.
    TrainOrDie(TrainRequest),
    Select(SelectRequest),
    Encode(EncodeRequest),
    Estimate(DensityRequest),
    Generate(GenerateRequest),
    Evaluate(EvaluateRequest),
    /// Figures and page of that folder.
    Report(PathBuf),
    Latent(LatentRequest),
    CompareLatent(CompareLatentRequest),
    Observe(ObserveRequest),
    Amplify(AmplificationRequest),
}

impl Step {
    /// Does it, with networks on `n_threads` threads.
    ///
    /// # Errors
    /// Those of the request; an interruption.
    pub(super) fn run(&self, n_threads: usize, monitor: &dyn Monitor) -> Result<()> {
        let command = self.command();
        monitor.message(&format!("    {command}"));
        monitor.check()?;
        let caller = Caller { command: &command, monitor };
        if !self.has_networks() {
            return self.perform(caller);
        }
        // The thread that hands out small pieces of work is one of the pool: it need not wait for others.
        network_pool(n_threads)?.install(|| self.perform(caller))
    }

    fn has_networks(&self) -> bool {
        matches!(
            self,
            Self::Train(_) | Self::TrainOrDie(_) | Self::Generate(_) | Self::Encode(_) | Self::Latent(_)
        )
    }

    fn perform(&self, caller: Caller<'_>) -> Result<()> {
        match self {
            Self::Simulate(request) => simulate(request, caller).map(drop),
            Self::Filter(request) => filter(request, caller)?.written.map(drop),
            Self::Pool(request) => pool(request, caller).map(drop),
            Self::Split(request) => split(request, caller).map(drop),
            Self::Train(request) => train(request, caller).map(drop),
            Self::TrainOrDie(request) => train_or_die(request, caller),
            Self::Select(request) => select(request).map(drop),
            Self::Encode(request) => encode(request, caller).map(drop),
            Self::Estimate(request) => estimate(request, caller).map(drop),
            Self::Generate(request) => generate(request, caller).map(drop),
            Self::Evaluate(request) => evaluate(request, caller).map(drop),
            Self::Report(folder) => report(folder).map(drop),
            Self::Latent(request) => latent(request, caller).map(drop),
            Self::CompareLatent(request) => compare_latent(request, caller).map(drop),
            Self::Observe(request) => observe(request, caller).map(drop),
            Self::Amplify(request) => amplification(request, caller).map(drop),
        }
    }

    /// The command that does the same, for provenance and for people.
    pub(super) fn command(&self) -> String {
        words::command(self)
    }
}

/// Threads that work with networks.
///
/// # Errors
/// Threads that cannot be started.
pub(super) fn network_pool(n_threads: usize) -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(n_threads).stack_size(STACK_BYTES).build();
    pool.map_err(|e| Error::Invalid(format!("{n_threads} threads: cannot start them: {e}")))
}

/// Trains; a run that does not recover leaves a file that says why.
fn train_or_die(request: &TrainRequest, caller: Caller<'_>) -> Result<()> {
    let Err(error) = train(request, caller) else { return Ok(()) };
    let Some(why) = error.divergence() else { return Err(error) };
    caller.monitor.message(&format!("{}: {why}", request.out.display()));
    Ok(calo_core::write_atomically(&RunFolder::new(&request.out).died(), why.as_bytes())?)
}
