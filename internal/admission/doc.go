// Package admission decides at the door which requests a node works on, so that more load than it can bear does
// not make it do less.
//
// # The problem
//
// A node that starts every request at once shares its processors among ever more requests. Each of them takes longer,
// until clients, statements and calls to Redis run out of time, and what was done for them is lost: goodput falls
// as load grows. A Gate admits enough requests to keep all processors busy, and a few more because some wait for Redis.
// The others wait briefly at the gate and are then refused, which costs next to nothing.
//
// # What counts
//
// A request counts as running from Enter to Leave, except while it is paused. It is paused while it waits for one of these: the
// database, which has a limit of its own (package sqldb); a result that another request is already reading; or a permit to
// hash a password (package domain/accounts). Config.Running bounds the running requests, Config.Inside those that run or are
// paused. So when the database does not answer, requests that need no database still get in, and during a flood of attempts to
// sign in, so do requests that hash no password; only Config.Inside stops them. When its
// wait is over, a paused request goes on without asking the gate. So more than Config.Running requests may run for a moment;
// meanwhile the gate admits no new ones.
//
// # Who is next
//
// An ordinary request waits at most Config.Wait. A patient request is one that a websocket begins, and that its client would not
// soon repeat if it were refused; it waits at most Config.PatientWait. The two kinds take turns. Within each kind the networks
// of the clients take turns, and the requests of one network are admitted in the order in which they came: a client that floods
// waits behind itself.
//
// # When the process is late
//
// Config.Lag returns how late the process runs. While that is more than maxLag the gate lets fewer requests run, down to two
// a processor: other processes or the garbage collector then take processor time that Config.Running assumes to be free.
//
// # At the limits
//
//	more than Config.Running            wait, then UNAVAILABLE with retryAfter
//	more than Config.Inside             the same
//	more than Config.Queue waiting      UNAVAILABLE at once; a network may have an eighth of it
//
// A Gate owns no goroutine. It is safe for concurrent use, and so is a Ticket. Work without a gate has a nil Ticket.
//
// # Use
//
//	ticket, err := gate.Enter(ctx, network, admission.Request)
//	if err != nil {
//		return err // UNAVAILABLE with retryAfter, or the error of ctx
//	}
//	defer ticket.Leave()
//	ctx = admission.With(ctx, ticket)
//	…
//	resume := admission.FromContext(ctx).Pause() // before a long wait that other limits bound
//	defer resume()
package admission
