//! The page in a real browser, where Chromium is installed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a test's report")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use calo_metrics::results::Results;
use common::{edit_results, fixture, strings};
use tempfile::TempDir;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const LIMIT: Duration = Duration::from_secs(120);

/// A browser on PATH that can open a file here; without one, a message and none.
fn browser(folder: &Path) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&paths).flat_map(|dir| BROWSERS.map(|name| dir.join(name)));
    let Some(browser) = candidates.find(|path| path.is_file()) else {
        println!("skipped: none of {BROWSERS:?} on PATH");
        return None;
    };
    let probe = folder.join("probe.html");
    fs::write(&probe, "<p>it works</p>").unwrap();
    let (dom, log) = open(&browser, folder, &probe, 800);
    if !dom.contains("it works") {
        println!("skipped: {} cannot open a file here: {log}", browser.display());
        return None;
    }
    Some(browser)
}

/// The document after loading, and what the browser logged.
fn open(browser: &Path, folder: &Path, page: &Path, width: u32) -> (String, String) {
    let (dom, log) = (folder.join("dom.txt"), folder.join("log.txt"));
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--virtual-time-budget=3000",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--window-size={width},900"))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .stdout(Stdio::from(fs::File::create(&dom).unwrap()))
        .stderr(Stdio::from(fs::File::create(&log).unwrap()))
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    (read(&dom), read(&log))
}

/// Sizes of the page at `width` px: the browser's window has a least width, a frame has none. The measuring script goes
/// into a copy of the page; the page itself has none.
fn measure(browser: &Path, folder: &Path, page: &str, width: u32) -> (f64, f64) {
    const SCRIPT: &str = "<script>addEventListener('load', () => { const d = document.documentElement; \
        const text = [...document.querySelectorAll('figure:not(.wide) svg text')]; \
        const size = Math.min(...text.map(t => t.getBoundingClientRect().height)); \
        parent.postMessage('measured ' + d.scrollWidth + ' ' + size + ' end', '*'); });</script>";
    fs::write(folder.join("copy.html"), page.replace("</body>", &format!("{SCRIPT}</body>"))).unwrap();
    let frame = format!(
        "<iframe src=\"copy.html\" style=\"width:{width}px;height:800px;border:0\"></iframe>\
         <script>onmessage = m => {{ document.body.append(m.data); }}</script>"
    );
    let path = folder.join("frame.html");
    fs::write(&path, frame).unwrap();
    let (dom, log) = open(browser, folder, &path, 1200);
    let found = dom.split("measured ").nth(1).and_then(|rest| rest.split(" end").next());
    let numbers = found.unwrap_or_else(|| panic!("nothing measured: {log}"));
    let (scroll, text) = numbers.split_once(' ').unwrap();
    (scroll.parse().unwrap(), text.parse().unwrap())
}

fn folder() -> TempDir {
    // Not the system's folder for temporary files: a confined browser must not read it.
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn the_page_opens_without_complaint_and_fits_a_phone() {
    let folder = folder();
    let Some(browser) = browser(folder.path()) else { return };
    let dir = fixture();
    let page = common::page(dir.path());
    let path = folder.path().join("report.html");
    fs::write(&path, &page).unwrap();
    let (dom, log) = open(&browser, folder.path(), &path, 1280);
    assert!(
        dom.contains("All distances between the histograms") && dom.matches("<svg").count() == 17,
        "{log}"
    );
    let complaints: Vec<_> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");

    for width in [320, 390, 820] {
        let (scroll_width, text_px) = measure(&browser, folder.path(), &page, width);
        assert!(scroll_width <= f64::from(width), "{scroll_width} px wide at {width} px");
        assert!(width < 390 || text_px > 8.5, "text of {text_px} px in figures at {width} px");
    }
}

#[test]
fn unbreakable_names_do_not_widen_the_page() {
    let folder = folder();
    let Some(browser) = browser(folder.path()) else { return };
    let dir = fixture();
    edit_results(dir.path(), |results: &mut Results| strings(results, |text| *text = "W".repeat(150)));
    let (scroll_width, _) = measure(&browser, folder.path(), &common::page(dir.path()), 390);
    assert!(scroll_width <= 390.0, "{scroll_width} px wide");
}
