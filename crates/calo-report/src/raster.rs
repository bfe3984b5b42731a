//! From SVG to PNG, with the bundled font and nothing from outside.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::error::{Error, Result};
use crate::text::FONT;

/// Draws `svg` as a PNG, `scale` pixels for each of its units; `figure` names it in errors.
///
/// Text is set in the bundled font, so the same figure gives the same bytes on every machine.
///
/// # Errors
/// [`Error::Raster`] where the drawing cannot be parsed or is too large to hold.
pub fn png(figure: &str, svg: &str, scale: f32) -> Result<Vec<u8>> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    });
    let wrong = |problem: String| Error::Raster { figure: figure.to_owned(), problem };
    let options =
        Options { fontdb: Arc::clone(fonts), font_family: "DejaVu Sans".to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|source| wrong(source.to_string()))?;
    let side = |length: f32| (length * scale).ceil() as u32;
    let (width, height) = (side(tree.size().width()), side(tree.size().height()));
    let too_large = || wrong(format!("{width} x {height} pixels cannot be held"));
    let mut pixels = Pixmap::new(width, height).ok_or_else(too_large)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|source| wrong(source.to_string()))
}
