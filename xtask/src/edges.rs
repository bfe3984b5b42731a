//! Which workspace crate may use which: the table of `docs/architecture.md`, checked against `cargo metadata`.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::{cargo, read};

/// Every workspace crate with the workspace crates it may depend on. Whoever adds a crate adds it here.
const ALLOWED: &[(&str, &[&str])] = &[
    ("calo-data", &[]),
    ("calo-latent", &[]),
    ("calo-metrics", &[]),
    ("calo-nn", &["calo-data"]),
    ("calo-report", &["calo-metrics"]),
    ("calo-sim", &["calo-data"]),
    ("calo-run", &["calo-data", "calo-latent", "calo-metrics", "calo-nn", "calo-report", "calo-sim"]),
    (
        "calo-cli",
        &["calo-data", "calo-latent", "calo-metrics", "calo-nn", "calo-report", "calo-run", "calo-sim"],
    ),
    ("xtask", &[]),
];

/// Checks the edges of the workspace as it stands.
pub(crate) fn check() -> Result<()> {
    let text = read(cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cannot parse what `cargo metadata` prints")?;
    let problems = problems(&metadata);
    if !problems.is_empty() {
        bail!("{}", problems.join("; "));
    }
    println!("{} crates, no edge beside those of docs/architecture.md", ALLOWED.len());
    Ok(())
}

/// What is wrong with the edges, a sentence each. Development and build dependencies count too.
fn problems(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut problems = Vec::new();
    if names.is_empty() {
        problems.push("`cargo metadata` lists no package".to_owned());
    }
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            problems.push(format!("crate `{name}` is not in the table of xtask/src/edges.rs"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        for dependency in dependencies.iter().filter_map(|dependency| dependency["name"].as_str()) {
            if names.contains(&dependency) && !allowed.contains(&dependency) {
                problems.push(format!("`{name}` must not depend on `{dependency}`"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, dependencies: &[&str]) -> Value {
        let dependencies: Vec<Value> = dependencies.iter().map(|name| json!({ "name": name })).collect();
        json!({ "name": name, "dependencies": dependencies })
    }

    #[test]
    fn allowed_edges_and_outside_crates_pass() {
        let metadata = json!({ "packages": [
            package("calo-metrics", &["serde"]),
            package("calo-report", &["calo-metrics", "plotters"]),
        ]});
        assert_eq!(problems(&metadata), Vec::<String>::new());
    }

    #[test]
    fn an_edge_upwards_is_named() {
        let metadata = json!({ "packages": [
            package("calo-data", &["calo-metrics"]),
            package("calo-metrics", &[]),
        ]});
        assert_eq!(problems(&metadata), ["`calo-data` must not depend on `calo-metrics`"]);
    }

    #[test]
    fn a_crate_without_a_row_is_named() {
        let metadata = json!({ "packages": [package("calo-new", &[])] });
        assert_eq!(problems(&metadata).len(), 1);
    }
}
