//! A log on a full disk: what a command says is lost, what it does and its exit code are not.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use crate::common::sample;

/// `calo` with an stderr that takes nothing.
pub(crate) fn deaf_calo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calo"));
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    command.stdout(Stdio::null()).stderr(full);
    command
}

fn code(args: &[&str]) -> Option<i32> {
    deaf_calo().args(args).status().unwrap().code()
}

#[test]
fn errors_keep_their_exit_codes() {
    let photons = sample("photons.hdf5");
    assert_eq!(code(&["inspect", photons.to_str().unwrap()]), Some(0));
    assert_eq!(code(&["inspect", "/none.hdf5"]), Some(1));
    // Found by the parser, and by the command.
    assert_eq!(code(&["inspect"]), Some(2));
    let first = u64::MAX.to_string();
    let mut args = ["simulate", "--detector", "ild-ecal", "--particle", "gamma", "--energy", "10"].to_vec();
    args.extend(["-n", "10", "--out", "/none.hdf5", "--first", &first]);
    assert_eq!(code(&args), Some(2));
}
