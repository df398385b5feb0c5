"""How fast a served model is: load from NVIDIA's perf_analyzer, the server's own counters, figures with their facts.

It sees the server through the network only and knows nothing of how the model was made or is run.
"""
