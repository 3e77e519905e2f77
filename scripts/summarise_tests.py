#!/usr/bin/env python3
"""Adds up the TAP sub-tests of one or more Meson test logs and ends with `N passed, N failed, N skipped`."""
import json
import re
import sys

LINE = re.compile(r"^(not ok|ok)\s+\d+\s*-?\s*(.*)$")


def count(log, totals):
    for text in open(log, encoding="utf-8"):
        test = json.loads(text)
        name, out = test["name"], test.get("stdout", "")
        seen = failed_here = 0
        for line in out.splitlines():
            match = LINE.match(line)
            if not match:
                continue
            seen += 1
            verdict, title = match.groups()
            if "# SKIP" in line.upper():
                totals["skipped"] += 1
            elif verdict == "ok":
                totals["passed"] += 1
            else:
                totals["failed"] += 1
                failed_here += 1
                print(f"FAILED {name}: {title}")
        plan = re.search(r"^1\.\.(\d+)", out, re.M)
        # Meson calls a skipped sub-test ("not ok # SKIP", as cmocka prints it) a failure; the lines themselves decide
        bad = (failed_here or test.get("returncode") or test["result"] in ("ERROR", "TIMEOUT", "INTERRUPT")
               or (plan and int(plan.group(1)) != seen))
        if bad and not failed_here:  # crashed or timed out before it could say which
            totals["failed"] += 1
            print(f"FAILED {name}: {test['result'].lower()}, exit {test.get('returncode')}")
        if bad:
            print("\n".join((out + "\n" + test.get("stderr", "")).strip().splitlines()[-25:]))
        if not bad and not seen:
            totals["passed"] += 1


def main():
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for log in sys.argv[1:]:
        count(log, totals)
    if sum(totals.values()) == 0:
        print("no test ran")
        totals["failed"] = 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals))
    return 1 if totals["failed"] else 0


sys.exit(main())
