//! Developer tasks: `cargo xtask setup | build | cuda-toolchain | ci | bench | validate-sim | reproduce-table1 |
//! reproduce-table2 | reproduce-calomplification | export-models`.
//!
//! A plain program that shells out to cargo and `calo`; one file per command, as in rust-analyzer.

mod bench;
mod build;
mod ci;
mod cuda;
mod e2e;
mod edges;
mod export;
mod flags;
mod outside;
mod paths;
mod process;
mod reproduce;
mod setup;
mod validate;

use std::process::ExitCode;

use clap::Parser as _;
use flags::{Flags, Task};

fn main() -> ExitCode {
    let result = match Flags::parse().task {
        Task::Setup => setup::run(),
        Task::Build(flags) => build::run(&flags),
        Task::CudaToolchain(flags) => cuda::run(&flags),
        Task::Ci(flags) => ci::run(&flags),
        Task::Bench(flags) => bench::run(&flags),
        Task::ValidateSim(flags) => validate::run(&flags),
        Task::ExportModels(flags) => export::run(&flags),
        Task::ReproduceTable1(flags) => reproduce::run("table1", &flags),
        Task::ReproduceTable2(flags) => reproduce::run("table2", &flags),
        Task::ReproduceCalomplification(flags) => reproduce::run("calomplification", &flags),
        Task::ReproduceAblation(flags) => reproduce::run("ablation", &flags),
        Task::ReproduceFastAndAccurate(flags) => reproduce::run("fast-and-accurate", &flags),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
