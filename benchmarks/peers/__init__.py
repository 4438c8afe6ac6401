"""edgeproof beside other ways to read digits from a photograph: same pictures, same process rules, one run."""
