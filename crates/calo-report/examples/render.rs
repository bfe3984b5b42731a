//! Renders the report of a folder: `cargo run -p calo-report --example render -- DIR`.

fn main() {
    for dir in std::env::args_os().skip(1) {
        match calo_report::render(dir.as_ref()) {
            Ok(files) => println!("{} and {} figure files", files.html.display(), files.figures.len()),
            Err(error) => eprintln!("{error}"),
        }
    }
}
