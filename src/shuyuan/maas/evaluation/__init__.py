"""How good is it, for whom, and is that enough? Reports of models on a part of a data set, and gates.

Owns reports (figures, intervals, worst slices, subgroup gaps, controls, latency; as JSON and as one HTML file), gates
(named lists of conditions), verdicts, and the log of every reading of a test part. All arithmetic on tables runs in a
child process that is given a folder. Emits nothing. Refuses to give a verdict without the figure beside the limit, to
count a missing figure as passed, and to show a group of fewer than ten persons.
"""
