"""Networks on a model server that speaks KServe v2."""
