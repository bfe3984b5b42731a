//! One tiny run of the binary from file to report, on the sample that comes with the sources.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::{cargo, command, line, read, root};

const PHOTONS: &str = "data/photons.hdf5";
const DETECTOR: &str = "ild-ecal";

/// inspect, project, split, evaluate, report; every output must be there and hold something.
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

    let filtered = path("filtered.hdf5");
    run(&["filter", PHOTONS, "--detector", DETECTOR, "--out", &filtered])?;

    let comparison = path("comparison");
    run(&[
        "evaluate",
        "--reference",
        PHOTONS,
        "--candidate",
        &filtered,
        "--detector",
        DETECTOR,
        "--out",
        &comparison,
    ])?;
    check_results(&Path::new(&comparison).join("results.json"))?;

    run(&["report", &comparison])?;
    let html = fs::read_to_string(Path::new(&comparison).join("report.html")).context("no report.html")?;
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

fn check_results(path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let results: Value =
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))?;
    let n_samples = results["samples"].as_array().map_or(0, Vec::len);
    let n_comparisons = results["comparisons"].as_array().map_or(0, Vec::len);
    if (n_samples, n_comparisons) != (2, 1) {
        bail!("{}: {n_samples} samples and {n_comparisons} comparisons; expected 2 and 1", path.display());
    }
    Ok(())
}
