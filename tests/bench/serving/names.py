"""What the page calls those who take part."""

ECHO = "gRPC echo of the same size"
BARE = "bare encoder call, in process"
BOTH = "Waypost, both stages, no cache"
ALONE = "Waypost, transformer alone, no cache"
WARM = "Waypost, both stages, asked before"
MIXED = "Waypost, both stages, no cache, strangers among the queries"
LIBRARY = "semantic-router 1.1.1, library call"
