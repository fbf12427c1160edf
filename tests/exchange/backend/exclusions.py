"""Which cases of the suite are no cases for tatami, and why.

Each rule must hold for at least one case: one that holds for none is stale.
"""

# What the import says when it refuses: a pattern in its message, and the reason in words.
REFUSALS = {
    r"an input of other axes; got 1 axes": "one row of numbers, without a batch",
    r"an input of other axes; got 6 axes": "more than three spatial axes",
    r"not read in this opset; got 2[89]": "an opset that is not released",
    r"a sum with a constant that is no number a channel": "adds another tensor than a bias for each channel",
    r"a factor that is no number a channel": "multiplies by another tensor than a factor for each channel",
    r"laid along an axis, as before opset 7": "broadcasts along an axis that is told, as before opset 7",
    r"a window with gaps": "POOL has no dilation",
    r"in training mode, by the statistics of the batch": "BN by the statistics of the batch: that is training",
    r"over other values than the channels": "normalises over other values than the channels of each position",
    r"Concat .*(input \d is a constant|along other than the channels)": "joins other than the channels, or the batch",
    r"other axes than all behind the batch": "flattens the batch, or not all that is behind it",
    r"a flattened map whose values lie channels first": "a flattened map as the output: tatami's has the channels last",
    r"a map whose values come out in another order": "an output whose values lie otherwise than in a map",
    r"sizes \S+ that cut across axes": "a shape that mixes the axes of a map",
    r"the batch is (moved|changed)|a size before the batch|that is not 1, or the batch": "moves or changes the batch",
    r"no matrix of weights behind its input|a bias of \d+ values for": "a product of matrices that is no FC",
    r"input \d (is computed|depends)": "weights that are computed from the input",
    r"a mean over other than all positions": "a mean over other than all positions of a map",
    r"positions are chosen": "cuts out positions; SLICE takes channels",
    r"padding by other than a constant": "padding by other than a constant",
    r"padding before an operator that takes none": "padding that no layer behind it takes in",
    r"a (difference|quotient) of values|a constant divided by values": "a difference or a quotient of two values",
    r"Split .*: along other than the channels": "splits other than the channels",
    r"Pool .*: its input is no map with channels first": "a signal that is pooled as an image of one column",
    r"got (Abs|Exp|Log|Neg|Pow|Sqrt|Reciprocal|Max|Min|Erf|Elu|Softplus|Softsign) \(": (
        "by itself no layer: read where it is a part of an activation that tatami has"
    ),
    r"got (HardSigmoid|PRelu|Clip|Gelu|LeakyRelu) \(": "an activation with other constants than tatami's",
}

# Cases that are read and answer otherwise: a pattern of their names, and the reason.
NAMES = {
    r"test_training_dropout(_default)?(_mask)?$": "drops at random: the expected output is one draw of the suite's",
    r"test_operator_addconstant": "its input is memory that was never set: numbers beyond float32",
}
