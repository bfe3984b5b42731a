//! `cargo xtask ci`: what continuous integration runs, cheapest first, to the first failure.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ValueEnum as _;

use crate::flags::{CiFlags, CiStep};
use crate::process::{self, cargo};
use crate::{e2e, edges, outside, paths, setup};

/// Runs the named steps, or all.
pub(crate) fn run(flags: &CiFlags) -> Result<()> {
    setup::ensure()?;
    let wanted = |step: &CiStep| flags.steps.is_empty() || flags.steps.contains(step);
    let mut done: Vec<(String, Duration)> = Vec::new();
    for &step in CiStep::value_variants().iter().filter(|step| wanted(step)) {
        let name = name(step);
        println!(
            "\n==> {name}{}",
            command(step).map_or_else(String::new, |c| format!(": {}", process::line(&c)))
        );
        let start = Instant::now();
        let result = perform(step);
        let duration = start.elapsed();
        println!(
            "<== {name}: {} in {:.1} s",
            if result.is_ok() { "ok" } else { "FAILED" },
            duration.as_secs_f64()
        );
        if let Err(error) = result {
            let again = command(step).map_or_else(|| format!("cargo xtask ci {name}"), |c| process::line(&c));
            summarise(&done);
            bail!("step `{name}`: {error:#}; repeat it with: {again}");
        }
        done.push((name, duration));
    }
    summarise(&done);
    println!("ci: all {} steps passed", done.len());
    Ok(())
}

fn name(step: CiStep) -> String {
    step.to_possible_value().map_or_else(|| format!("{step:?}"), |value| value.get_name().to_owned())
}

fn perform(step: CiStep) -> Result<()> {
    match step {
        CiStep::Edges => edges::check(),
        CiStep::Paths => paths::check(),
        CiStep::Outside => outside::run(),
        CiStep::E2e => e2e::run(),
        _ => command(step).map_or(Ok(()), |mut command| process::run(&mut command)),
    }
}

/// The command line of the steps that are one. All of them share one profile and one set of features, so that
/// nothing is compiled twice.
fn command(step: CiStep) -> Option<Command> {
    let mut cargo = cargo();
    match step {
        CiStep::Fmt => cargo.args(["fmt", "--all", "--check"]),
        CiStep::Clippy => cargo.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        CiStep::Tests if has_nextest() => cargo.args(["nextest", "run", "--workspace"]),
        CiStep::Tests => cargo.args(["test", "--workspace", "--lib", "--bins", "--tests"]),
        CiStep::Doctests => cargo.args(["test", "--workspace", "--doc"]),
        CiStep::Docs => cargo.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
        CiStep::Edges | CiStep::Paths | CiStep::Outside | CiStep::E2e => return None,
    };
    Some(cargo)
}

fn has_nextest() -> bool {
    process::read(cargo().args(["nextest", "--version"])).is_ok()
}

fn summarise(done: &[(String, Duration)]) {
    println!();
    for (name, duration) in done {
        println!("{name:>9} {:>7.1} s", duration.as_secs_f64());
    }
    println!(
        "{:>9} {:>7.1} s",
        "total",
        done.iter().map(|(_, duration)| duration.as_secs_f64()).sum::<f64>()
    );
}
