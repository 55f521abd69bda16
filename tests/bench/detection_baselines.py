"""The usual ways to tell a leak from a series of memory use, each online: its alarm at a time uses nothing later. A method is
a function (seconds, rss_bytes) -> (time of its first alarm or None, whether it still says so at the end).

"patient" is the same method, which says nothing before 600 samples and leaves out the first 5 % of the life (start-up)."""
import bisect
import itertools
import math

LEAST = 30         # samples, for any of them
PATIENCE = 600
LOOK_EVERY = 1.03  # a look whenever the life has grown by so much
BUCKETS = 128      # Mann-Kendall reads means: by pairs of all samples it would take quadratic time


class Series:
    """A trace with running sums, so that a line through any stretch of it costs the same."""

    def __init__(self, seconds, rss):
        self.t = seconds
        self.y = [b / (1 << 20) for b in rss]
        sums = [list(itertools.accumulate(values, initial=0.0)) for values in (
            self.t, self.y, (t * t for t in self.t), (t * y for t, y in zip(self.t, self.y)), (y * y for y in self.y))]
        self.st, self.sy, self.stt, self.sty, self.syy = sums

    def looks(self, patient):
        """(first sample to read, end) of each look."""
        due = 0
        for end in range(PATIENCE if patient else LEAST, len(self.t) + 1):
            life = self.t[end - 1] - self.t[0]
            if life < due and end < len(self.t):
                continue
            due = life * LOOK_EVERY
            yield (bisect.bisect_left(self.t, self.t[0] + life * 0.05) if patient else 0), end

    def line(self, a, b):
        """slope, value at the end, R2 of the straight line through samples a..b-1."""
        n = b - a
        t, y = self.st[b] - self.st[a], self.sy[b] - self.sy[a]
        vt = self.stt[b] - self.stt[a] - t * t / n
        vy = self.syy[b] - self.syy[a] - y * y / n
        c = self.sty[b] - self.sty[a] - t * y / n
        if vt <= 0 or vy <= 1e-9:
            return 0.0, y / n, 0.0
        slope = c / vt
        return slope, y / n + slope * (self.t[b - 1] - t / n), c * c / (vt * vy)

    def means(self, a, b):
        width = max(1, -(-(b - a) // BUCKETS))
        return [(self.sy[min(i + width, b)] - self.sy[i]) / (min(i + width, b) - i) for i in range(a, b, width)]


def first_and_last(series, looks, says):
    first, now = None, False
    for a, b in looks:
        now = says(series, a, b)
        if now and first is None:
            first = series.t[b - 1]
    return first, now


def linear_regression(least_r2, patient=False):
    def says(s, a, b):
        slope, _, r2 = s.line(a, b)
        return slope > 0 and r2 > least_r2

    return lambda s: first_and_last(s, s.looks(patient), says)


def mann_kendall(least_z, least_growth, patient=False):
    def says(s, a, b):
        means = s.means(a, b)
        n = len(means)
        score, before = 0, []
        for y in means:
            score += bisect.bisect_left(before, y) - (len(before) - bisect.bisect_right(before, y))
            bisect.insort(before, y)
        ties = (len(list(same)) for _, same in itertools.groupby(before))
        variance = (n * (n - 1) * (2 * n + 5) - sum(k * (k - 1) * (2 * k + 5) for k in ties)) / 18
        z = (score - 1) / math.sqrt(variance) if variance > 0 and score > 0 else 0
        tenth = max(1, n // 10)
        return z > least_z and sum(means[-tenth:]) > (1 + least_growth) * sum(means[:tenth])

    return lambda s: first_and_last(s, s.looks(patient), says)


def predict_linear(range_s, ahead_s):
    """predict_linear(rss[range_s], ahead_s) > 2 * rss, once a minute."""
    def looks(s):
        due = s.t[0]
        for end in range(LEAST, len(s.t) + 1):
            now = s.t[end - 1]
            if now >= due or end == len(s.t):
                due = now + 60
                yield bisect.bisect_left(s.t, now - range_s, 0, end), end

    def says(s, a, b):
        slope, end, _ = s.line(a, b) if b - a > 1 else (0.0, s.y[b - 1], 0)
        return end + slope * ahead_s > 2 * s.y[b - 1]

    return lambda s: first_and_last(s, looks(s), says)


def doubled(patient=False):
    """RSS is twice what it was, once it had started: after so many samples."""
    def run(s):
        start = PATIENCE if patient else LEAST
        if len(s.y) <= start:
            return None, False
        first = next((t for t, y in zip(s.t[start:], s.y[start:]) if y >= 2 * s.y[start]), None)
        return first, s.y[-1] >= 2 * s.y[start]

    return run


METHODS = {
    "linear regression, R² > 0.95, patient": linear_regression(0.95, patient=True),
    "linear regression, R² > 0.8, patient": linear_regression(0.8, patient=True),
    "Mann-Kendall, z > 6 and +10 %, patient": mann_kendall(6, 0.1, patient=True),
    "linear regression, R² > 0.95": linear_regression(0.95),
    "linear regression, R² > 0.8": linear_regression(0.8),
    "Mann-Kendall, z > 6 and +10 %": mann_kendall(6, 0.1),
    "Mann-Kendall, p < 0.01": mann_kendall(2.326, 0),
    "`predict_linear` over 1 h, 4 h ahead": predict_linear(3600, 4 * 3600),
    "RSS doubled": doubled(),
    "RSS doubled, patient": doubled(patient=True),
}


def answers(seconds, rss):
    """{method: answer} for one trace."""
    series = Series(seconds, rss)
    out = {}
    for name, method in METHODS.items():
        first, now = method(series)
        out[name] = {"detected_at_s": first, "verdict": "leak" if now else "stable"}
    return out
