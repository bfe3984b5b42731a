//! `calo import`: what it writes, what it says, what it refuses.

use std::path::{Path, PathBuf};

use crate::common::{calo, stderr, stdout};

fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../calo-tensor/tests/data").join(name)
}

#[test]
fn a_checkpoint_becomes_a_weights_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("weights.safetensors");
    let mut written = Vec::new();
    for _ in 0..2 {
        let assert = calo().arg("import").arg(checkpoint("nested.pth")).arg("--out").arg(&out).assert();
        let text = stdout(&assert.success());
        insta::assert_snapshot!("import_nested", text.replace(&out.display().to_string(), "OUT"));
        written.push(std::fs::read(&out).unwrap());
    }
    assert!(written[0] == written[1], "the same import gave other bytes");
    let header = String::from_utf8_lossy(&written[0][8..]);
    assert!(header.contains("input_0_blake3") && header.contains("\"software\":\"calo "), "{header}");
}

#[test]
fn what_cannot_be_imported_is_one_line_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("weights.safetensors");
    std::fs::write(&out, "old").unwrap();
    let text = folder.path().join("text.pth");
    std::fs::write(&text, "no weights").unwrap();
    for (path, key, expected) in [
        (text, None, "is not a PyTorch checkpoint"),
        (folder.path().join("none.pth"), None, "No such file"),
        (checkpoint("module.pth"), None, "__main__.Net"),
        (checkpoint("several.pth"), None, "`models/critic` (5 tensors), `models/generator` (2 tensors)"),
        (checkpoint("several.pth"), Some("critic"), "under the key `critic`"),
        (checkpoint("nan.pth"), None, "element 1 of tensor `w` is not a finite number"),
    ] {
        let mut command = calo();
        command.arg("import").arg(&path).arg("--out").arg(&out);
        command.args(key.into_iter().flat_map(|key| ["--key", key]));
        let message = stderr(&command.assert().code(1));
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.starts_with("calo: error: ") && message.contains(expected), "{message}");
        assert_eq!(std::fs::read(&out).unwrap(), b"old");
    }
    calo().arg("import").arg(checkpoint("plain.pth")).assert().code(2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_weights() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("weights.safetensors");
    std::fs::write(&out, "old").unwrap();
    // A limit on the size of files fails writes as a full disk does; one block does not hold the header.
    let assert = assert_cmd::Command::new("sh")
        .args(["-c", "ulimit -f 1; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_calo"), "import"])
        .arg(checkpoint("nested.pth"))
        .arg("--out")
        .arg(&out)
        .assert()
        .code(1);
    let message = stderr(&assert);
    assert!(message.contains("weights.safetensors: cannot write"), "{message}");
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left");
}
