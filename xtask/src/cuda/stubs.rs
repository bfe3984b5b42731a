//! Stubs of CUDA's libraries: enough to link, and to start on a machine without a GPU and hear that there is none.
//!
//! A stub has a function of every name that the library has, and each returns one error that the library knows.
//! Names come from the driver's header and, for the libraries, from the bindings that the program is built with.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{create, link};
use crate::process::{cargo, command, line, read};

/// A library that programs link with.
#[derive(Debug, Clone, Copy)]
struct Library {
    name: &'static str,
    /// Its name at run time.
    soname: &'static str,
    /// Its module in the bindings.
    module: &'static str,
    /// What its stub answers: "not initialised" or the like.
    answer: u32,
}

const DRIVER: Library = Library { name: "cuda", soname: "libcuda.so.1", module: "driver", answer: 100 };

const LIBRARIES: [Library; 5] = [
    Library { name: "cublas", soname: "libcublas.so.13", module: "cublas", answer: 1 },
    Library { name: "cublasLt", soname: "libcublasLt.so.13", module: "cublaslt", answer: 1 },
    Library { name: "curand", soname: "libcurand.so.10", module: "curand", answer: 101 },
    Library { name: "nvrtc", soname: "libnvrtc.so.13", module: "nvrtc", answer: 2 },
    Library { name: "cudnn", soname: "libcudnn.so.9", module: "cudnn", answer: 1001 },
];

/// Makes the stubs in `home/lib/stubs`, and links under their run-time names in `run`. The driver is always a stub,
/// the libraries only where the real ones are not there.
pub(super) fn make(home: &Path, run: &Path, c_compiler: &str, full: bool) -> Result<()> {
    create(run)?;
    let stubs = home.join("lib/stubs");
    let stub = |library: Library, functions: &BTreeSet<String>| -> Result<()> {
        let path = stubs.join(format!("lib{}.so", library.name));
        compile(c_compiler, &path, library, functions)?;
        link(&path, &run.join(library.soname))
    };

    let header = home.join("include/cuda.h");
    let text = fs::read_to_string(&header).with_context(|| format!("cannot read {}", header.display()))?;
    stub(DRIVER, &driver_functions(&text))?;
    // The runtime is real: it came with the compiler.
    link(&home.join("lib/libcudart.so.13"), &run.join("libcudart.so.13"))?;
    if full {
        return Ok(());
    }
    let bindings = bindings()?;
    for library in LIBRARIES {
        let source = bindings.join(library.module).join("sys/mod.rs");
        let text =
            fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
        stub(library, &bound_functions(&text))?;
    }
    Ok(())
}

/// Where cargo keeps the source of the bindings.
fn bindings() -> Result<PathBuf> {
    let text = read(cargo().args(["metadata", "--format-version=1", "--all-features"]))
        .context("cannot find the source of cudarc; `cargo fetch` gets it")?;
    let metadata: Value = serde_json::from_str(&text).context("cannot parse what `cargo metadata` prints")?;
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "cudarc")
        .and_then(|package| package["manifest_path"].as_str());
    let source = manifest.map(|manifest| Path::new(manifest).with_file_name("src"));
    source.context("no crate of this workspace uses cudarc: what would CUDA be for?")
}

/// Every name `cu` + capital in the driver's header: its functions, among some types that do no harm.
fn driver_functions(header: &str) -> BTreeSet<String> {
    let is_function = |word: &&str| {
        word.strip_prefix("cu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    words(header).filter(is_function).map(str::to_owned).collect()
}

/// The functions of a module of the bindings, but for its own two helpers.
fn bound_functions(source: &str) -> BTreeSet<String> {
    let names = source.split("pub unsafe fn ").skip(1).filter_map(|rest| words(rest).next());
    names.filter(|name| !["culib", "is_culib_present"].contains(name)).map(str::to_owned).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn compile(c_compiler: &str, path: &Path, library: Library, functions: &BTreeSet<String>) -> Result<()> {
    if functions.is_empty() {
        bail!("found no function for {}: its bindings are not what they were", path.display());
    }
    let Library { soname, answer, .. } = library;
    let source: String =
        functions.iter().map(|name| format!("int {name}(void) {{ return {answer}; }}\n")).collect();
    let mut words = c_compiler.split_whitespace();
    let mut compiler = command(words.next().unwrap_or("cc"));
    compiler.args(words).args(["-x", "c", "-w", "-shared", "-fPIC", "-O1", "-nostdlib"]);
    compiler.arg(format!("-Wl,-soname,{soname}")).arg("-o").arg(path).arg("-");
    let cannot = || format!("cannot run `{}`", line(&compiler));
    let mut child = command(compiler.get_program())
        .args(compiler.get_args())
        .stdin(Stdio::piped())
        .spawn()
        .with_context(cannot)?;
    child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(source.as_bytes())).with_context(cannot)?;
    let status = child.wait().with_context(cannot)?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(&compiler));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_in_a_header_and_in_bindings() {
        let header =
            "#define cuMemAlloc cuMemAlloc_v2\nCUresult CUDAAPI cuInit(unsigned int Flags);\nint custom;";
        assert_eq!(Vec::from_iter(driver_functions(header)), ["cuInit", "cuMemAlloc", "cuMemAlloc_v2"]);
        let bindings = "pub unsafe fn culib() {}\n    pub unsafe fn cudnnCreate(\n handle: *mut H) -> S;";
        assert_eq!(Vec::from_iter(bound_functions(bindings)), ["cudnnCreate"]);
    }

    #[test]
    fn a_stub_without_functions_is_refused() {
        assert!(compile("cc", Path::new("/nowhere/libnone.so"), DRIVER, &BTreeSet::new()).is_err());
    }
}
