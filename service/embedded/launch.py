"""Become another program that dies with its parent: `launch.py PARENT_PID PROGRAM [ARGUMENT...]`.

Run by `process.py` as a script, before the real program, because the request to the kernel must be
made in the child, and running Python between fork and exec of a threaded parent is not safe.
Standard library only, so that it starts in some 15 ms.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent_pid: int) -> None:
    """Ask Linux for SIGKILL when the parent ends; exit at once if it has ended already."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        sys.exit(f"parent {parent_pid} is gone")


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
