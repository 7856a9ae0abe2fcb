// Package admission limits how many requests a node works on at a time, so that an overloaded node does not do less work than a
// busy one.
//
// # The problem
//
// A node that starts every request at once shares its processors among ever more requests. Each request then takes longer,
// until clients, statements and calls to Redis time out, and the work that was done for them is lost: goodput falls as load
// grows. A Gate admits enough requests to keep all processors busy, and a few more because some of them wait for Redis. Other
// requests wait briefly at the gate. If they are not admitted in that time, they are refused, which costs next to nothing.
//
// # What counts
//
// A request counts as running from Enter to Leave, except while it is paused. A request is paused while it waits for one of
// these: the database, which has a limit of its own (package sqldb); a result that another request is already reading; or a
// permit to hash a password (package domain/accounts). Config.Running bounds the running requests, and Config.Inside bounds the
// running and the paused requests together. So when the database does not answer, requests that do not need it are still
// admitted. During a flood of attempts to sign in, requests that hash no password are still admitted. In both cases this goes
// on until Config.Inside is reached. When the wait of a paused request is over, the request goes on without asking the gate. So
// more than Config.Running requests may run for a moment; until fewer run, the gate admits no new ones.
//
// # Who is next
//
// An ordinary request waits at most Config.Wait. A patient request comes over a websocket, and its client would not soon repeat
// it after a refusal; such a request waits at most Config.PatientWait. The two kinds take turns. Within each kind the networks
// of the clients take turns, and the requests of one network are admitted in the order in which they came. So a client that
// sends a flood of requests delays only its own network.
//
// # When the process is late
//
// Config.Lag returns how late the process runs. While this is more than maxLag, the gate lets fewer requests run, down to two
// for each processor and at least four. Other processes or the garbage collector then take processor time that Config.Running
// assumes to be free.
//
// # At the limits
//
//	more than Config.Running            wait, then UNAVAILABLE with retryAfter
//	more than Config.Inside             the same
//	more than Config.Queue waiting      UNAVAILABLE at once; one network may use an eighth of the queue.
//	                                    Patient requests have a queue of their own, Config.PatientQueue, of which
//	                                    one network may use all
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
