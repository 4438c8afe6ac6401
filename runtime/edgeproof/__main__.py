"""`python -m edgeproof` is `edgeproof`."""

import sys

from edgeproof.cli import main

if __name__ == "__main__":
    sys.exit(main())
