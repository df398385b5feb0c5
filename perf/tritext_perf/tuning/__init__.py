"""Which of several settings of a model serves a load best: measured side by side, judged against the noise.

What a setting is, and how a model is served with it, is told from outside; here it is a name for a server.
"""
