"""`burr-collector`, `python -m burr_collector`: the program `burr`, under a name that Burr's own package leaves free."""

from __future__ import annotations

import os
import sys

from burr_collector.program import ProgramError, find_program, other_version


def main() -> None:
    """Become the program, with the arguments as they are."""
    try:
        program = find_program()
    except ProgramError as why:
        sys.exit(f"burr-collector: {why}")
    remark = other_version(str(program.path), program.version)
    if remark:
        print(f"burr-collector: {remark}", file=sys.stderr)
    os.execv(program.path, [str(program.path), *sys.argv[1:]])


if __name__ == "__main__":
    main()
