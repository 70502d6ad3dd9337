"""The verbs of the command: each file has ``build``, its parser, and ``run``, its work."""
