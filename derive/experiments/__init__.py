"""Real runs: data sets, training by derived gradients held against autograd, the sheets' deliverables."""
