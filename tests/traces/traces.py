#!/usr/bin/env python3
"""The labelled traces, packed into one file: unpacks them as CSV, in the forms that the detector is measured on.

    traces.py unpack FOLDER       every trace as FOLDER/NAME.csv, and FOLDER/labels.json
    traces.py pack FOLDER...      the reverse, over traces.txt.xz and labels.json here (.csv or .csv.gz)

README.md says what they are. traces.txt.xz holds three lines a trace: its name, how many samples, and the unit of its sizes
in bytes (a page where all are whole pages); the steps between its times in hundredths of a second; the changes of RSS in that
unit. "50*12" is twelve times 50.
"""
import gzip
import itertools
import json
import lzma
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = 4096
STRETCHES = (1, 10, 60)


def fold(values):
    """[5, 5, 5, 7] as "5*3 7"."""
    runs = ((v, len(list(same))) for v, same in itertools.groupby(values))
    return " ".join("%d*%d" % r if r[1] > 1 else str(r[0]) for r in runs)


def unfold(text):
    out = []
    for word in text.split():
        value, _, times = word.partition("*")
        out += [int(value)] * int(times or 1)
    return out


def differences(values):
    return [b - a for a, b in zip([0] + values, values)]


def stretched(label, by):
    """The label of the same life, so many times slower."""
    out = dict(label, stretch=by)
    for key in ("onset_s", "end_s", "duration_s"):
        if out.get(key) is not None:
            out[key] = round(out[key] * by, 3)
    if out.get("bytes_per_hour"):
        out["bytes_per_hour"] = round(out["bytes_per_hour"] / by)
    return out


def load(stretches=STRETCHES, only=None):
    """Yields (name, label, seconds, rss_bytes) of each trace. Recordings of real programs come once for each stretch, the
    others as they are. only: a source, or a part of a name."""
    with open(os.path.join(HERE, "labels.json")) as f:
        labels = json.load(f)
    with lzma.open(os.path.join(HERE, "traces.txt.xz"), "rt") as f:
        for head, steps, changes in zip(f, f, f):
            name, n, unit = head.split()
            label = labels[name]
            if only and only != label["source"] and only not in name:
                continue
            hundredths = list(itertools.accumulate(unfold(steps)))
            rss = [int(unit) * p for p in itertools.accumulate(unfold(changes))]
            assert len(hundredths) == len(rss) == int(n), name
            for by in stretches if label["source"] == "real" else (1,):
                yield (name if by == 1 else "%s_x%d" % (name, by), stretched(label, by),
                       [t * by / 100 for t in hundredths], rss)


def write_csv(path, seconds, rss):
    with open(path, "w") as f:
        f.write("seconds,rss_bytes\n")
        f.writelines("%.12g,%d\n" % row for row in zip(seconds, rss))


def unpack(folder, **which):
    """Writes them out. Returns {name: label}."""
    labels = {}
    for name, label, seconds, rss in load(**which):
        write_csv(os.path.join(folder, name + ".csv"), seconds, rss)
        labels[name] = label
    return labels


def read_csv(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as f:
        rows = [line.split(",") for line in f][1:]
    return [round(float(r[0]) * 100) for r in rows], [int(r[1]) for r in rows]


def pack(folders):
    labels = {}
    with lzma.open(os.path.join(HERE, "traces.txt.xz"), "wt", preset=9 | lzma.PRESET_EXTREME) as out:
        for folder in folders:
            with open(os.path.join(folder, "labels.json")) as f:
                given = json.load(f)
            for file in sorted(given):
                if given[file]["stretch"] != 1:
                    continue
                name = file.removesuffix(".gz").removesuffix(".csv").removesuffix("_x1")
                hundredths, rss = read_csv(os.path.join(folder, file))
                unit = 1 if any(b % PAGE for b in rss) else PAGE
                labels[name] = given[file]
                out.write("%s %d %d\n%s\n%s\n" % (name, len(rss), unit, fold(differences(hundredths)),
                                                    fold(differences([b // unit for b in rss]))))
    with open(os.path.join(HERE, "labels.json"), "w") as f:
        f.write("{\n%s\n}\n" % ",\n".join("%s: %s" % (json.dumps(n), json.dumps(labels[n])) for n in labels))


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "unpack":
        os.makedirs(sys.argv[2], exist_ok=True)
        with open(os.path.join(sys.argv[2], "labels.json"), "w") as f:
            json.dump({n + ".csv": label for n, label in unpack(sys.argv[2]).items()}, f, indent=1)
    elif len(sys.argv) > 2 and sys.argv[1] == "pack":
        pack(sys.argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
