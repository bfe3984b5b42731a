//! `cargo xtask cuda-toolchain`: what a build for CUDA needs, on a machine with neither toolkit nor GPU.
//!
//! Compiler and headers come as Python wheels, laid out as an installed toolkit would be. The libraries are needed to
//! run, not to link: in their place stand stubs that know all their functions and do nothing (`stubs`).

mod stubs;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::flags::CudaFlags;
use crate::process::{command, is_on_path, read, root};
use crate::setup;

const COMPILER: &str = include_str!("../cuda/compiler.txt");
const LIBRARIES: &str = include_str!("../cuda/libraries.txt");
const NVCC: &str = include_str!("../cuda/nvcc");

/// Raised when what is written below changes, so that older folders are made anew.
const RECIPE: u32 = 2;

/// Makes the toolchain and says how to use it.
pub(crate) fn run(flags: &CudaFlags) -> Result<()> {
    let folder = flags.out.clone().unwrap_or_else(default_folder);
    let toolchain = Toolchain::ensure(&folder, flags.full)?;
    let version = read(command(toolchain.home().join("bin/nvcc")).arg("--version"))?;
    let release = version.lines().find(|line| line.contains("release")).unwrap_or("nvcc of unknown release");
    println!("{}", release.trim());
    println!("{}", toolchain.script());
    println!(
        "Ready: `cargo xtask build --cuda`, or `. {}` and any cargo command.",
        folder.join("env.sh").display()
    );
    Ok(())
}

/// `command` with what it takes to build for CUDA: nothing where a toolkit is installed, else the toolchain.
pub(crate) fn with_toolkit(command: &mut Command) -> Result<()> {
    // cudarc asks the nvcc on PATH for its release, wherever the toolkit stands.
    if !is_on_path("nvcc") {
        command.envs(Toolchain::ensure(&default_folder(), false)?.environment());
    }
    Ok(())
}

fn default_folder() -> PathBuf {
    setup::tools_dir().join("cuda")
}

/// A folder that holds all a build for CUDA needs.
#[derive(Debug)]
struct Toolchain {
    folder: PathBuf,
}

impl Toolchain {
    /// The toolchain in `folder`, made if it is not there; a few milliseconds if it is.
    fn ensure(folder: &Path, full: bool) -> Result<Self> {
        let folder = std::path::absolute(folder).with_context(|| format!("bad path {}", folder.display()))?;
        let toolchain = Self { folder };
        let stamp = toolchain.folder.join("stamp");
        let made = fs::read_to_string(&stamp).unwrap_or_default();
        // The full one serves for both.
        if made == toolchain.stamp(true) || (!full && made == toolchain.stamp(false)) {
            return Ok(toolchain);
        }
        let _ = fs::remove_file(&stamp);
        toolchain.make(full)?;
        write(&stamp, &toolchain.stamp(full))?;
        Ok(toolchain)
    }

    /// All that the folder's content depends on, its own place among it: links are absolute.
    fn stamp(&self, full: bool) -> String {
        let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap_or_default();
        let bindings = lock.split("[[package]]").find(|package| package.contains("name = \"cudarc\""));
        let version = bindings.and_then(|package| package.lines().find(|line| line.starts_with("version")));
        format!(
            "recipe {RECIPE}\nfolder {}\ncudarc {}\n{COMPILER}{}",
            self.folder.display(),
            version.unwrap_or_default(),
            if full { LIBRARIES } else { "" }
        )
    }

    /// What `nvcc` and the build scripts take for an installed toolkit.
    fn home(&self) -> PathBuf {
        self.folder.join("cuda")
    }

    fn make(&self, full: bool) -> Result<()> {
        let c_compiler = setup::c_compiler()
            .context("no C compiler found (Debian and Ubuntu: apt install build-essential)")?;
        if !["c++", "g++", "clang++"].into_iter().any(is_on_path) {
            bail!("no C++ compiler found, nvcc needs one (Debian and Ubuntu: apt install build-essential)");
        }
        let size = if full { "1.3 GB" } else { "105 MB" };
        println!("cuda-toolchain: fetching {size} of Python wheels into {}", self.folder.display());

        let wheels = self.folder.join("python");
        let lists = if full { vec![COMPILER, LIBRARIES] } else { vec![COMPILER] };
        let requirements: Vec<&str> = lists.into_iter().flat_map(requirements).collect();
        setup::install_wheels(&wheels, &requirements)
            .context("cannot fetch the CUDA compiler as Python wheels; install the CUDA toolkit by hand")?;
        let nvidia = setup::site_packages(&wheels)
            .map(|packages| packages.join("nvidia"))
            .find(|nvidia| nvidia.join("cu13/bin/nvcc").is_file())
            .context("the Python wheels hold no nvcc for this machine; install the CUDA toolkit by hand")?;
        self.lay_out(&nvidia)?;
        stubs::make(&self.home(), &self.folder.join("stub-run"), &c_compiler, full)?;
        write(&self.home().join("bin/nvcc-candle"), NVCC)?;
        make_executable(&self.home().join("bin/nvcc-candle"))?;
        write(&self.folder.join("env.sh"), &self.script())
    }

