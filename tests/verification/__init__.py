"""Corpora and scripts that measure how well `derive verify` judges; figures in docs/verification.md."""
