//! `cargo xtask ci outside`: whether somebody else's crate can use each library of the workspace.
//!
//! For every library a small crate is written below `target/outside`, a workspace of its own that depends on the library
//! by path; its code is `xtask/outside/NAME.rs`. All are checked, also without the library's default features, and two
//! are run. They take over the lock file, the profile and the target folder of the workspace, so that what they depend
//! on is compiled once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use toml::{Table, toml};

use crate::process::{self, cargo, read, root};

/// Libraries whose outside crates are also built and run.
const RUN: [&str; 2] = ["calo-core", "calo-sim"];

/// Libraries that contain HDF5, which is C and built by cmake. All others need a Rust toolchain and a linker only.
const WITH_HDF5: [&str; 2] = ["calo-data", "calo-run"];

/// A library of the workspace.
#[derive(Debug, PartialEq)]
struct Library {
    name: String,
    /// Folder of its `Cargo.toml`.
    folder: PathBuf,
    /// Libraries of the workspace that it uses itself, and that its users meet in its functions.
    uses: Vec<String>,
    has_default_features: bool,
}

/// Writes, checks and runs the outside crates.
pub(crate) fn run() -> Result<()> {
    let text = read(cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cannot parse what `cargo metadata` prints")?;
    let target = metadata["target_directory"].as_str().context("`cargo metadata` names no target folder")?;
    let libraries = libraries(&metadata);
    ensure!(!libraries.is_empty(), "`cargo metadata` lists no library");
    let mut n_crates = 0;
    for library in &libraries {
        let variants: &[bool] = if library.has_default_features { &[true, false] } else { &[true] };
        for &default_features in variants {
            let outside = write_crate(Path::new(target), library, &libraries, default_features)?;
            check_needs(library, &outside.tree)?;
            let runs = default_features && RUN.contains(&library.name.as_str());
            let mut cargo = cargo();
            cargo.arg(if runs { "run" } else { "check" }).args([
                "--quiet",
                "--offline",
                "--target-dir",
                target,
            ]);
            process::run(cargo.arg("--manifest-path").arg(&outside.manifest))?;
            n_crates += 1;
        }
    }
    println!("{n_crates} crates outside the workspace use its {} libraries", libraries.len());
    Ok(())
}

/// The library crates of the workspace, without programs and extension modules.
fn libraries(metadata: &Value) -> Vec<Library> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is_library = |package: &Value| {
        list(&package["targets"]).iter().any(|target| list(&target["kind"]).contains(&Value::from("lib")))
    };
    let packages: Vec<Value> = list(&metadata["packages"]).into_iter().filter(is_library).collect();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let names: Vec<String> = packages.iter().map(name).collect();
    let is_used = |dependency: &Value| dependency["kind"].is_null() && names.contains(&name(dependency));
    let library = |package: &Value| {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        Library {
            name: name(package),
            folder: manifest.parent().unwrap_or(manifest).to_owned(),
            uses: list(&package["dependencies"]).iter().filter(|used| is_used(used)).map(name).collect(),
            has_default_features: !list(&package["features"]["default"]).is_empty(),
        }
    };
    packages.iter().map(library).collect()
}

/// A crate outside the workspace.
struct OutsideCrate {
    /// Path of its manifest.
    manifest: PathBuf,
    /// What it depends on, as `cargo tree --prefix depth` prints it.
    tree: String,
}

