"""How sure a forecast is: intervals with a finite-sample guarantee, out of past errors."""
