"""`python3 -m tests [--fast] [TIER...]`: make the environment if it is missing, then run the tiers.

Needs Python 3.11 or newer and nothing else. What the tiers are: tests/tiers.py.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from service import bootstrap  # noqa: E402

if __name__ == "__main__":
    os.chdir(ROOT)
    bootstrap.run(bootstrap.TEST_LOCK, ["python", "-m", "tests.tiers"], sys.argv[1:])
