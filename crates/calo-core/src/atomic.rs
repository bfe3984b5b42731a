//! Files that appear whole or not at all: a temporary name in the same folder, fsync, rename, fsync of the folder.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Suffix of temporary names.
const SUFFIX: &str = ".partial";

/// A file under construction. Dropping it without [`AtomicFile::commit`] leaves the file under the final name as it
/// was.
///
/// ```
/// use std::io::Write;
///
/// # fn main() -> calo_core::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("table.txt");
/// let mut file = calo_core::AtomicFile::create(&path)?;
/// file.as_file_mut().write_all(b"whole").unwrap();
/// assert!(!path.exists());
/// file.commit()?;
/// assert!(path.exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    temporary: NamedTempFile,
}

impl AtomicFile {
    /// Opens a temporary file next to `path`, which may or may not exist.
    ///
    /// # Errors
    /// `path` is a directory, a device or a read-only file, or its folder is missing or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        // A link stays a link: what it points to is replaced.
        let path = &followed(path)?;
        let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
            return Err(Error::file(path, "is a directory", "the name of a file to write"));
        };
        // Renaming over a device or a pipe would replace it.
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Error::file(path, "is not a regular file", "the name of a file to write"));
        }
        // Renaming would replace it all the same.
        if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly()) {
            return Err(Error::file(
                path,
                "is read-only",
                "a file that may be replaced (--force, or chmod u+w)",
            ));
        }
        let folder = folder_of(path);
        if !folder.is_dir() {
            let problem = format!("the folder {} does not exist", folder.display());
            return Err(Error::file(path, problem, "an existing folder to write into"));
        }
        let mut builder = tempfile::Builder::new();
        // Names may have 255 bytes, and the temporary name is longer than the final one.
        let start: String = name.to_string_lossy().chars().take(50).collect();
        let prefix = format!(".{start}.");
        builder.prefix(&prefix).suffix(SUFFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Like any new file: others may read it unless the umask forbids it.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let temporary =
            builder.tempfile_in(folder).map_err(|e| Error::io(path, "create a temporary file beside", e))?;
        Ok(Self { path: path.to_owned(), temporary })
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The temporary name, for writers that need a path.
    pub fn temporary_path(&self) -> &Path {
        self.temporary.path()
    }

    /// The file, to write to.
    pub fn as_file_mut(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }

    /// Writes the content to the disk and gives it its final name, replacing any file of that name.
    ///
    /// # Errors
    /// The disk is full or the final name cannot be taken; the temporary file is removed then.
    pub fn commit(self) -> Result<()> {
        let Self { path, temporary } = self;
        temporary.as_file().sync_all().map_err(|e| Error::io(&path, "bring to the disk", e))?;
        temporary.persist(&path).map_err(|e| Error::io(&path, "rename the finished file to", e.error))?;
        sync_folder(&path);
        Ok(())
    }
}

/// Writes `content` to `path`, whole or not at all.
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::commit`], or the disk is full.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.as_file_mut().write_all(content).map_err(|e| Error::io(path, "write", e))?;
    file.commit()
}

/// Removes what [`AtomicFile`]s of a killed process left in `folder`. No other process may be writing there.
///
/// # Errors
/// The folder cannot be read, or a file not removed.
pub fn remove_unfinished(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|e| Error::io(folder, "list", e))? {
        let entry = entry.map_err(|e| Error::io(folder, "list", e))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(SUFFIX) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|e| Error::io(&path, "remove", e))?;
        }
    }
    Ok(())
}

/// Where `path` leads to through links, whether or not there is a file.
fn followed(path: &Path) -> Result<PathBuf> {
    /// As many as Linux follows.
    const MAX_LINKS: usize = 40;
    let mut at = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&at) else {
            return Ok(fs::canonicalize(&at).unwrap_or(at));
        };
        // A relative target counts from the folder of its link.
        at = folder_of(&at).join(target);
    }
    Err(Error::file(path, "is a link in a circle of links", "the name of a file to write"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the rename itself durable. Some file systems refuse to sync a folder; the file is whole there all the same.
fn sync_folder(path: &Path) {
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_pipes_stay_pipes() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
        // The file that a link names need not be there yet, and a link may lead to another.
        let (new, second) = (folder.path().join("sub/new"), folder.path().join("second"));
        fs::create_dir(folder.path().join("sub")).unwrap();
        std::os::unix::fs::symlink("sub/new", folder.path().join("first")).unwrap();
        std::os::unix::fs::symlink("first", &second).unwrap();
        write_atomically(&second, b"new").unwrap();
        assert!(fs::symlink_metadata(&second).unwrap().is_symlink());
        assert_eq!(fs::read(&new).unwrap(), b"new");
        let circle = folder.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        let message = write_atomically(&circle, b"new").unwrap_err().to_string();
        assert!(message.contains("circle of links"), "{message}");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let message = write_atomically(&pipe, b"new").unwrap_err().to_string();
        assert!(message.contains("is not a regular file"), "{message}");
    }

    #[test]
    fn read_only_files_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        fs::write(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        let message = write_atomically(&path, b"new").unwrap_err().to_string();
        assert!(message.contains("kept: is read-only"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn long_names_are_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n".repeat(255));
        write_atomically(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn an_abandoned_file_leaves_the_old_one_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.as_file_mut().write_all(b"half of the n").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn what_a_killed_process_left_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"whole").unwrap();
        let file = AtomicFile::create(&path).unwrap();
        // As after a kill, nothing is dropped.
        std::mem::forget(file);
        fs::write(folder.path().join("simulated.hdf5.partial"), "a journal").unwrap();
        assert_eq!(names(folder.path()).len(), 3);
        remove_unfinished(folder.path()).unwrap();
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, ["a.json", "simulated.hdf5.partial"]);
        assert!(remove_unfinished(&folder.path().join("none")).is_err());
    }

    #[test]
    fn a_committed_file_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn impossible_places_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = AtomicFile::create(folder.path()).unwrap_err().to_string();
        assert!(message.contains("is a directory"), "{message}");
        let message = AtomicFile::create(&folder.path().join("none/a")).unwrap_err().to_string();
        assert!(message.contains("does not exist"), "{message}");
    }
}
