#!/bin/sh
# Makes the files in this folder: data/calomplification/make.sh CALO WORK
#
# CALO is the calo to run, WORK a folder for the showers. Done again, it goes on where it stopped. `calo reproduce calomplification --truth-from-scratch` makes the same showers for itself.
set -eu
[ $# = 2 ] || { echo "usage: $0 CALO WORK" >&2; exit 2; }
calo=$(realpath "$1")
out=$(realpath "$(dirname "$0")")
mkdir -p "$2"
# Files say how they were made: with names that stand for themselves.
cd "$2"

simulate() { # FILE SEED FIRST NUMBER
    [ -f "$1" ] || "$calo" simulate --detector ild-ecal-image --particle gamma --energy 50 --seed "$2" --first "$3" -n "$4" --out "$1"
}

for set in 1 2 3 4 5; do
    simulate "set-$set.hdf5" 1 $(((set - 1) * 10000)) 1000
done
for set in 901 902 903; do
    simulate "set-$set.hdf5" $set 0 1000
done
# In parts of 10,000 showers: 5 of independent ones, then the truth.
for part in $(seq -w 0 25); do
    simulate "part_$part.hdf5" 1 $((${part#0} * 10000)) 10000
done
simulate part_26.hdf5 1 260000 8000
"$calo" observe --detector ild-ecal-image part_0[0-4].hdf5 --out independent.hdf5
"$calo" observe --detector ild-ecal-image --sorted part_0[5-9].hdf5 part_[12]*.hdf5 --out truth.hdf5
cp set-*.hdf5 independent.hdf5 truth.hdf5 "$out"
cd "$out"
sha256sum ./*.hdf5 >SHA256SUMS
