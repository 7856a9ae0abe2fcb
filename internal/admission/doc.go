// Package admission decides at the door which requests a node works on, so that more load than it can bear does
// not make it do less.
//
// # The problem
//
// A node that begins everything that comes shares its processors among ever more requests. Each of them takes longer,
// until clients, statements and calls of Redis run out of time, and what was done for them is lost: goodput falls
// as load grows. A Gate lets so many requests run that all processors have work, and a few more for those that wait
// for Redis. The others wait in front of it, briefly, and are then refused: that costs next to nothing.
//
// # What counts
//
// A request runs from Enter to Leave, except while it is paused: it waits for the database, which has a limit of its own
// (package sqldb), for what another request reads, or for a permit to hash a password (package domain/accounts). So neither
// a database that does not answer nor a flood of attempts to sign in closes the door to requests that need neither. Paused
// requests go on at once; while too many run, the gate lets no new ones in.
//
// # Who is next
//
// Requests wait at most Config.Wait; the patient ones, which sockets begin and nobody would repeat soon, at most
// Config.PatientWait. Both take turns. Within each kind the networks of the clients take turns, and those of one network
// come in order: a client that floods waits behind itself.
//
// # When the process is late
//
// Config.Lag says how late the process runs. While that is more than maxLag the gate lets fewer requests run, down to two
// a processor, because other processes or the collector take the time that the limit counts on.
//
// # At the limits
//
//	more than Config.Running            wait, then UNAVAILABLE with retryAfter
//	more than Config.Inside             the same
//	more than Config.Queue waiting      UNAVAILABLE at once; a network may have an eighth of it
//
// A Gate owns no goroutine. It is safe for concurrent use, and so is a Ticket, whose nil value is that of work without a gate.
package admission
