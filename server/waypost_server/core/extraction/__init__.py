"""Parameters of a query without an LLM: words, numbers, dates, code and what marks itself.

An extractor is configured by a dataclass of `specs` and finds values in a `Text`; `parameters` asks
those of the decided route, and checks what they find against the parameter's JSON Schema.
"""
