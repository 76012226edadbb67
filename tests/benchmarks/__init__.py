"""Timing against other libraries: see :mod:`tests.benchmarks.run`."""