/// Writes the crate that uses `library`.
fn write_crate(
    target: &Path,
    library: &Library,
    libraries: &[Library],
    default_features: bool,
) -> Result<OutsideCrate> {
    let Library { name, .. } = library;
    let code = root().join("xtask/outside").join(format!("{name}.rs"));
    let code = fs::read_to_string(&code).with_context(|| {
        format!("{}: cannot read the crate that uses {name}; expected the code of one", code.display())
    })?;
    let text = fs::read_to_string(root().join("Cargo.toml")).context("cannot read Cargo.toml")?;
    let workspace: Table = text.parse().context("Cargo.toml is no TOML")?;
    let mut manifest = manifest(library, libraries, default_features);
    let folder = target.join("outside").join(manifest_name(library, default_features));
    let write = |path: &str, text: &str| -> Result<()> {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&folder))
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("{}: cannot write it", path.display()))
    };
    write("Cargo.toml", &toml::to_string(&manifest)?)?;
    write("src/main.rs", &code)?;
    let lock = fs::read_to_string(root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    write("Cargo.lock", &lock)?;
    let path = folder.join("Cargo.toml");
    let mut tree = cargo();
    tree.args(["tree", "--offline", "--edges", "normal,build", "--prefix", "depth", "--manifest-path"]);
    let tree = read(tree.arg(&path))?;
    take_over_profile(&mut manifest, &workspace, &tree);
    write("Cargo.toml", &toml::to_string(&manifest)?)?;
    Ok(OutsideCrate { manifest: path, tree })
}

fn manifest_name(library: &Library, default_features: bool) -> String {
    format!("uses-{}{}", library.name, if default_features { "" } else { "-bare" })
}

/// A manifest that depends on `library` and on what that uses.
fn manifest(library: &Library, libraries: &[Library], default_features: bool) -> Table {
    let mut manifest = toml! {
        [package]
        version = "0.0.0"
        edition = "2024"
        publish = false

        // So that cargo does not look for one above.
        [workspace]
    };
    let find = |name: &String| libraries.iter().find(|library| library.name == *name);
    let mut dependencies = Table::new();
    for used in library.uses.iter().filter_map(find).chain([library]) {
        let mut dependency = Table::new();
        dependency.insert("path".to_owned(), used.folder.display().to_string().into());
        if used.name == library.name {
            dependency.insert("default-features".to_owned(), default_features.into());
        }
        dependencies.insert(used.name.clone(), dependency.into());
    }
    if let Some(package) = manifest.get_mut("package").and_then(toml::Value::as_table_mut) {
        package.insert("name".to_owned(), manifest_name(library, default_features).into());
    }
    manifest.insert("dependencies".to_owned(), dependencies.into());
    manifest
}

/// Puts the development profile of `workspace` into `manifest`, whose dependencies are `tree`: then what both depend on is
/// compiled once.
fn take_over_profile(manifest: &mut Table, workspace: &Table, tree: &str) {
    let profile = workspace.get("profile").and_then(|profile| profile.get("dev")).cloned();
    let Some(mut profile) = profile else { return };
    // Cargo warns of packages that it does not meet.
    if let Some(packages) = profile.get_mut("package").and_then(toml::Value::as_table_mut) {
        let met: Vec<&str> = dependencies(tree).map(|(_, name)| name).collect();
        packages.retain(|name, _| name == "*" || met.contains(&name));
    }
    manifest.insert("profile".to_owned(), Table::from_iter([("dev".to_owned(), profile)]).into());
}

/// Depth and name of every package in a tree that `cargo tree --prefix depth` prints.
fn dependencies(tree: &str) -> impl Iterator<Item = (usize, &str)> {
    tree.lines().filter_map(|line| {
        let n_digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let (depth, package) = line.split_at(n_digits);
        Some((depth.parse().ok()?, package.split(' ').next().unwrap_or_default()))
    })
}

/// Refuses a library that needs more than a Rust toolchain and a linker, unless it contains HDF5.
fn check_needs(library: &Library, tree: &str) -> Result<()> {
    let compiling = compiling_c(tree);
    if !WITH_HDF5.contains(&library.name.as_str()) && !compiling.is_empty() {
        bail!(
            "{} needs a C compiler for {}; expected dependencies in Rust alone",
            library.name,
            compiling.join(", ")
        );
    }
    Ok(())
}

