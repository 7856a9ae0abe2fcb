// Package testproc runs the servers that tests need (PostgreSQL, Redis) as
// private child processes and leaves nothing behind.
//
// Guarantees:
//
//   - A [Home] is a temporary directory that belongs to this test process. It
//     goes away with [Home.Remove], and also when the process exits, panics or
//     is killed: a small shell, the janitor, waits on a pipe that only the test
//     process holds, and at its end stops the children and removes the
//     directory. So no package needs a TestMain for cleaning.
//   - Where Linux offers it, children also get a signal from the kernel when the
//     test process dies.
//   - Should both fail (a whole process group killed, a power cut), the next
//     test process removes directories whose owner is gone. It decides by a file
//     lock, which the kernel drops with its holder, not by a process id.
//   - Only processes started here are ever signalled.
//
// A [Proc] has its own process group, so Ctrl-C reaches the test process first
// and cleanup stays in order. Output goes to a file in the home, never to the
// standard output of the test: a child that held it would keep `go test`
// waiting.
package testproc
