"""Bulk scoring: every row of a file with a served model's answer beside it, in bounded memory, through any interruption.

Knows files and the blocking client; how a task's items are made of columns is `tritext.sources`' to say.
"""
