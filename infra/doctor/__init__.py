"""Checks of a stage before and after its deployment: they name each problem and its fix."""
