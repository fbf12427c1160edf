"""The local web page: design, convolution, training, looking inside, comparing."""
