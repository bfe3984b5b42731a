//! Names the git revision for provenance, and lists the experiments and configurations that go into the library.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=CALO_REVISION={}", revision());
    let configs = workspace().join("configs/experiments");
    println!("cargo::rerun-if-changed={}", configs.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("experiments.rs"), list(&configs)?)
}

fn workspace() -> PathBuf {
    PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../..")
}

/// The revision of the sources, marked where files under version control differ from it; `unknown` without git.
fn revision() -> String {
    let unknown = || "unknown".to_owned();
    // Sources copied into another repository have none of its revisions.
    let top = git(&["rev-parse", "--show-toplevel"]).and_then(|top| Path::new(&top).canonicalize().ok());
    if top.is_none() || top != workspace().canonicalize().ok() {
        return unknown();
    }
    let Some(revision) = git(&["rev-parse", "--short=12", "HEAD"]) else { return unknown() };
    for name in ["HEAD", "refs", "packed-refs"] {
        // In a worktree branches stand elsewhere than HEAD does; git knows where.
        let path = git(&["rev-parse", "--path-format=absolute", "--git-path", name]);
        if let Some(path) = path.filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    // All that goes into this library: an edit there makes it anew in any case. The command and the developer's helper are
    // left out, for an edit there would compile this library again only to mark the revision.
    let crates = ["core", "data", "latent", "metrics", "nn", "report", "run", "sim", "tensor"];
    let sources = crates.map(|name| format!("crates/calo-{name}/src"));
    let manifests = crates.map(|name| format!("crates/calo-{name}/Cargo.toml"));
    let others =
        ["Cargo.lock", "Cargo.toml", "configs/detectors", "crates/calo-report/assets", "data/models"];
    for path in sources.iter().chain(&manifests).map(String::as_str).chain(others) {
        println!("cargo::rerun-if-changed={}", workspace().join(path).display());
    }
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]).unwrap_or_default();
    if changes.is_empty() { revision } else { format!("{revision}-dirty") }
}

/// What git says, where there is git and it succeeds.
fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).current_dir(workspace()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// A Rust list of names and texts of all TOML files in `folder`.
fn list(folder: &Path) -> io::Result<String> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut text = String::from("&[\n");
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = path.canonicalize()?;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    ({name:?}, include_str!({:?})),", path.display().to_string());
    }
    text.push_str("]\n");
    Ok(text)
}
