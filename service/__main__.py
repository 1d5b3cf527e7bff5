"""`python3 -m service COMMAND`: make the environment if it is missing, then be `segue COMMAND`.

Needs Python 3.11 or newer and nothing else. `python3 path/to/clone/service COMMAND` does the same
from any folder.
"""

import os
import sys

# Run by its path, Python puts this folder first; the package is found from the one above.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from service import bootstrap

if __name__ == "__main__":
    bootstrap.run(bootstrap.RUNTIME_LOCK, ["segue"], sys.argv[1:])
