#!/bin/sh
# Cuts the font of the figures out of DejaVu Sans: Latin, Greek, super- and subscripts, the signs of our formulas.
#
#     sh make_font.sh PATH/TO/DejaVuSans.ttf
#
# Needs pyftsubset (pip install fonttools). Matplotlib ships the font in matplotlib/mpl-data/fonts/ttf/.
set -eu
here=$(dirname "$0")
pyftsubset "$1" --output-file="$here/dejavu-sans-subset.ttf" --no-hinting --layout-features='kern' --name-IDs='*' \
  --unicodes='U+0020-007E,U+00A0-017F,U+0391-03A1,U+03A3-03C9,U+2010-2015,U+2018-201E,U+2022,U+2026,U+2030,U+2032,U+2070-208E,U+2190-2193,U+2202,U+2206,U+2211-2213,U+2215,U+221A,U+221D,U+221E,U+222B,U+2248,U+2260,U+2264,U+2265,U+226A,U+226B,U+25A0-25CF'
