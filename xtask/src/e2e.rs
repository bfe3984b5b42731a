//! One tiny run of the binary from file to report, on the sample that comes with the sources, and the smallest reproduction of
//! table 2: training, encoding, density, generation and evaluation.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::{command, line, read, target_dir};
use crate::reproduce;

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
    simulated(&calo, &run, &path)?;
    trained(&calo, &out.join("table2"))
}

/// Networks are trained, encode, generate and are judged; done again, nothing is done.
fn trained(calo: &Path, out: &Path) -> Result<()> {
    let reproduce = || reproduce::run_with(calo, &["table2", "--profile", "tiny"], out);
    reproduce()?;
    let tables = || ["table2.json", "stages.json"].map(|name| fs::read(out.join(name)).unwrap_or_default());
    let first = tables();
    let table: Value = serde_json::from_slice(&first[0]).context("table2.json is no JSON")?;
    for column in table["seeds"][0]["configurations"].as_array().into_iter().flatten() {
        let list = |name: &str| column[name].as_array().cloned().unwrap_or_default();
        let distances = list("jsd");
        let all_known = !distances.is_empty() && distances.iter().all(|jsd| jsd["value"].is_f64());
        let s_jsd = list("scores").into_iter().find(|score| score["id"] == "s_jsd");
        if !all_known || !s_jsd.is_some_and(|score| score["value"].is_f64()) {
            bail!("table2.json: {column}; expected all distances and S_JSD");
        }
    }
    check_report(&out.join("seed-1/evaluation"))?;
    reproduce()?;
    if tables() != first {
        bail!("{}: a complete reproduction was done again", out.display());
    }
    Ok(())
}

/// Showers that are simulated at once and in a run that is killed and resumed are the same, and take the same way.
fn simulated(
    calo: &Path,
    run: &impl Fn(&[&str]) -> Result<String>,
    path: &impl Fn(&str) -> String,
) -> Result<()> {
    // Soft photons, so that blocks of 256 of them are made in no time.
    let soft = |out: &str| {
        let words =
            "simulate --detector ild-ecal --particle gamma --energy 0.01..0.05 -n 4000 --seed 3 --out";
        words.split(' ').chain([out]).map(str::to_owned).collect::<Vec<_>>()
    };
    let run_all = |words: &[String]| run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let [whole, killed] = ["soft.hdf5", "soft_killed.hdf5"].map(path);
    run_all(&soft(&whole))?;
    kill_after_a_block(command(calo).args(soft(&killed)), Path::new(&format!("{killed}.partial")))?;
    run_all(&soft(&killed))?;
    if fs::read(&whole)? != fs::read(&killed)? {
        bail!("{killed}, killed and resumed, is not {whole}");
    }

    let [photons, other] =
        [("1", "simulated.hdf5"), ("2", "simulated_other.hdf5")].map(|(seed, out)| (seed, path(out)));
    for (seed, out) in [&photons, &other] {
        let energies = ["--energy", "10..100", "-n", "24", "--seed", seed, "--out", out];
        run(&[&["simulate", "--detector", DETECTOR, "--particle", "gamma"][..], &energies].concat())?;
    }
    let ((_, whole), (_, other)) = (photons, other);
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

/// Starts `calo` and kills it once the first block of its work is in `partial`; if it is done before, so be it.
fn kill_after_a_block(calo: &mut Command, partial: &Path) -> Result<()> {
    println!("    {}   (killed on the way)", line(calo));
    let mut child = calo.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("cannot start calo")?;
    let has_block = || partial.join("block-000000").exists();
    while child.try_wait()?.is_none() && !has_block() {
        std::thread::sleep(Duration::from_millis(5));
    }
    if child.try_wait()?.is_none() {
        child.kill().context("cannot kill calo")?;
    }
    child.wait()?;
    Ok(())
}

/// A report is a whole page with figures in it.
fn check_report(folder: &Path) -> Result<()> {
    let html = fs::read_to_string(folder.join("report.html")).context("no report.html")?;
    if !html.contains("<svg") || !html.trim_end().ends_with("</html>") {
        bail!("report.html is not a whole page with figures in it");
    }
    Ok(())
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
            if !itself.is_empty()
                && itself.iter().all(|jsd| jsd.abs() < 1e-7)
                && harsher.len() == itself.len()
                && harsher.iter().any(|&jsd| jsd > 0.01) =>
        {
            Ok(())
        }
        _ => bail!("{}: distances {distances:?}; expected zeros and as many others", path.display()),
    }
}
