"""Writes src/photon/photoelectric_data.rs: photoelectric cross-sections and shells of the elements in use.

Source: W. T. Elam, B. D. Ravel and J. R. Sieber, Radiat. Phys. Chem. 63 (2002) 121, as distributed with xraydb 4.5
(https://xraypy.github.io/XrayDB/). Cross-sections are taken between 1 keV and 800 keV, where the tables end; each
segment between absorption edges has its own nodes, for interpolation that is linear in both logarithms.

    python make_photoelectric.py > ../src/photon/photoelectric_data.rs
"""

import math

import numpy as np
import xraydb

ELEMENTS = {
    "H": "HYDROGEN", "C": "CARBON", "N": "NITROGEN", "O": "OXYGEN", "Al": "ALUMINIUM", "Si": "SILICON",
    "Ar": "ARGON", "Fe": "IRON", "Cu": "COPPER", "W": "TUNGSTEN", "Pb": "LEAD",
}
AVOGADRO = 6.022_140_76e23
LOW_EV, HIGH_EV = 1e3, 8e5
NODES_PER_DECADE = 7
# Shells that bind less are left out: their electrons count as free.
MIN_BINDING_EV = 100.0


def nodes(symbol, a_g_mol, low_ev, high_ev):
    """Energy in MeV and cross-section in barn per atom from `low_ev` to `high_ev`."""
    n = max(2, math.ceil(NODES_PER_DECADE * math.log10(high_ev / low_ev)) + 1)
    energies = np.geomspace(low_ev, high_ev, n)
    # The tables rise over a few eV at an edge: stay clear of that.
    cm2_g = xraydb.mu_elam(symbol, np.clip(energies, low_ev * (1 + 2e-4), high_ev * (1 - 2e-4)), kind="photo")
    return [(e * 1e-6, mu * a_g_mol / AVOGADRO * 1e24) for e, mu in zip(energies, cm2_g)]


def shells(symbol):
    """Binding energy and jump ratio of each shell, the strongest bound first."""
    found = sorted(((edge.energy, edge.jump_ratio) for edge in xraydb.xray_edges(symbol).values()), reverse=True)
    return [found[0]] + [edge for edge in found[1:] if edge[0] >= MIN_BINDING_EV]


print("//! Photoelectric cross-sections and shells, written by `data/make_photoelectric.py`.")
print("//!")
print("//! Source: Elam, Ravel and Sieber, Radiat. Phys. Chem. 63 (2002) 121, as distributed with xraydb 4.5.")
print()
print("use super::photoelectric::{Atom, Shell};")
print()
for symbol, name in ELEMENTS.items():
    a_g_mol = xraydb.atomic_mass(symbol)
    bound = shells(symbol)
    edges = sorted(e for e, _ in bound if LOW_EV < e < HIGH_EV)
    limits = [LOW_EV, *edges, HIGH_EV]
    print("#[rustfmt::skip]")
    print(f"pub(crate) static {name}: Atom = Atom {{")
    print("    shells: &[")
    for energy, jump in bound:
        print(f"        Shell {{ binding_mev: {energy * 1e-6:.4e}, share: {1.0 - 1.0 / jump:.4f} }},")
    print("    ],")
    print("    segments: &[")
    for low, high in zip(limits, limits[1:]):
        print("        &[")
        row = nodes(symbol, a_g_mol, low, high)
        for first in range(0, len(row), 4):
            pairs = ", ".join(f"({e:.5e}, {s:.4e})" for e, s in row[first : first + 4])
            print(f"            {pairs},")
        print("        ],")
    print("    ],")
    print("};")
