"""Puts `oracle`, the engine's interface on libroadrunner, within reach of the tests in the folders below."""
