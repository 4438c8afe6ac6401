"""Which pixels are ink: the paper and its light, what is dark on it or light, and the lines that are no writing."""
