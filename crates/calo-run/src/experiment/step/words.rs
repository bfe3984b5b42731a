//! The command that does the same as a step.

use std::path::Path;

use calo_latent::KernelCovariance;

use super::Step;
use crate::amplification::{AmplificationRequest, NamedFiles, ObserveRequest};
use crate::density::{BandwidthRule, DensityRequest};
use crate::encode::EncodeRequest;
use crate::evaluate::{EvaluateRequest, SampleFiles};
use crate::files::FixedEnergyFile;
use crate::generate::{GenerateRequest, IncidentEnergies, LatentChoice};
use crate::latent::LatentRequest;
use crate::latent_comparison::{CompareLatentRequest, NamedPath};
use crate::model::{Compute, ModelChoice, ModelSource, Precision};
use crate::prepare::{FilterRequest, PoolRequest, PunchThroughRule, SplitRequest};
use crate::run_folder::EpochChoice;
use crate::select::SelectRequest;
use crate::simulate::SimulateRequest;
use crate::train::TrainRequest;

/// The command, as a shell takes it.
pub(super) fn command(step: &Step) -> String {
    let words = match step {
        Step::Simulate(request) => simulate_words(request),
        Step::Filter(request) => filter_words(request),
        Step::Pool(request) => pool_words(request),
        Step::Split(request) => split_words(request),
        Step::Train(request) | Step::TrainOrDie(request) => train_words(request),
        Step::Select(request) => select_words(request),
        Step::Encode(request) => encode_words(request),
        Step::Estimate(request) => estimate_words(request),
        Step::Generate(request) => generate_words(request),
        Step::Evaluate(request) => evaluate_words(request),
        Step::Report(folder) => Words::of("report").word(folder.display()),
        Step::Latent(request) => latent_words(request),
        Step::CompareLatent(request) => compare_latent_words(request),
        Step::Observe(request) => observe_words(request),
        Step::Amplify(request) => amplification_words(request),
    };
    let words: Vec<String> = words.0.iter().map(|word| quoted(word)).collect();
    format!("calo {}", words.join(" "))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The words of a command.
struct Words(Vec<String>);

impl Words {
    fn of(command: &str) -> Self {
        Self(vec![command.to_owned()])
    }

    fn word(mut self, word: impl ToString) -> Self {
        self.0.push(word.to_string());
        self
    }

    fn option(self, name: &str, value: impl ToString) -> Self {
        self.word(name).word(value)
    }

    fn path(self, name: &str, path: &Path) -> Self {
        self.option(name, path.display())
    }

    /// A word that is there or not.
    fn flag(self, name: &str, is_set: bool) -> Self {
        if is_set { self.word(name) } else { self }
    }

    /// An option that is given as often as there are values.
    fn options(self, name: &str, values: impl IntoIterator<Item = String>) -> Self {
        values.into_iter().fold(self, |words, value| words.option(name, value))
    }

    fn compute(self, compute: &Compute) -> Self {
        let words = self.option("--device", &compute.device);
        let precision = Some(compute.precision).filter(|precision| *precision != Precision::default());
        words.options("--precision", precision.map(|precision| precision.to_string()))
    }

    fn energies(self, energies: &IncidentEnergies) -> Self {
        match energies {
            IncidentEnergies::Uniform(range) => self.option("--energy", range),
            IncidentEnergies::Of(path) => self.path("--energies-of", path),
        }
    }

    fn model(self, model: &ModelChoice) -> Self {
        let words = match &model.source {
            ModelSource::Run(run) => self.option("--run", run.display()),
            ModelSource::BuiltIn(name) => return self.option("--model", name),
            ModelSource::Particle(particle) => return self.option("--particle", particle),
        };
        let epoch = match model.epoch {
            EpochChoice::Best => "best".to_owned(),
            EpochChoice::Number(epoch) => epoch.to_string(),
        };
        words.option("--epoch", epoch)
    }
}

/// `ENERGY=FILE` of each file, behind `prefix`.
fn at(prefix: &str, files: &[FixedEnergyFile]) -> impl Iterator<Item = String> {
    files.iter().map(move |file| format!("{prefix}{}={}", file.energy_gev, file.path.display()))
}

fn simulate_words(request: &SimulateRequest) -> Words {
    Words::of("simulate")
        .option("--detector", &request.detector)
        .option("--particle", request.particle)
        .option("--energy", request.energies)
        .option("-n", request.n_showers)
        .option("--seed", request.seed)
        .option("--first", request.first)
        .path("--out", &request.out)
}

fn filter_words(request: &FilterRequest) -> Words {
    let is_of_detector = matches!(request.punch_through, Some(PunchThroughRule::OfDetector));
    let words = Words::of("filter")
        .word(request.input.display())
        .options("--detector", request.from.detector.clone())
        .flag("--punch-through", is_of_detector);
    let hits = match request.punch_through {
        Some(PunchThroughRule::Hits(rule)) => Some(rule),
        _ => None,
    };
    words
        .options("--more-hits-than", hits.map(|rule| rule.more_than_hits.to_string()))
        .options("--hit-threshold-mev", hits.map(|rule| rule.above_mev.to_string()))
        .options("--energy", request.energies.map(|energies| energies.to_string()))
        .options("--cell-cut-mev", request.cell_cut_mev.map(|cut| cut.to_string()))
        .path("--out", &request.out)
}

fn pool_words(request: &PoolRequest) -> Words {
    let [layers, nx, ny] = request.by.shape();
    Words::of("pool")
        .word(request.input.display())
        .options("--detector", request.from.detector.clone())
        .option("--by", format!("{layers}x{nx}x{ny}"))
        .path("--out", &request.out)
}

fn split_words(request: &SplitRequest) -> Words {
    // Shares of 1: the command makes them such.
    let [train, validation, test] = request.fractions;
    Words::of("split")
        .word(request.input.display())
        .options("--detector", request.from.detector.clone())
        .option("--fractions", format!("{train},{validation},{test}"))
        .options("--at-most", request.at_most.map(|n| n.to_string()))
        .option("--seed", request.seed)
        .path("--out", &request.out)
}

fn train_words(request: &TrainRequest) -> Words {
    let words = Words::of("train")
        .word(request.config.display())
        .path("--data", &request.data)
        .path("--out", &request.out);
    words
        .flag("--resume", request.resume)
        .options("--set", request.overrides.iter().cloned())
        .options("--validation", request.validation.iter().map(|path| path.display().to_string()))
        .options("--validation-at", at("", &request.validation_at))
        .compute(&request.compute)
        .options("--from", request.from.iter().map(|path| path.display().to_string()))
}

fn select_words(request: &SelectRequest) -> Words {
    let runs = request.runs.iter().map(|run| run.folder.display().to_string());
    Words::of("select").path("--out", &request.out).options("--run", runs)
}

fn encode_words(request: &EncodeRequest) -> Words {
    Words::of("encode")
        .path("--data", &request.data)
        .options("--part", request.part.map(|part| part.to_string()))
        .model(&request.model)
        .option("--seed", request.seed)
        .path("--out", &request.out)
        .compute(&request.model.compute)
}

fn estimate_words(request: &DensityRequest) -> Words {
    let bandwidth = match request.bandwidth {
        BandwidthRule::EachVariable => "each".to_owned(),
        BandwidthRule::CrossValidated => "cv".to_owned(),
        BandwidthRule::One => "one".to_owned(),
        BandwidthRule::Scott => "scott".to_owned(),
        BandwidthRule::Silverman => "silverman".to_owned(),
        BandwidthRule::Number(width) => width.to_string(),
    };
    let covariance = match request.covariance {
        KernelCovariance::None => "none",
        KernelCovariance::Standardised => "standardised",
        KernelCovariance::Regressed => "regressed",
        KernelCovariance::FullCovariance => "full",
    };
    Words::of("density")
        .path("--latent", &request.latent)
        .option("--bandwidth", bandwidth)
        .option("--covariance", covariance)
        .options("--max-centres", request.max_centres.map(|n| n.to_string()))
        .option("--seed", request.seed)
        .path("--out", &request.out)
}

fn generate_words(request: &GenerateRequest) -> Words {
    let latent = request.latent.map(|latent| match latent {
        LatentChoice::Normal => "normal".to_owned(),
        LatentChoice::Kde => "kde".to_owned(),
        LatentChoice::Optimised => "optimised".to_owned(),
    });
    Words::of("generate")
        .model(&request.model)
        .options("--latent", latent)
        .options("--density", request.density.iter().map(|path| path.display().to_string()))
        .energies(&request.energies)
        .option("-n", request.n_showers)
        .option("--seed", request.seed)
        .option("--first", request.first)
        .flag("--observables", request.observables)
        .path("--out", &request.out)
        .compute(&request.model.compute)
}

fn evaluate_words(request: &EvaluateRequest) -> Words {
    let named = |sample: &SampleFiles| format!("{}={}", sample.name, sample.full.display());
    let mut words = Words::of("evaluate")
        .options("--detector", request.from.detector.clone())
        .option("--seed", request.seed)
        .option("--splits", request.n_splits)
        .options("--divisors", request.divisors.iter().map(|path| path.display().to_string()))
        .path("--out", &request.out)
        .option("--reference", named(&request.reference))
        .options("--reference-at", at("", &request.reference.fixed));
    for candidate in &request.candidates {
        let prefix = format!("{}:", candidate.name);
        words = words
            .option("--candidate", named(candidate))
            .options("--candidate-at", at(&prefix, &candidate.fixed));
    }
    words
}

fn latent_words(request: &LatentRequest) -> Words {
    Words::of("latent")
        .path("--data", &request.data)
        .options("--part", request.part.map(|part| part.to_string()))
        .model(&request.model)
        .options("--density", request.density.iter().map(|path| path.display().to_string()))
        .options("--train", request.train.iter().map(|path| path.display().to_string()))
        .option("--seed", request.seed)
        .path("--out", &request.out)
        .compute(&request.model.compute)
}

fn compare_latent_words(request: &CompareLatentRequest) -> Words {
    let named = |one: &NamedPath| format!("{}={}", one.name, one.path.display());
    Words::of("compare-latent")
        .options("--latent", request.spaces.iter().map(named))
        .options("--correlations", request.correlations.iter().cloned())
        .options("--encoded", request.encoded.iter().map(named))
        .options("--density", request.density.iter().map(named))
        .options("--max-showers", request.max_showers.map(|n| n.to_string()))
        .path("--out", &request.out)
}

fn observe_words(request: &ObserveRequest) -> Words {
    let words = request.inputs.iter().fold(Words::of("observe"), |words, input| words.word(input.display()));
    let words = words
        .options("--detector", request.from.detector.clone())
        .flag("--sorted", request.sorted)
        .option("--first", request.first)
        .options("-n", request.n_showers.map(|n| n.to_string()))
        .word("--observables");
    let words = request.columns.iter().fold(words, |words, column| words.word(column.id()));
    words.path("--out", &request.out)
}

fn amplification_words(request: &AmplificationRequest) -> Words {
    let named = |samples: &[NamedFiles]| {
        let of = |sample: &NamedFiles| {
            let files = sample.files.iter().map(|file| format!("{}={}", sample.name, file.display()));
            files.collect::<Vec<_>>()
        };
        samples.iter().flat_map(of).collect::<Vec<_>>()
    };
    let words = Words::of("amplification")
        .options("--detector", request.from.detector.clone())
        .path("--reference", &request.reference)
        .options("--independent", request.independent.iter().map(|path| path.display().to_string()))
        .path("--train", &request.training)
        .options("--candidate", named(&request.candidates))
        .option("--estimators", request.n_estimated)
        .options("--estimate-from", named(&request.estimate_from))
        .option("--seed", request.seed)
        .path("--out", &request.out)
        .word("--observables");
    request.observables.iter().fold(words, Words::word)
}
