// Package rows says which rows of Roost's tables the cache keeps: under which keys (keys.go), in which form,
// for how long, and which events make them old (invalidation.go).
//
// Each entity has rows with a version that every write raises; a row that there is not has version 0 and is kept
// as well, for less long. Questions of several entities are answered together: what Redis has in one pipelined
// round trip a server, the rest by one SQL statement an entity.
//
// What is promised of reads is said in package cache; docs/consistency.md says it field by field.
package rows
