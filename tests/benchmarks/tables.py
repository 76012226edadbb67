"""Markdown tables from the records of :mod:`tests.benchmarks.run`.

python -m tests.benchmarks.tables results.jsonl [more.jsonl ...]
"""

import json
import sys
from pathlib import Path

from tests.benchmarks.cases import CASES

LOWER_QUARTILE = 0.9  # a bar counts if the lower quartile is above this much of it
HEADINGS = {
    "exact": "Exact: peers at excess <= 1e-6, skreg at relative gap <= 1e-9",
    "as shipped": "As shipped: every library at its defaults",
}


# A second row for skreg: role -> (role of that row, its name).
SECOND_ROWS = {
    "exact": ("same excess", "skreg at excess <= 1e-6"),
    "as shipped": ("as good as shipped", "skreg at the excess of the fastest peer"),
}


def tables(records):
    """All tables that the records have something for."""
    gaps = {
        role for record in records for role in record["roles"] if role.startswith("gap ")
    }
    parts = [bars(records)]
    gaps = sorted(gaps, key=lambda role: -float(role.split()[1]))
    for role in ("exact", "as shipped", *gaps):
        heading = HEADINGS.get(role, f"Same gap: everyone at relative {role} or below")
        parts.append(f"### {heading}\n\n{details(records, role)}")
    return "\n\n".join(parts)


def bars(records):
    """The best peer of every case against skreg, and whether the bar is met."""
    head = ("case", "skreg", "best peer", "ratio", "quartiles", "bar", "met")
    rows = []
    for key, group in by_case(records).items():
        exact = [r for r in group if "exact" in r["roles"]]
        skreg = next((r for r in exact if r["library"] == "skreg"), None)
        peers = [r for r in exact if r["library"] != "skreg"]
        if skreg is None or not peers:
            continue
        best = min(peers, key=lambda record: record["seconds"])
        bar = CASES[key[0]].bar if key[0] in CASES else None
        rows.append(
            (
                case_name(key),
                seconds(skreg["seconds"]),
                f"{best['library']} {seconds(best['seconds'])}",
                *ratio(best, "exact"),
                "" if bar is None else f"{bar:g}x",
                "" if bar is None else met(best["ratios"]["exact"], bar),
            )
        )
    return "### Bars, on the exact table\n\n" + markdown(head, rows)


def met(ratios, bar):
    """Whether the ratio of minima meets the bar and the lower quartile agrees."""
    quartile = ratios["lower_quartile"] > LOWER_QUARTILE * bar
    return "yes" if ratios["minima"] >= bar and quartile else "no"


def details(records, role):
    """One row per case and library that has the role or failed to reach it."""
    head = ("case", "library", "tol", "seconds", "ratio", "quartiles", "gap", "excess")
    head += ("non-zeros", "peak MB")
    second, second_name = SECOND_ROWS.get(role, (None, None))
    rows = []
    for key, group in by_case(records).items():
        for record in group:
            if role in record["roles"]:
                rows.append((case_name(key), record["library"], *cells(record, role)))
            if second in record["roles"]:
                rows.append((case_name(key), second_name, *cells(record, second)))
        for library, reason in missing(group, role).items():
            rows.append((case_name(key), library, "", reason, *[""] * 6))
    return markdown(head, rows)


def missing(group, role):
    """Library -> why it has no row."""
    return {
        record["library"]: f"not reached: {record['gave_up'] or 'at any tol'}"
        for record in group
        if role in record["not_reached"]
    }


def cells(record, role):
    """All of a row but the case and the library."""
    return (
        f"{record['tol']:.0e}",
        seconds(record["seconds"]),
        *ratio(record, role),
        f"{record['max_relative_gap']:.0e}",
        f"{record['max_excess']:.0e}",
        str(record["nonzeros"]),
        f"{record['peak_memory_mb']:.0f}",
    )


def ratio(record, role):
    """Ratio of minima, and quartiles of the paired ratios."""
    ratios = record["ratios"].get(role)
    if ratios is None or record["library"] == "skreg":
        return "", ""
    quartiles = f"{ratios['lower_quartile']:.2f}-{ratios['upper_quartile']:.2f}"
    return f"{ratios['minima']:.2f}", quartiles


def by_case(records):
    """(case, order) -> its records."""
    groups = {}
    for record in records:
        groups.setdefault((record["case"], record["order"]), []).append(record)
    return groups


def case_name(key):
    """Case and memory order."""
    return f"{key[0]} ({key[1]})"


def seconds(value):
    """Three digits."""
    return f"{value:.3g}"


def markdown(head, rows):
    """A pipe table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def read(paths):
    """All records in some files."""
    lines = [line for path in paths for line in Path(path).read_text().splitlines()]
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    sys.stdout.write(tables(read(sys.argv[1:])) + "\n")
