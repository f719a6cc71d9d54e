"""Conventions that all estimators share: layout of series, parameters, random numbers, files."""
