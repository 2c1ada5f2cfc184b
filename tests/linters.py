"""Runs the linters and validators that were installed with the tests' packages."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def tool(name):
    """Find a program beside Python."""
    return str(Path(sys.executable).parent / name)


def complaints(*command):
    """Run a command in the root of the repository; return what it says if it fails, and nothing if it does not."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr or f"exit code {done.returncode}") if done.returncode else ""
