"""Base classes of forecasters: the contract, and what a subclass implements."""
