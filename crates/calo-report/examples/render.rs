//! Renders the report of a folder, its latent space or its epochs: `cargo run -p calo-report --example render -- DIR`.

use std::path::Path;

fn main() {
    for dir in std::env::args_os().skip(1) {
        let dir = Path::new(&dir);
        let render = if dir.join("latent.json").exists() {
            calo_report::render_latent
        } else if dir.join("selection.json").exists() {
            calo_report::render_selection
        } else {
            calo_report::render
        };
        match render(dir) {
            Ok(files) => println!("{} and {} figure files", files.html.display(), files.figures.len()),
            Err(error) => eprintln!("{error}"),
        }
    }
}
