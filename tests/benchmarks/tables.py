"""The tables of docs/benchmarks.md, from the records of :mod:`tests.benchmarks.run`.

python -m tests.benchmarks.tables results.jsonl [more.jsonl ...]

Times are multiples of skreg's in the same run. Where a library was measured several
times for the same row, the last record counts; so a library measured in a run of its
own, or a case measured again, is added by appending.
"""

import json
import sys
from pathlib import Path

from tests.benchmarks.cases import CASES
from tests.benchmarks.libraries import LIBRARIES
from tests.benchmarks.measure import SECOND_ROLES

LOWER_QUARTILE = 0.9  # a bar counts if the lower quartile is above this much of it
OTHER_SOLUTION = 10.0  # times the gap: a second row for skreg is worth printing
NAMES = {"sklearn": "scikit-learn"}
SECOND_NAMES = {
    "same excess": "skreg at the peers' excess",
    "as good as shipped": "skreg at the fastest peer's excess",
}
HEAD = ("library", "tol", "time / skreg's", "quartiles", "relative gap", "excess")
HEAD += ("non-zeros", "peak MB", "MB above data")
HEADINGS = {
    "exact": "## Exact",
    "as shipped": "## As shipped",
    "gap": "## The same gap as scikit-learn",
}


def tables(records):
    """All tables that the records have something for."""
    roles = {role for record in records for role in record["roles"]}
    roles |= {role for record in records for role in record["not_reached"]}
    gaps = [role for role in roles if role.startswith("gap ")]
    gaps.sort(key=lambda role: -float(role.split()[1]))
    parts = ["## Bars, on the exact table", bars(records)]
    for role in ("exact", "as shipped"):
        parts += [HEADINGS[role], details(records, role)]
    for role in gaps:
        bound = role.split()[1].replace("e-0", "e-")
        parts += [HEADINGS["gap"]] if role == gaps[0] else []
        parts += [f"At a relative gap of at most {bound}:", details(records, role)]
    if any(record["passes"] is not None for record in records):
        parts += ["## Passes over X", passes(records)]
    return "\n\n".join(parts)


def details(records, role):
    """One row per case, order and library that has the role or failed to reach it."""
    second = next((name for name, first in SECOND_ROLES.items() if first == role), None)
    seconds = rows_of(records, second)
    found = []
    for key, row in rows_of(records, role).items():
        case, order, library = key
        found.append((case, order, NAMES.get(library, library), *cells(row, role)))
        if is_other_solution(seconds.get(key), row):
            found.append((case, order, SECOND_NAMES[second], *cells(seconds[key], second)))
    head = ("case", "order", *HEAD)
    if len({record["order"] for record in records}) == 1:  # no need to say which
        head, found = without_order(head), [without_order(row) for row in found]
    return markdown(head, found)


def rows_of(records, role):
    """(case, order, library) -> its record, or the words that stand for it.

    Cases and orders as they come, libraries as in `LIBRARIES`.
    """
    found, cases = {}, {}
    for record in records:
        cases.setdefault((record["case"], record["order"]), len(cases))
        key = record["case"], record["order"], record["library"]
        if role in record["roles"]:
            found[key] = record
        elif role in record["not_reached"]:
            found[key] = record["not_reached"][role]
    libraries = list(LIBRARIES)
    place = {key: (cases[key[:2]], libraries.index(key[2])) for key in found}
    return dict(sorted(found.items(), key=lambda item: place[item[0]]))


def is_other_solution(second, first):
    """Whether a second row for skreg says something that the first does not."""
    if not isinstance(second, dict) or not isinstance(first, dict):
        return isinstance(second, dict)
    return second["max_relative_gap"] > OTHER_SOLUTION * first["max_relative_gap"]


def without_order(row):
    """A row of a table without its second cell."""
    return row[:1] + row[2:]


def cells(row, role):
    """All of a row but the case, the order and the library."""
    if isinstance(row, str):
        return ("", row, *[""] * (len(HEAD) - 3))
    return (
        f"{row['tol']:.0e}",
        *ratio(row, role),
        f"{row['max_relative_gap']:.0e}",
        f"{row['max_excess']:.0e}",
        str(row["nonzeros"]),
        f"{row['peak_memory_mb']:.0f}",
        f"{row['memory_above_data_mb']:.0f}",
    )


