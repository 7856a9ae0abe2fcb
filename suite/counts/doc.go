// Package counts holds end-to-end tests of reactions and their counts: while workers are stopped, nodes are killed, and Redis is flushed.
package counts
