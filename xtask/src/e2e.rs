//! One tiny run of the binary from file to report, on the sample that comes with the sources.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::{cargo, command, line, read, root};

const PHOTONS: &str = "data/photons.hdf5";
const DETECTOR: &str = "ild-ecal";

/// inspect, project, filter, evaluate, report, on real showers and on simulated ones; every output must be there and hold
/// something.
pub(crate) fn run() -> Result<()> {
    let target = target_dir()?;
    let calo = target.join("debug/calo");
    if !calo.is_file() {
        bail!("{} is missing: the step `tests` builds it", calo.display());
    }
    let out = target.join("e2e");
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("cannot empty {}", out.display()))?;
    }
    fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;

    let run = |args: &[&str]| -> Result<String> {
        let mut calo = command(&calo);
        calo.args(args);
        println!("    {}", line(&calo));
        read(&mut calo)
    };
    let path = |name: &str| out.join(name).display().to_string();

    let seen = run(&["inspect", PHOTONS])?;
    if !seen.contains("200") {
        bail!("`calo inspect {PHOTONS}` does not mention its 200 showers: {seen}");
    }

    let projected = path("projected.hdf5");
    run(&["project", "data/photon_hits.root", "--detector", DETECTOR, "--out", &projected])?;
    run(&["inspect", &projected])?;

    // The cells a noisier readout would lose make an imitation that every score must tell from the original.
    let harsher = path("harsher.hdf5");
    run(&["filter", PHOTONS, "--cell-cut-mev", "0.25", "--out", &harsher])?;

    let comparison = path("comparison");
    run(&[
        "evaluate",
        "--reference",
        PHOTONS,
        "--candidate",
        &format!("itself={PHOTONS}"),
        "--candidate",
        &format!("harsher={harsher}"),
        "--detector",
        DETECTOR,
        "--out",
        &comparison,
    ])?;
    check_results(&Path::new(&comparison).join("results.json"))?;

    run(&["report", &comparison])?;
    check_report(Path::new(&comparison))?;
    simulated(&run, &path)
}

/// Simulated showers, made at once and in parts, are the same, and take the same way.
fn simulated(run: &impl Fn(&[&str]) -> Result<String>, path: &impl Fn(&str) -> String) -> Result<()> {
    let simulate = |seed: &str, first: &str, n: &str, out: &str| {
        run(&[
            "simulate",
            "--detector",
            DETECTOR,
            "--particle",
            "gamma",
            "--energy",
            "10..100",
            "-n",
            n,
            "--seed",
            seed,
            "--first",
            first,
            "--out",
            out,
        ])
    };
    let [whole, part, other] = ["simulated.hdf5", "simulated_part.hdf5", "simulated_other.hdf5"].map(path);
    simulate("1", "0", "24", &whole)?;
    simulate("1", "20", "4", &part)?;
    simulate("2", "0", "24", &other)?;
    // One shower in the terminal tells its energy and cells: number 20 is the first of the part.
    let shower = |file: &str, at: &str| -> Result<String> {
        let seen = run(&["inspect", file, "--detector", DETECTOR, "--shower", at])?;
        Ok(seen.lines().skip(1).map(|line| format!("{line}\n")).collect())
    };
    if shower(&whole, "20")? != shower(&part, "0")? {
        bail!("shower 20 made alone is not shower 20 of the whole sample");
    }

    let comparison = path("simulated");
    let candidates = [format!("simulated={whole}"), format!("other={other}")];
    run(&[
        "evaluate",
        "--reference",
        PHOTONS,
        "--candidate",
        &candidates[0],
        "--candidate",
        &candidates[1],
        "--detector",
        DETECTOR,
        "--out",
        &comparison,
    ])?;
    run(&["report", &comparison])?;
    check_report(Path::new(&comparison))
}

/// A report is a whole page with figures in it.
fn check_report(folder: &Path) -> Result<()> {
    let html = fs::read_to_string(folder.join("report.html")).context("no report.html")?;
    if !html.contains("<svg") || !html.trim_end().ends_with("</html>") {
        bail!("report.html is not a whole page with figures in it");
    }
    Ok(())
}

/// Where cargo builds: the user may have moved it.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let text = read(cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cannot parse what `cargo metadata` prints")?;
    Ok(metadata["target_directory"].as_str().map_or_else(|| root().join("target"), PathBuf::from))
}

/// A sample compared with itself has distances of zero, one compared with another has not.
fn check_results(path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let results: Value =
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))?;
    let distances: Vec<Vec<f64>> = results["comparisons"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|comparison| {
            let histograms = comparison["histograms"].as_array().into_iter().flatten();
            histograms.filter_map(|histogram| histogram["jsd"]["value"].as_f64()).collect()
        })
        .collect();
    match &distances[..] {
        [itself, harsher]
            if itself.len() == 6
                && itself.iter().all(|jsd| jsd.abs() < 1e-7)
                && harsher.len() == 6
                && harsher.iter().any(|&jsd| jsd > 0.01) =>
        {
            Ok(())
        }
        _ => bail!("{}: distances {distances:?}; expected six zeros and six others", path.display()),
    }
}
