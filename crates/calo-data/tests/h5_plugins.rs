//! No file makes libhdf5 load a foreign library, whichever way it is opened first.
#![expect(clippy::unwrap_used, reason = "in tests, a failed expectation is the report")]
#![expect(clippy::disallowed_methods, reason = "libhdf5 writes the file that is tampered with")]

use std::ffi::{OsString, c_int, c_uint};
use std::path::{Path, PathBuf};
use std::process::Command;

use calo_core::{Grid, ShowerBatch};
use calo_data::{
    PointReader, PointWriteOptions, PointWriter, ReadOptions, ShowerReader, ShowerWriter, TableReader,
    TableWriter, WriteOptions, read_attributes,
};
use hdf5::filters::Filter;
use ndarray::{Array2, Array4};

const GRID: Grid = Grid { layers: 2, nx: 3, ny: 4 };

/// Zstandard's number, a filter that is not built in.
const FOREIGN: u16 = 32015;

/// A plugin that leaves a file when it is loaded. The marker's name and HDF5_PLUGIN_PATH come from the environment.
const PLUGIN: &str = r#"
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void leave_marker(void) {
    const char *name = getenv("CALO_PLUGIN_MARKER");
    FILE *marker = name ? fopen(name, "w") : NULL;
    if (marker) fclose(marker);
}
int H5PLget_plugin_type(void) { return 0; }
const void *H5PLget_plugin_info(void) { return NULL; }
"#;

/// Every way to start: what a process may do first with calo-data and HDF5.
const WAYS: [&str; 8] = [
    "read showers",
    "read points",
    "read a table",
    "read attributes",
    "write showers",
    "write points",
    "write a table",
    "read in threads",
];

/// Gzipped showers whose filter was renamed to `id`.
fn foreign_file(folder: &Path, id: u16) -> PathBuf {
    let path = folder.join(format!("filter_{id}.hdf5"));
    {
        // The first layout of headers has no checksum over them.
        let mut builder = hdf5::FileBuilder::new();
        let file = builder.with_fapl(|access| access.libver_earliest()).create(&path).unwrap();
        let group = file.create_group("30x30").unwrap();
        group.new_dataset_builder().with_data(&Array2::from_elem((9, 1), 50_f32)).create("energy").unwrap();
        let cells = Array4::from_elem((9, 2, 3, 4), 0.5_f32);
        let builder = group.new_dataset_builder().chunk((4, 2, 3, 4)).deflate(4);
        builder.with_data(&cells).create("layers").unwrap();
    }
    let mut bytes = std::fs::read(&path).unwrap();
    // A filter in the header: number, length of the name, flags and number of values, 16 bits each; then the name.
    let name = bytes.windows(8).position(|window| window == b"deflate\0").unwrap();
    assert_eq!(bytes[name - 8..name - 4], [1, 0, 8, 0]);
    bytes[name - 8..name - 6].copy_from_slice(&id.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The message of opening and reading `path`.
fn message(path: &Path) -> String {
    let read = || {
        let mut reader = ShowerReader::open(path, &ReadOptions::default())?;
        let mut batch = ShowerBatch::<f32>::empty(reader.grid());
        reader.read_batch(9, &mut batch)
    };
    let error: calo_core::Error = read().unwrap_err();
    error.to_string()
}

#[test]
fn filters_that_are_not_built_in_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (id, words) in [
        (32026, "data set `30x30/layers`: is compressed with Blosc2 (filter 32026), which is not built in"),
        (32013, "ZFP (filter 32013)"),
        (32024, "SZ3 (filter 32024)"),
        (4711, "compressed with filter 4711, which"),
    ] {
        let message = message(&foreign_file(folder.path(), id));
        assert!(message.contains(words) && message.contains("h5repack"), "{message}");
        assert!(!message.contains("plugin") && !message.contains('\n'), "{message}");
    }
}

#[expect(unsafe_code, reason = "a declaration of a function of libhdf5")]
unsafe extern "C" {
    /// As in H5PLpublic.h; hdf5-sys declares a pointer where a number is passed.
    safe fn H5PLset_loading_state(plugin_control_mask: c_uint) -> c_int;
}

/// Runs in a process of its own: starts in one way, then asks libhdf5 for the filter, which makes it look for plugins.
#[test]
#[ignore = "run by `no_way_in_loads_a_plugin`"]
fn plugin_child() {
    let Ok(way) = std::env::var("CALO_PLUGIN_WAY") else { return };
    let folder = PathBuf::from(std::env::var("CALO_PLUGIN_FOLDER").unwrap());
    let (file, new) = (folder.join(format!("filter_{FOREIGN}.hdf5")), folder.join("new.hdf5"));
    match way.as_str() {
        "read showers" => assert!(message(&file).contains("Zstandard")),
        "read points" => assert!(PointReader::open(&file, &ReadOptions::default()).is_err()),
        "read a table" => {
            assert!(TableReader::open(&file).and_then(|table| table.read("30x30/layers")).is_err());
        }
        "read attributes" => drop(read_attributes(&file, None).unwrap()),
        "write showers" => drop(ShowerWriter::create(&new, &WriteOptions::new(GRID)).unwrap()),
        "write points" => drop(PointWriter::create(&new, &PointWriteOptions::default()).unwrap()),
        "write a table" => drop(TableWriter::create(&new, &[], &[]).unwrap()),
        "read in threads" => std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert!(message(&file).contains("Zstandard")));
            }
        }),
        _ => panic!("no way in is called {way}"),
    }
    if std::env::var_os("CALO_PLUGIN_ON").is_some() {
        assert!(hdf5::sync::sync(|| H5PLset_loading_state(c_uint::MAX)) >= 0);
    }
    assert!(!Filter::user(FOREIGN.into(), &[]).is_available());
}

#[test]
fn no_way_in_loads_a_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let source = folder.path().join("plugin.c");
    std::fs::write(&source, PLUGIN).unwrap();
    let library = plugins.join(format!("libforeign{}", std::env::consts::DLL_SUFFIX));
    let compiler = std::env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
    let compiled =
        Command::new(&compiler).args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    let Ok(status) = compiled else {
        println!("skipped: no C compiler {}", compiler.display());
        return;
    };
    assert!(status.success());
    foreign_file(folder.path(), FOREIGN);

    // Whether a process that starts this way loads the plugin; with plugins switched on again it must.
    let marker = folder.path().join("marker");
    let loads = |way: &str, on: bool| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "plugin_child", "--ignored", "--nocapture"]);
        child.env("HDF5_PLUGIN_PATH", &plugins).env("CALO_PLUGIN_MARKER", &marker);
        child.env("CALO_PLUGIN_FOLDER", folder.path()).env("CALO_PLUGIN_WAY", way);
        child.env_remove("HDF5_PLUGIN_PRELOAD");
        if on {
            child.env("CALO_PLUGIN_ON", "1");
        }
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{way}: {text}");
        let loaded = marker.exists();
        if loaded {
            std::fs::remove_file(&marker).unwrap();
        }
        loaded
    };
    for way in WAYS {
        assert!(loads(way, true), "{way}: the plugin is not found even when switched on");
        assert!(!loads(way, false), "{way}: the plugin was loaded");
    }
}
