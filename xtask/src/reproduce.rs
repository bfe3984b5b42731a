//! `cargo xtask reproduce-table2` and others: `calo reproduce NAME` after a build.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::build;
use crate::flags::ReproduceFlags;
use crate::process::{command, line, run as run_command, target_dir};

/// Builds calo, where none is given, and becomes it: signals and exit codes are its own.
pub(crate) fn run(experiment: &str, flags: &ReproduceFlags) -> Result<()> {
    let mut options = flags.options.clone();
    let given = take(&mut options, "--calo");
    let calo = flags.calo.clone().or_else(|| given.map(Into::into));
    let value = |name: &str| take(&mut options.clone(), name);
    let mut build_seconds = None;
    let calo = match calo {
        Some(calo) => std::path::absolute(calo).context("--calo")?,
        None => {
            let start = Instant::now();
            let calo = build::release(value("--device").is_some_and(|device| device != "cpu"))?;
            build_seconds = Some(start.elapsed().as_secs_f64());
            calo
        }
    };
    let profile = value("--profile").unwrap_or_else(|| "quick".to_owned());
    if value("--out").is_none() {
        // Each particle of an experiment has a folder of its own.
        let name =
            value("--particle").map_or(experiment.to_owned(), |particle| format!("{experiment}-{particle}"));
        let out = target_dir()?.join(name).join(profile);
        options.extend(["--out".to_owned(), out.display().to_string()]);
    }
    options.extend(build_seconds.into_iter().flat_map(|s| ["--build-seconds".to_owned(), s.to_string()]));
    // In the current folder, which relative paths among the options mean.
    let mut reproduce = Command::new(calo);
    reproduce.args(["reproduce", experiment]).args(options);
    println!("{}", line(&reproduce));
    let error = reproduce.exec();
    Err(error).with_context(|| format!("cannot start `{}`", line(&reproduce)))
}

/// Runs `calo reproduce` with these arguments in the root of the workspace, to its end.
pub(crate) fn run_with(calo: &Path, options: &[&str], out: &Path) -> Result<()> {
    run_command(command(calo).arg("reproduce").args(options).arg("--out").arg(out))
}

/// Takes the last `NAME VALUE` or `NAME=VALUE` out of `options`, and returns the value.
fn take(options: &mut Vec<String>, name: &str) -> Option<String> {
    let equal = format!("{name}=");
    let at = options.iter().rposition(|option| option == name || option.starts_with(&equal))?;
    let option = options.remove(at);
    match option.strip_prefix(&equal) {
        Some(value) => Some(value.to_owned()),
        None if at < options.len() => Some(options.remove(at)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Flags, Task};
    use clap::Parser as _;

    fn options(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn values_are_taken_out_in_either_form() {
        let mut all = options("--profile quick --calo=a/b --set seed=1 --device cuda");
        assert_eq!(take(&mut all, "--calo").as_deref(), Some("a/b"));
        assert_eq!(take(&mut all, "--device").as_deref(), Some("cuda"));
        assert_eq!(take(&mut all, "--out"), None);
        assert_eq!(all, options("--profile quick --set seed=1"));
    }

    #[test]
    fn options_of_calo_are_passed_on_wherever_ours_stands() {
        for line in
            ["--calo a --profile tiny --set x=1 --resume", "--profile tiny --set x=1 --resume --calo a"]
        {
            let words = options("xtask reproduce-table2").into_iter().chain(options(line));
            let Task::ReproduceTable2(flags) = Flags::parse_from(words).task else { unreachable!() };
            let mut rest = flags.options.clone();
            let calo = flags.calo.clone().map(|calo| calo.display().to_string());
            assert_eq!(calo.or(take(&mut rest, "--calo")).as_deref(), Some("a"));
            assert_eq!(rest, options("--profile tiny --set x=1 --resume"));
        }
    }
}
