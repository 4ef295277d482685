"""`python3 examples/payment-python --help`."""

import sys

from payment.main import main

sys.exit(main())
