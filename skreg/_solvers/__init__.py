"""Solvers: plain functions of arrays that return a result tuple."""
