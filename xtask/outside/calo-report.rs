//! Draws the report of a folder with results.

fn main() -> calo_report::Result<()> {
    let files = calo_report::render("results".as_ref())?;
    println!("{}", files.html.display());
    Ok(())
}
