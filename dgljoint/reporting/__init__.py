"""The result of a run, for people: tables of scores, and the reports of a run folder.

Reports are made from the folder alone, so that they can be written again at any time. Texts of
posts never enter them.
"""
