// Package testproc runs the servers that tests need (PostgreSQL, Redis) as
// private child processes and leaves nothing behind.
//
// Guarantees:
//
//   - A [Home] is a temporary directory that belongs to this test process.
//     [Home.Remove] removes it. It is also removed when the process exits, panics or is
//     killed: a small shell process, the janitor, waits on a pipe that only the test
//     process holds open. When the pipe closes, the janitor stops the children and
//     removes the directory. So no package needs a TestMain to clean up.
//   - Where Linux offers it, children also get a signal from the kernel when the
//     test process dies.
//   - If both fail (the whole process group is killed, or the power fails), the next
//     test process removes the directories whose owner is gone. It recognizes them by a
//     file lock, which the kernel releases when the owner ends, and not by a process
//     id.
//   - Only processes that this package started are ever signalled.
//
// A [Proc] has its own process group, so Ctrl-C reaches the test process first, and the
// cleanup stays in order. Its output goes to a file in the home and never to the
// standard output of the test: a child that held that open would keep `go test`
// waiting.
package testproc
