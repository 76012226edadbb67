"""Multilayer perceptrons with dropout and penalties."""
