package capacity

// seams are the lines along which the data could be split, and what holds it together today.
var seams = []row{
	{"copies of rows", "key, over the slots of a Redis Cluster", "splits: each key is by itself, and " +
		"a level of a query is one pipeline for each server"},
	{"requests and sockets", "node", "splits: nodes have no state that others need"},
	{"log, for consumer groups", "hash of the aggregate, into partitions", "splits: each partition has its own position " +
		"and lease, so a group works on as many nodes as it has partitions"},
	{"log, its numbers", "-", "does not split: one sequence for all events, in one row, so that a cursor is one number. A sequence for each " +
		"partition would make a cursor a list of numbers"},
	{"log, for tails", "-", "does not split: each node confirms every event, whether it holds copies of the row or not. " +
		"Tails of the slots that a node reads would make it a part"},
	{"users, sessions, follows", "id of the user", "does not split: one PostgreSQL. A follow names two users, " +
		"and is looked for from both ends"},
	{"tweets, reactions, counts", "id of the tweet", "does not split: one PostgreSQL. A reaction's transaction writes rows of its " +
		"tweet and raises the version of its user's list"},
	{"lists of authors' tweets", "id of the author", "does not split: one PostgreSQL. Home pages merge them from copies, " +
		"and need SQL only for what no node has read"},
	{"search", "id of the tweet", "does not split: the index is in the same PostgreSQL. It follows the log, so it could be anywhere"},
}
