"""`python -m edgeproof` is `edgeproof`."""

import sys

from edgeproof.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
