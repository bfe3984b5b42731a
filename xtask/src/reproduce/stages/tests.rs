use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::process::run as run_command;
use crate::reproduce::child;

/// A folder of its own under the system's temporary one, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("calo-stages-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn request(seed: &str) -> Request {
    Request::from([("seed".to_owned(), seed.to_owned())])
}

/// `sh -c SCRIPT` that makes `output` from `input`.
fn stage(name: &str, script: String, inputs: Vec<PathBuf>, output: &Path) -> Stage {
    let words = ["-c".to_owned(), script].to_vec();
    Stage { name: name.to_owned(), commands: vec![words], inputs, outputs: vec![output.to_owned()] }
}

/// Two stages, the second made from the first's output; how many commands that took.
fn pipeline(folder: &Path, word: &str, resume: bool) -> Result<usize> {
    let (first, second) = (folder.join("first"), folder.join("second"));
    let mut stages = Stages::open(folder, Path::new("sh"), "1", request(word), resume)?;
    let n = AtomicUsize::new(0);
    let count = |command: &mut Command| {
        n.fetch_add(1, Ordering::Relaxed);
        run_command(command)
    };
    stages.run(&stage("first", format!("echo {word} > {}", first.display()), vec![], &first), count)?;
    let copy = format!("cp {} {}", first.display(), second.display());
    stages.run(&stage("second", copy, vec![first], &second), count)?;
    assert_eq!(fs::read_to_string(second)?.trim(), word);
    assert_eq!(stages.finished().iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    Ok(n.into_inner())
}

#[test]
fn complete_stages_are_not_run_again_and_changed_ones_are_with_all_that_follow() {
    let folder = Folder::new("again");
    assert_eq!(pipeline(&folder.0, "a", false).unwrap(), 2);
    assert_eq!(pipeline(&folder.0, "a", false).unwrap(), 0);
    // The second stage's command is the same; its input is not.
    assert_eq!(pipeline(&folder.0, "b", true).unwrap(), 2);
    fs::remove_file(folder.0.join("second")).unwrap();
    assert_eq!(pipeline(&folder.0, "b", true).unwrap(), 1);
}

#[test]
fn another_request_is_refused_by_name_and_so_is_a_foreign_folder() {
    let folder = Folder::new("request");
    pipeline(&folder.0, "a", false).unwrap();
    let message = pipeline(&folder.0, "b", false).unwrap_err().to_string();
    assert!(message.contains("seed = a, not b"), "{message}");
    fs::remove_file(folder.0.join("stages.json")).unwrap();
    let message = pipeline(&folder.0, "a", true).unwrap_err().to_string();
    assert!(message.contains("holds something else"), "{message}");
}

#[test]
fn a_failed_stage_is_run_again_and_its_time_adds_up() {
    let folder = Folder::new("failed");
    let output = folder.0.join("output");
    let script = |end: &str| format!("sleep 0.02; {end}");
    let attempt = |make: bool| {
        let mut stages = Stages::open(&folder.0, Path::new("sh"), "1", request("a"), false).unwrap();
        if make {
            fs::write(folder.0.join("ready"), "").unwrap();
        }
        let script = script(&format!("cd {} && test -e ready && touch output", folder.0.display()));
        let result = stages.run(&stage("only", script, vec![], &output), run_command);
        (result, stages.finished()[0].seconds)
    };
    let (result, first) = attempt(false);
    assert!(result.is_err());
    let (result, both) = attempt(true);
    result.unwrap();
    assert!(both > first && first > 0.0, "{first} {both}");
}

#[test]
fn an_output_that_was_not_made_is_named() {
    let folder = Folder::new("output");
    let mut stages = Stages::open(&folder.0, Path::new("sh"), "1", request("a"), false).unwrap();
    let stage = stage("nothing", "true".to_owned(), vec![], &folder.0.join("missing"));
    let message = stages.run(&stage, run_command).unwrap_err().to_string();
    assert!(message.contains("missing was not made"), "{message}");
}

#[test]
fn times_are_for_people() {
    assert_eq!([12.34, 300.0, 7200.0].map(shown), ["12.3 s", "5.0 min", "2.0 h"]);
}

#[test]
fn stages_run_at_the_same_time_and_a_failure_leaves_the_others_complete() {
    let folder = Folder::new("together");
    let outputs = ["a", "b", "c"].map(|name| folder.0.join(name));
    // Each of the first two waits for the other, so that neither could end before the other began.
    let begun = ["begun-a", "begun-b"].map(|name| folder.0.join(name).display().to_string());
    let meet = |mine: usize| {
        let wait = format!("until [ -e {} ]; do sleep 0.01; done", begun[1 - mine]);
        format!("touch {}; {wait}; touch {}", begun[mine], outputs[mine].display())
    };
    let run = |last: &str| {
        let mut stages = Stages::open(&folder.0, Path::new("sh"), "1", request("a"), false).unwrap();
        let all = [
            stage("a", meet(0), vec![], &outputs[0]),
            stage("b", meet(1), vec![], &outputs[1]),
            stage("c", last.to_owned(), vec![], &outputs[2]),
        ];
        let n = AtomicUsize::new(0);
        let result = stages.run_together(&all, 2, |name, command, _| {
            assert!(["a", "b", "c"].contains(&name));
            n.fetch_add(1, Ordering::Relaxed);
            run_command(command)
        });
        (result, n.into_inner(), stages.finished().iter().map(|stage| stage.complete).collect::<Vec<_>>())
    };
    let (result, n, complete) = run("exit 3");
    assert!(result.unwrap_err().to_string().contains("exit 3"));
    assert_eq!((n, complete), (3, vec![true, true, false]));
    let (result, n, complete) = run(&format!("touch {}", outputs[2].display()));
    result.unwrap();
    assert_eq!((n, complete), (1, vec![true, true, true]));
}

#[test]
fn a_failure_stops_the_stages_beside_it_and_those_behind() {
    let folder = Folder::new("stopped");
    let all = ["a", "b", "c"].map(|name| stage(name, "exit 3".to_owned(), vec![], Path::new(name)));
    let mut stages = Stages::open(&folder.0, Path::new("sh"), "1", request("a"), false).unwrap();
    let (n, a_begins) = (AtomicUsize::new(0), Barrier::new(2));
    let result = stages.run_together(&all, 2, |name, command, stop| {
        n.fetch_add(1, Ordering::Relaxed);
        a_begins.wait();
        if name == "a" {
            // Without being told, it would never end.
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            return child::run_named(name, command, stop);
        }
        run_command(command)
    });
    let message = result.unwrap_err().to_string();
    assert!(message.contains("exit 3"), "{message}");
    assert_eq!(n.into_inner(), 2);
    assert!(stages.finished().iter().all(|stage| !stage.complete));
}