def ratio(row, role):
    """Ratio of minima, and quartiles of the paired ratios."""
    if row["library"] == "skreg" and role not in SECOND_ROLES:
        return "1", ""
    ratios = row["ratios"].get(role)
    if ratios is None:
        return "", ""
    quartiles = f"{ratios['lower_quartile']:.2f}-{ratios['upper_quartile']:.2f}"
    return f"{ratios['minima']:.2f}", quartiles


def bars(records):
    """Every case that has a bar: the speed-up in both orders, and whether it is met.

    The order that counts, the slower one, is that of the smaller speed-up; it is bold.
    """
    exact = rows_of(records, "exact")
    found = []
    for case in dict.fromkeys(case for case, _, _ in exact):
        if case not in CASES or CASES[case].bar is None:
            continue
        bar, peer = CASES[case].bar, CASES[case].bar_peer
        measured = {order: speed_up(exact, case, order, peer) for order in "CF"}
        measured = {order: best for order, best in measured.items() if best is not None}
        if not measured:
            continue
        texts = {order: speed_up_words(*best) for order, best in measured.items()}
        slower = min(measured, key=lambda order: measured[order][1]["minima"])
        if len(measured) > 1:
            texts[slower] = f"**{texts[slower]}**"
        over = f"{bar:g}" if peer is None else f"{bar:g} ({NAMES.get(peer, peer)})"
        row = (over, texts.get("C", ""), texts.get("F", ""), verdict(measured, bar))
        found.append((case, *row))
    return markdown(("case", "bar", "measured in C", "in F", "met"), found)


def speed_up(exact, case, order, peer):
    """(fastest peer, its ratios to skreg); with `peer`, of that one.

    A peer that did not come to an end in time counts with the ratio that it has at
    least, if no other did. None if there is nothing to compare.
    """
    group = {lib: row for (*key, lib), row in exact.items() if key == [case, order]}
    skreg = group.pop("skreg", None)
    if peer is not None:
        group = {lib: row for lib, row in group.items() if lib == peer}
    reached = {
        lib: row["ratios"]["exact"]
        for lib, row in group.items()
        if isinstance(row, dict) and "exact" in row["ratios"]
    }
    if reached:
        return min(reached.items(), key=lambda item: item[1]["minima"])
    if not isinstance(skreg, dict):
        return None
    words = f"not reached in {skreg['limit']:g} s"
    too_slow = [lib for lib, row in group.items() if row == words]
    if not too_slow:
        return None
    least = skreg["limit"] / skreg["seconds"]
    return too_slow[0], {"minima": least, "lower_quartile": least, "at_least": True}


def speed_up_words(library, ratios):
    """The text of a cell of the bar table."""
    more = "> " if ratios.get("at_least") else ""
    return f"{more}{ratios['minima']:.2f} {NAMES.get(library, library)}"


def verdict(measured, bar):
    """Whether the minima meet a bar in every order, and the lower quartiles agree."""
    if any(ratios["minima"] < bar for _, ratios in measured.values()):
        return "no"
    for order, (_, ratios) in measured.items():
        if ratios["lower_quartile"] <= LOWER_QUARTILE * bar:
            return f"no: lower quartile {ratios['lower_quartile']:.2f} in {order}"
    return "yes"


def passes(records):
    """Passes over X of skreg's checks, where it does not form the Gram matrix."""
    found = []
    for (case, order, _), row in rows_of(records, "exact").items():
        if isinstance(row, dict) and row["passes"] is not None:
            per_alpha = row["passes"] / row["n_alphas"]
            found.append((case, order, f"{row['passes']:.1f}", f"{per_alpha:.2f}"))
    return markdown(("case", "order", "passes", "per alpha"), found)


def markdown(head, rows):
    """A pipe table."""
    lines = [
        "".join(f" {cell} |" if cell else " |" for cell in row) for row in (head, *rows)
    ]
    lines.insert(1, "---|" * len(head))
    return "\n".join("|" + line for line in lines)


def read(paths):
    """All records in some files."""
    lines = [line for path in paths for line in Path(path).read_text().splitlines()]
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    sys.stdout.write(tables(read(sys.argv[1:])) + "\n")
