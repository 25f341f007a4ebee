"""Measurements, each beside a baseline of the same run, since machines are noisy. Goals are ratios, or absolute."""
