//! The Python that the peers run in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::is_python;
use crate::flags::BenchGroup;
use crate::process::{command, read};
use crate::setup::{python, tools_dir};

/// A Python interpreter that has what the peers import.
pub(crate) struct Peers {
    python: PathBuf,
}

impl Peers {
    /// The given interpreter, the one on PATH if it has everything, or one set up under `target/tools`.
    pub(crate) fn find(given: Option<&Path>, groups: &[BenchGroup]) -> Result<Self> {
        Self::with(given, &packages(groups))
    }

    /// One that has PyTorch too.
    pub(crate) fn with_torch(given: Option<&Path>) -> Result<Self> {
        Self::with(given, &["numpy", "torch"])
    }

    /// One that has ONNX Runtime as well.
    pub(crate) fn with_onnx(given: Option<&Path>) -> Result<Self> {
        Self::with(given, &["numpy", "torch", "onnx", "onnxruntime"])
    }

    fn with(given: Option<&Path>, packages: &[&str]) -> Result<Self> {
        if let Some(given) = given {
            // Commands run in the root of the workspace; the user meant the folder they are in.
            let python = std::path::absolute(given).context("cannot resolve --python")?;
            if !has(&python, packages) {
                bail!("{}: no Python with {}", given.display(), packages.join(", "));
            }
            return Ok(Self { python });
        }
        let ready = [PathBuf::from("python3"), tools_dir().join("peers/bin/python")];
        match ready.into_iter().find(|python| has(python, packages)) {
            Some(python) => Ok(Self { python }),
            None => Self::set_up(packages),
        }
    }

    fn set_up(packages: &[&str]) -> Result<Self> {
        let folder = tools_dir().join("peers");
        let interpreter = folder.join("bin/python");
        println!("bench: fetching {} into target/tools/peers", packages.join(", "));
        if !is_python(&interpreter) {
            read(command(python()?).args(["-m", "venv", "--clear"]).arg(&folder)).context(
                "the peers need a virtual environment (Debian and Ubuntu: apt install python3-venv)",
            )?;
        }
        read(command(&interpreter).args(["-m", "pip", "install", "--quiet"]).args(packages))
            .context("cannot fetch the Python peers; name an interpreter that has them by --python")?;
        if !has(&interpreter, packages) {
            bail!("the fetched peers do not load; name an interpreter that has them by --python");
        }
        Ok(Self { python: interpreter })
    }

    /// A command that runs `xtask/peers/NAME`.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = command(&self.python);
        command.arg(format!("xtask/peers/{name}"));
        command
    }

    /// `h5py 3.16.0, numpy 2.4.6 ...`: those of `packages` that are installed.
    pub(crate) fn versions(&self, packages: &[&str]) -> String {
        const CODE: &str = "
from importlib.metadata import version, PackageNotFoundError
import platform, sys
found = ['Python ' + platform.python_version()]
for name in sys.argv[1:]:
    try:
        found.append(name + ' ' + version(name))
    except PackageNotFoundError:
        pass
print(', '.join(found))";
        read(command(&self.python).args(["-c", CODE]).args(packages)).unwrap_or_default().trim().to_owned()
    }
}

fn packages(groups: &[BenchGroup]) -> Vec<&'static str> {
    let mut packages = vec!["h5py", "numpy"];
    if groups.contains(&BenchGroup::Metrics) {
        packages.push("jetnet");
    }
    if groups.contains(&BenchGroup::Latent) {
        packages.extend(["scipy", "scikit-learn", "statsmodels"]);
    }
    packages
}

/// Whether the packages are installed and import; JetNet does so only with the help of `peers/fpd.py`.
fn has(python: &Path, packages: &[&str]) -> bool {
    let imported = packages.iter().copied().filter(|name| *name != "jetnet");
    // The one package whose module has another name.
    let imported: Vec<&str> =
        imported.map(|name| if name == "scikit-learn" { "sklearn" } else { name }).collect();
    let imported = imported.join(", ");
    let code =
        format!("import importlib.metadata as m, {imported}; [m.version(name) for name in {packages:?}]");
    read(command(python).args(["-c", &code])).is_ok()
}