/// The packages of a dependency tree, as `cargo tree --prefix depth` prints it, whose build scripts compile C.
fn compiling_c(tree: &str) -> Vec<String> {
    let mut above: Vec<&str> = Vec::new();
    let mut compiling: Vec<String> = Vec::new();
    for (depth, name) in dependencies(tree) {
        above.truncate(depth);
        // BLAKE3 has a compiler at hand and, with its feature `pure`, does not use it.
        if let Some(&user) = above.last().filter(|user| ["cc", "cmake"].contains(&name) && **user != "blake3")
            && user != "cmake"
            && !compiling.iter().any(|known| known == user)
        {
            compiling.push(user.to_owned());
        }
        above.push(name);
    }
    compiling
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata() -> Value {
        let package = |name: &str, kind: &str, dependencies: Value, features: Value| {
            json!({
                "name": name,
                "manifest_path": format!("/here/crates/{name}/Cargo.toml"),
                "targets": [{ "kind": [kind] }, { "kind": ["test"] }],
                "dependencies": dependencies,
                "features": features,
            })
        };
        json!({ "packages": [
            package("calo-core", "lib", json!([{ "name": "serde", "kind": null }]), json!({})),
            package(
                "calo-sim",
                "lib",
                json!([{ "name": "calo-core", "kind": null }, { "name": "calo-data", "kind": "dev" }]),
                json!({ "default": ["fast"], "fast": [] }),
            ),
            package("calo-data", "lib", json!([{ "name": "calo-core", "kind": null }]), json!({})),
            package("calo-cli", "bin", json!([{ "name": "calo-sim", "kind": null }]), json!({})),
        ]})
    }

    #[test]
    fn libraries_are_found_with_what_they_use() {
        let libraries = libraries(&metadata());
        let names: Vec<&str> = libraries.iter().map(|library| library.name.as_str()).collect();
        assert_eq!(names, ["calo-core", "calo-sim", "calo-data"]);
        assert_eq!(libraries[1].uses, ["calo-core"]);
        assert_eq!(libraries[1].folder, Path::new("/here/crates/calo-sim"));
        assert_eq!(
            libraries.iter().map(|l| l.has_default_features).collect::<Vec<_>>(),
            [false, true, false]
        );
    }

    #[test]
    fn manifests_take_over_the_profile_of_what_they_meet() {
        let workspace: Table = "
            [profile.dev]
            debug = false
            [profile.dev.package]
            '*' = { opt-level = 3 }
            calo-core = { opt-level = 2 }
            calo-data = { opt-level = 1 }
            syn = { opt-level = 0 }
        "
        .parse()
        .unwrap();
        let libraries = libraries(&metadata());
        let mut manifest = manifest(&libraries[1], &libraries, false);
        assert_eq!(manifest["package"]["name"].as_str(), Some("uses-calo-sim-bare"));
        assert_eq!(manifest["dependencies"]["calo-sim"]["default-features"].as_bool(), Some(false));
        assert_eq!(manifest["dependencies"]["calo-core"]["path"].as_str(), Some("/here/crates/calo-core"));
        let tree = "0uses-calo-sim v0.0.0 (/here)\n1calo-core v0.1.0\n2serde v1.0.0\n3syn v2.0.0\n1calo-sim v0.1.0\n";
        take_over_profile(&mut manifest, &workspace, tree);
        let packages = manifest["profile"]["dev"]["package"].as_table().unwrap();
        assert_eq!(packages.keys().map(String::as_str).collect::<Vec<_>>(), ["*", "calo-core", "syn"]);
    }

    #[test]
    fn c_is_found_where_it_is_compiled() {
        let tree = "0uses-calo-data v0.0.0 (/here)\n1calo-core v0.1.0\n2blake3 v1.8.0\n3cc v1.2.0\n4shlex v1.3.0\n\
                    2serde v1.0.0\n1hdf5-metno-src v0.10.0\n2cmake v0.1.54\n3cc v1.2.0 (*)\n1zstd-sys v2.0.0\n\
                    2cc v1.2.0 (*)\n";
        assert_eq!(compiling_c(tree), ["hdf5-metno-src", "zstd-sys"]);
        assert_eq!(
            compiling_c("0uses-calo-core v0.0.0\n1calo-core v0.1.0\n2blake3 v1.8.0\n3cc v1.2.0\n"),
            [""; 0]
        );
    }
}
