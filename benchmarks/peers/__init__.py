"""Other packages' Hessian eigenvalues, beside this one's; benchmarks/bench_peers.py runs it."""