    /// Gives the wheels the last of a toolkit's ways: `lib64`, names without versions, cuDNN beside the others.
    fn lay_out(&self, nvidia: &Path) -> Result<()> {
        let home = self.home();
        link(&nvidia.join("cu13"), &home)?;
        link(Path::new("lib"), &home.join("lib64"))?;
        create(&home.join("lib/stubs"))?;
        for part in ["lib", "include"] {
            for file in files(&nvidia.join("cudnn").join(part)) {
                if let Some(name) = file.file_name() {
                    link(&file, &home.join(part).join(name))?;
                }
            }
        }
        for library in files(&home.join("lib")) {
            let Some(name) = library.file_name().and_then(|name| name.to_str()) else { continue };
            if let Some((stem, _)) = name.split_once(".so.").filter(|(stem, _)| !stem.ends_with(".alt")) {
                link(Path::new(name), &home.join("lib").join(format!("{stem}.so")))?;
            }
        }
        Ok(())
    }

    /// What a build sets. What the caller has set of it stays, but for the toolkit itself.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let home = self.home();
        let mut path = vec![home.join("bin")];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let path = std::env::join_paths(path).unwrap_or_default();
        let or = |name: &str, value: String| std::env::var(name).unwrap_or(value);
        let threads = thread::available_parallelism().map_or(1, usize::from).to_string();
        vec![
            ("CUDA_HOME", home.display().to_string()),
            ("CUDA_PATH", home.display().to_string()),
            ("PATH", path.to_string_lossy().into_owned()),
            ("NVCC", home.join("bin/nvcc-candle").display().to_string()),
            ("CUDA_COMPUTE_CAP", or("CUDA_COMPUTE_CAP", "90".to_owned())),
            ("CUDAFORGE_THREADS", or("CUDAFORGE_THREADS", threads)),
        ]
    }

    /// The same as [`Self::environment`] for a shell.
    fn script(&self) -> String {
        let home = self.home();
        let home = home.display();
        format!(
            "export CUDA_HOME='{home}' CUDA_PATH='{home}'\n\
             export PATH='{home}/bin':\"$PATH\"\n\
             export NVCC='{home}/bin/nvcc-candle'\n\
             # 80: A100, 86: RTX 30, 89: L4 and RTX 40, 90: H100 and H200, 120: RTX 50\n\
             export CUDA_COMPUTE_CAP=\"${{CUDA_COMPUTE_CAP:-90}}\"\n"
        )
    }
}

/// The lines of a list of requirements, without its comments.
fn requirements(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A symbolic link, in place of one that may be there.
fn link(to: &Path, at: &Path) -> Result<()> {
    let _ = fs::remove_file(at);
    symlink(to, at)
        .with_context(|| format!("cannot link {}", at.strip_prefix(root()).unwrap_or(at).display()))
}

fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} executable", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wheel_is_pinned() {
        let wheels: Vec<&str> = requirements(COMPILER).chain(requirements(LIBRARIES)).collect();
        assert_eq!(wheels.len(), 9);
        assert!(
            wheels.iter().all(|wheel| wheel.starts_with("nvidia-") && wheel.contains("==")),
            "{wheels:?}"
        );
    }

    #[test]
    fn what_is_there_is_not_made_again_and_the_full_one_serves_for_both() {
        let folder = std::env::temp_dir().join(format!("calo-cuda-toolchain-{}", std::process::id()));
        create(&folder).unwrap();
        let toolchain = Toolchain { folder: folder.clone() };
        write(&folder.join("stamp"), &toolchain.stamp(true)).unwrap();
        assert!(Toolchain::ensure(&folder, false).is_ok());
        assert!(Toolchain::ensure(&folder, true).is_ok());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_script_sets_what_the_build_reads() {
        let toolchain = Toolchain { folder: "/some/where".into() };
        let script = toolchain.script();
        for name in ["CUDA_HOME", "CUDA_PATH", "PATH", "NVCC", "CUDA_COMPUTE_CAP"] {
            assert!(script.contains(&format!("{name}=")), "{script}");
            assert!(toolchain.environment().iter().any(|(known, _)| *known == name));
        }
    }
}
