// Package rig runs what the benchmarks measure, each as a process of its own: a private PostgreSQL with
// the imported data, a redis-server, the built roost binary in server mode; and beside it the baseline
// with a redis-server and a copy of the database of its own. It reads from /proc what each has used.
//
// Nothing survives: processes and directories go with Close, and also when this process is killed (see
// package testproc).
//
// PostgreSQL runs without fsync, as the benchmarks measure work and not a disk, and without autovacuum and
// with checkpoints far apart, so that what one run left behind is not paid for by the next. Commits
// stay synchronous.
package rig
