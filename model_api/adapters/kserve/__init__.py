"""Models on a server that speaks KServe v2, over gRPC or HTTP."""
