"""Seeds of tests/fuzz/corpus/classifier, from one tiny trained model:

    manikin simulate histology -n 30 --size 32 --seed 1 -o p.npz
    manikin train classifier p.npz -o tiny.safetensors --size 16 --channels 1 --width 4 --stages 1 --steps 2 --batch 4
    python3 tests/fuzz/seeds_classifier.py tiny.safetensors tests/fuzz/corpus/classifier

Edits keep every length, so that only what they change is wrong."""
import pathlib
import sys

good = pathlib.Path(sys.argv[1]).read_bytes()
out = pathlib.Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)


def seed(name, old=b"", new=b"", keep=None):
    assert old in good and len(old) == len(new), name
    (out / name).write_bytes(good.replace(old, new, 1)[:keep])


seed("good")
seed("newer", b'"format_version":"1"', b'"format_version":"9"')
seed("bad-height", rb'\"height\":16', rb'\"height\":-6')
seed("huge-width", rb'\"width\":16', rb'\"width\":4e')
seed("unknown-classes", b"[true,true,true]", b"[true,true,nul ]")
seed("lost-tensor", b"classifier.head", b"classifier.hand")
seed("cut", keep=len(good) - 100)

damaged = bytearray(good)
damaged[-4:] = b"\xff\xff\xff\xff"
(out / "not-a-number").write_bytes(damaged)
