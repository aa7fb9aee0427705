"""Entries that do not pass on the device, and why: {reason: entries}.

Strict: a run fails for an entry that fails and is not listed, and for one that is listed and passes. An entry is
`database/name/dtype/check`; a name of one of the four parts may be `*`.
"""

EXPECTED = {
}


def matches(pattern, entry):
    return all(w in ("*", part) for w, part in zip(pattern.split("/"), entry.split("/"), strict=True))


def reasons(entries):
    """{entry: reason} of those among `entries` that are listed."""
    found = {}
    for reason, patterns in EXPECTED.items():
        for pattern in patterns:
            found.update({entry: reason for entry in entries if matches(pattern, entry)})
    return found


def judged(rows):
    """({entry: reason} of expected failures, unexpected failures, entries that are listed and pass)."""
    listed = reasons(rows)
    bad = {entry for entry, row in rows.items() if row["status"] in ("failed", "crashed")}
    expected = {entry: reason for entry, reason in listed.items() if entry in bad}
    return expected, sorted(bad - set(listed)), sorted(entry for entry in listed if rows[entry]["status"] == "passed")
