"""Writes the ROOT files of this folder: those of uproot, and with ROOT itself those that only ROOT writes.

Every event e of the files of uproot has e + 1 hits; hit h stands at x = h, depth = 10 + h, y = -h mm with
(h + 1)/1024 GeV; the particle has 10 + e GeV and the PDG code 22, or -11 in the files of other number types.

    python make_root.py   # needs uproot, awkward and numpy; with `import ROOT` at hand all files are made
"""

import awkward as ak
import numpy as np
import uproot

N = 4


def branches(pdg=22, pdg_type="int32"):
    hits = ak.Array([np.arange(e + 1, dtype="f4") for e in range(N)])
    return {
        "scpox": hits,
        "scpoy": hits + np.float32(10),
        "scpoz": -hits,
        "scene": (hits + np.float32(1)) / np.float32(1024),
        "mcene": ak.Array([np.array([10 + e], "f4") for e in range(N)]),
        "mcpdg": ak.Array([np.array([pdg], pdg_type) for _ in range(N)]),
    }


# One tree a folder, so that the file has ROOT's class descriptions only once.
with uproot.recreate("folders.root") as file:
    for name, values in {
        "sim/2024/photonSIM": branches(),
        **{f"types/{kind}": branches(-11, kind) for kind in ("int8", "int16")},
    }.items():
        tree = file.mktree(name, {key: value.type.content for key, value in values.items()})
        tree.extend(values)
with uproot.recreate("rntuple.root") as file:
    file["photonSIM"] = branches()

try:
    import ROOT
except ImportError:
    raise SystemExit("the files rdf, ulong, float16, offsets and chain are made by ROOT alone")

ROOT.gInterpreter.Declare("""
void make(const char* name, bool f16) {
  TFile f(name, "RECREATE"); TTree t("photonSIM", "t");
  std::vector<float> x{1}, e{1e-3f}, m{5}; std::vector<unsigned long> p{22}; std::vector<int> q{22};
  float h[1] = {1}; int k = 1;
  if (f16) { t.Branch("k", &k, "k/I"); t.Branch("scpox", h, "scpox[k]/f"); } else t.Branch("scpox", &x);
  t.Branch("scpoy", &x); t.Branch("scpoz", &x); t.Branch("scene", &e); t.Branch("mcene", &m);
  if (f16) t.Branch("mcpdg", &q); else t.Branch("mcpdg", &p);
  t.Fill(); t.Write();
}""")
ROOT.make("ulong.root", False)
ROOT.make("float16.root", True)
frame = ROOT.RDataFrame(2).Define("scpox", "ROOT::RVecF{1,2}").Define("scpoy", "scpox").Define("scpoz", "scpox")
frame = frame.Define("scene", "scpox").Define("mcene", "ROOT::RVecF{5}").Define("mcpdg", "ROOT::RVecI{22}")
frame.Snapshot("photonSIM", "rdf.root")

# Baskets without offsets: event i has i + 1 hits of 1 GeV at (1, 1, 1).
import array

f = ROOT.TFile("offsets.root", "RECREATE")
t = ROOT.TTree("photonSIM", "t")
features = ROOT.TIOFeatures()
features.Set("kGenerateOffsetMap")
t.SetIOFeatures(features)
n = array.array("i", [0])
keep = [n]
t.Branch("n", n, "n/I")
for b, k in (("scpox", "F"), ("scpoy", "F"), ("scpoz", "F"), ("scene", "F"), ("mcene", "F"), ("mcpdg", "I")):
    x = array.array("f" if k == "F" else "i", [1] * 8)
    keep.append(x)
    t.Branch(b, x, f"{b}[n]/{k}")
for i in range(4):
    n[0] = 1 + i
    t.Fill()
t.Write()
f.Close()

chain = ROOT.TChain("photonSIM")
chain.Add("some.root")
f = ROOT.TFile("chain.root", "RECREATE")
chain.Write()
f.Close()
