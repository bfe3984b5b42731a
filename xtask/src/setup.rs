//! `cargo xtask setup`: what the build needs and a bare machine may lack.
//!
//! HDF5 is compiled in, which takes a C compiler, make or ninja, and a cmake newer than many distributions have. The last
//! two come as Python wheels; `xtask/bin/cmake`, which cargo hands to the build, finds them in `target/tools/bin`.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process::{command, is_on_path, read, root};

/// Oldest cmake that HDF5 2 accepts; `xtask/bin/cmake` says the same.
const CMAKE_MIN: (u32, u32) = (3, 26);

/// Checks, fetches what is missing and says what there is.
pub(crate) fn run() -> Result<()> {
    let tools = ensure()?;
    println!("C compiler: {}", tools.c_compiler);
    println!("cmake:      {}", tools.cmake);
    println!("build tool: {}", tools.build_tool);
    println!("Ready: `cargo build`, `cargo test`, `cargo xtask ci`.");
    Ok(())
}

/// What the build will use.
#[derive(Debug)]
pub(crate) struct Tools {
    c_compiler: String,
    cmake: String,
    build_tool: String,
}

/// Makes sure that the build has its tools. Costs a few milliseconds where it has.
pub(crate) fn ensure() -> Result<Tools> {
    let Some(c_compiler) = c_compiler() else {
        bail!(
            "no C compiler found, HDF5 needs one: install gcc or clang (Debian and Ubuntu: apt install build-essential)"
        );
    };

    // All that PATH lacks is fetched together: one folder of wheels, made anew whenever something in it is missing.
    let (cmake, ninja) = (fetched("cmake"), fetched("ninja"));
    let mut lacking = Vec::new();
    if !new_enough(Path::new("cmake")) {
        lacking.push(("cmake", "cmake>=3.26,<5"));
    }
    if !is_on_path("make") && !is_on_path("ninja") {
        lacking.push(("ninja", "ninja>=1.11,<2"));
    }
    let is_there =
        |&(name, _): &(&str, &str)| if name == "cmake" { new_enough(&cmake) } else { ninja.is_file() };
    if !lacking.iter().all(is_there) {
        fetch(&lacking)?;
    }

    let describe = |name: &str, path: &Path, on_path: bool| {
        if on_path { format!("{name}, on PATH") } else { relative(path) }
    };
    Ok(Tools {
        c_compiler,
        cmake: describe("cmake", &cmake, new_enough(Path::new("cmake"))),
        build_tool: if is_on_path("make") {
            "make, on PATH".to_owned()
        } else {
            describe("ninja", &ninja, is_on_path("ninja"))
        },
    })
}

/// The C compiler of `CC` or on PATH.
pub(crate) fn c_compiler() -> Option<String> {
    match env::var("CC") {
        Ok(cc) if !cc.is_empty() => Some(cc),
        _ => ["cc", "gcc", "clang"].into_iter().find(|name| is_on_path(name)).map(str::to_owned),
    }
}

/// Where a fetched program stands.
fn fetched(name: &str) -> PathBuf {
    tools_dir().join("bin").join(name)
}

pub(crate) fn tools_dir() -> PathBuf {
    root().join("target/tools")
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn new_enough(cmake: &Path) -> bool {
    read(command(cmake).arg("--version")).is_ok_and(|text| parse_cmake_version(&text) >= Some(CMAKE_MIN))
}

fn parse_cmake_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.lines().next()?.strip_prefix("cmake version ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Installs Python wheels and links their programs into `target/tools/bin`; the link comes last, so it is the stamp.
fn fetch(missing: &[(&str, &str)]) -> Result<()> {
    let names = missing.iter().map(|&(name, _)| name).collect::<Vec<_>>().join(" and ");
    let by_hand = format!("install {names} by hand (cmake 3.26 or newer)");
    println!("setup: fetching {names} for the build of HDF5 into target/tools");

    let wheels = tools_dir().join("python");
    let requirements: Vec<&str> = missing.iter().map(|&(_, requirement)| requirement).collect();
    install_wheels(&wheels, &requirements)
        .with_context(|| format!("cannot fetch {names} as Python wheels; {by_hand}"))?;

    fs::create_dir_all(tools_dir().join("bin")).context("cannot create target/tools/bin")?;
    for &(name, _) in missing {
        let Some(program) = wheel_program(&wheels, name) else {
            bail!("the Python wheel `{name}` holds no program that runs on this machine; {by_hand}");
        };
        let link = fetched(name);
        let _ = fs::remove_file(&link);
        symlink(&program, &link).with_context(|| format!("cannot link {}", relative(&link)))?;
    }
    Ok(())
}

/// Installs `requirements` into a new virtual environment at `folder`, or with pip alone where Python has no venv
/// (Debian packs it separately).
pub(crate) fn install_wheels(folder: &Path, requirements: &[&str]) -> Result<()> {
    let python = python()?;
    let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    if read(command(python).args(["-m", "venv", "--clear"]).arg(folder)).is_ok() {
        read(command(folder.join("bin/python")).args(quiet).args(requirements))?;
    } else if read(command(python).args(["-m", "pip", "--version"])).is_ok() {
        read(command(python).args(quiet).arg("--target").arg(folder).arg("--upgrade").args(requirements))?;
    } else {
        bail!("{python} has neither venv nor pip (Debian and Ubuntu: apt install python3-venv)");
    }
    Ok(())
}

/// Where [`install_wheels`] may have put the wheels in `folder`.
pub(crate) fn site_packages(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let pythons = fs::read_dir(folder.join("lib")).into_iter().flatten().flatten();
    pythons.map(|python| python.path().join("site-packages")).chain([folder.to_owned()])
}

/// The name of a Python 3 on PATH.
pub(crate) fn python() -> Result<&'static str> {
    let is_python_3 = |name: &&str| {
        read(command(name).args(["-c", "import sys; assert sys.version_info >= (3, 8)"])).is_ok()
    };
    ["python3", "python"]
        .into_iter()
        .find(is_python_3)
        .context("no Python 3 on PATH (Debian and Ubuntu: apt install python3-venv)")
}

/// The program `name` inside the wheel of that name. The binary itself where the wheel holds one: the script in `bin`
/// is slower and, without a virtual environment, does not find its module.
fn wheel_program(wheels: &Path, name: &str) -> Option<PathBuf> {
    site_packages(wheels)
        .map(|packages| packages.join(name).join("data/bin").join(name))
        .chain([wheels.join("bin").join(name)])
        .find(|program| program.is_file() && read(command(program).arg("--version")).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cmake_version_is_compared_as_numbers() {
        let version = |text| parse_cmake_version(text);
        assert_eq!(version("cmake version 3.25.1\n\nCMake suite maintained"), Some((3, 25)));
        assert!(version("cmake version 3.25.1") < Some(CMAKE_MIN));
        assert!(version("cmake version 3.9.0") < Some(CMAKE_MIN));
        assert!(version("cmake version 4.4.4-rc1") >= Some(CMAKE_MIN));
        assert!(version("command not found") < Some(CMAKE_MIN));
    }

    #[test]
    fn the_script_cargo_calls_agrees_on_the_oldest_cmake() {
        let script = fs::read_to_string(root().join("xtask/bin/cmake")).unwrap();
        let (major, minor) = CMAKE_MIN;
        assert!(
            script.contains(&format!("\"$major\" -eq {major} ] && [ \"$minor\" -ge {minor}")),
            "{script}"
        );
    }
}
