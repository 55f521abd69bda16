"""What an answer of `memtide analyze` is worth, by the traces' labels.

An alarm is the first time a leak finding opens (detected_at_s). It is right where it lies between the leak's onset and its
end. Before the onset it is a false alarm, and its leak is missed. On a trace without a leak it is false even where it closes
later. Traces labelled null, where nobody can say, and those labelled hard are no part of the figures: hard is a rise which,
until it ends, is that of a leak, or a leak that RSS shows as a jump or two.
"""
import json
import os
import statistics
import subprocess
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), d) for d in ("system", "traces")]

import programs  # noqa: E402
import traces  # noqa: E402

CHUNK = 100
NAN = float("nan")


def run_memtide(paths):
    """{name: answer} of CSV files, by the built memtide."""
    answers = {}
    for i in range(0, len(paths), CHUNK):
        p = subprocess.run([programs.memtide(), "analyze", "--json", *paths[i:i + CHUNK]], capture_output=True, text=True)
        if p.returncode not in (0, 1):
            raise RuntimeError("memtide analyze: status %d: %s" % (p.returncode, p.stderr.strip()[-400:]))
        for line in p.stdout.splitlines():
            answer = json.loads(line)
            answers[os.path.basename(answer["file"]).removesuffix(".csv")] = answer
    return answers


def analyze(folder, labels):
    return run_memtide([os.path.join(folder, name + ".csv") for name in labels])


def cut_at_alarms(folder, answers):
    """The names whose answer depends on what came after their alarm: cut right there, the alarm has to come as before."""
    cut = os.path.join(folder, "cut")
    os.makedirs(cut, exist_ok=True)
    alarmed = {n: a["detected_at_s"] for n, a in answers.items() if a["detected_at_s"] is not None}
    for name, at in alarmed.items():
        with open(os.path.join(folder, name + ".csv")) as f, open(os.path.join(cut, name + ".csv"), "w") as to:
            to.write(next(f))
            for line in f:
                if float(line.split(",")[0]) > at + 1e-6:
                    break
                to.write(line)
    again = analyze(cut, alarmed)
    return [n for n, at in alarmed.items() if again[n]["detected_at_s"] != at]


def judge(label, answer):
    """tp, fn, fp, tn; early: an alarm before the onset; late: after the leak's end."""
    at = answer["detected_at_s"]
    if not label["leak"]:
        return "tn" if at is None else "fp"
    if at is None:
        return "fn"
    if at < label["onset_s"]:
        return "early"
    return "tp" if at <= label["end_s"] * 1.001 + 1 else "late"


def counted(label):
    return label["leak"] is not None and not label["hard"]


def ratio(a, b):
    return a / b if b else NAN


def median(values):
    return statistics.median(values) if values else NAN


def tally(items):
    """The figures of [(label, answer)]. half: recall where the alarm has to come in the first half of the leak's life; per_day:
    false alarms a day without a leak; to_alarm: median time from onset to alarm, in units of the time that the leak takes to add
    a tenth of the level it began at; final: the share whose last verdict is right."""
    c = dict.fromkeys(("tp", "fn", "fp", "tn", "early", "late"), 0)
    quiet_days = final = half = 0
    delays = []
    for label, answer in items:
        what = judge(label, answer)
        c[what] += 1
        quiet_days += (label["onset_s"] if label["leak"] else label["duration_s"]) / 86400
        final += (answer["verdict"] == "leak") == label["leak"]
        if what == "tp":
            delay = answer["detected_at_s"] - label["onset_s"]
            half += delay <= (label["end_s"] - label["onset_s"]) / 2
            if label.get("bytes_per_hour") and label.get("baseline_bytes"):
                delays.append(label["bytes_per_hour"] * delay / 3600 / label["baseline_bytes"] * 10)
    false = c["fp"] + c["early"]
    leaks = c["tp"] + c["fn"] + c["early"] + c["late"]
    p, r = ratio(c["tp"], c["tp"] + false), ratio(c["tp"], leaks)
    return {"n": len(items), "leaks": leaks, **c, "false": false, "precision": p, "recall": r,
            "F1": 2 * p * r / (p + r) if p + r > 0 else 0.0 if leaks else NAN, "half": ratio(half, leaks), "per_day": ratio(false, quiet_days),
            "to_alarm": median(delays), "final": ratio(final, len(items))}


def pick(labels, answers, want=lambda label: label["source"] != "public"):
    return [(label, answers[n]) for n, label in labels.items() if counted(label) and want(label)]
