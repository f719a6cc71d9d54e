"""Models: a reservoir and a readout as one regressor, classifier or generator, driven or in closed loop."""
