// Package rig runs everything that the benchmarks measure, each part as a process of its own. These parts are a private
// PostgreSQL with the imported data, a redis-server, and the built roost binary in server mode. Alongside runs the baseline,
// which has a redis-server and a copy of the database of its own. Package rig reads from /proc how much processor time each
// process has used.
//
// Nothing is left behind: Close ends the processes and removes the directories, and the same happens when this process is
// killed (see package testproc).
//
// PostgreSQL runs without fsync, because the benchmarks measure work and not a disk. It also runs without autovacuum and with
// checkpoints far apart, so that no run does work that an earlier run left behind. Commits stay synchronous.
package rig
