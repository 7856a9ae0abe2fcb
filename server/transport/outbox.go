package transport

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Limits of an outbox; the kernel's buffers come on top. A part of the room is reserved for the connection's own answers, such as
// pongs; operations cannot fill it.
const (
	outboxMessages  = 128
	outboxBytes     = 1 << 20
	reserveMessages = 64
	reserveBytes    = 512 << 10
)

// errSlow means that an outbox stayed full for too long.
var errSlow = errors.New("the client does not read")

// letter is a queued message. It is not sent if the client has completed its operation in the meantime.
type letter struct {
	op   *operation // nil for messages of the connection itself
	data []byte
	// kind says what data is; the zero value is a text message.
	kind letterKind
}

// letterKind is how a letter is sent.
type letterKind int8

const (
	ofText letterKind = iota // as a text message
	ofPong                   // as a pong, which answers a ping frame
	ofRest                   // as it is: the rest of a frame that was sent in part
)

// outbox is the send queue of one connection. Many goroutines put messages, and the connection's writer takes them. It holds at
// most outboxMessages messages and outboxBytes bytes, but one message of any size always fits. When it is full an operation waits
// for room, so that its source slows down with the reader and can skip. When an operation has waited for too long, the
// connection has to be closed.
//
// Most connections have nothing to send most of the time, so none keeps a goroutine for sending. A goroutine that has a message
// while the outbox is empty and no writer runs may claim the connection and write the message itself, as far as the system takes
// it at once; settle then ends the claim. Otherwise it puts the message, and calls send while no writer runs; the writer runs until
// nothing is left. After seal the writer sends the close frame, once, and no writer starts again.
type outbox struct {
	mu      sync.Mutex
	letters []letter
	bytes   int
	// pinging is set while a ping is due.
	pinging bool
	sending bool
	// sealed is set by seal; dropped, too, if the queue was dropped.
	sealed, dropped bool
	// send starts the writer. It does not block.
	send func()
	// room wakes one of the goroutines that wait for room.
	room chan struct{}
}

func newOutbox(send func()) *outbox {
	return &outbox{send: send, room: make(chan struct{}, 1)}
}

// put queues a message if there is room. A sealed outbox accepts every message and drops it.
func (b *outbox) put(l letter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		wake(b.room)
		return true
	}
	messages, bytes := outboxMessages, outboxBytes
	if l.op == nil {
		messages, bytes = messages+reserveMessages, bytes+reserveBytes
	}
	if len(b.letters) > 0 && (len(b.letters) >= messages || b.bytes+len(l.data) > bytes) {
		return false
	}
	b.letters = append(b.letters, l)
	b.bytes += len(l.data)
	b.start()
	if len(b.letters) < outboxMessages && b.bytes < outboxBytes {
		wake(b.room) // the message of the next goroutine may fit, too
	}
	return true
}

// claim reserves the connection for a caller that writes one message itself. It fails if anything else is to be sent before. A
// caller that has claimed the connection must not block before it calls settle.
func (b *outbox) claim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed || b.sending || b.pinging || len(b.letters) > 0 {
		return false
	}
	b.sending = true
	return true
}

// settle ends a claim. left is what the caller could not write; if it has data, the writer sends it ahead of everything else. It
// reports whether left was queued. If the queue was dropped meanwhile, a message of which nothing was written is dropped, too.
func (b *outbox) settle(left letter) (queued bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(left.data) > 0 && (!b.dropped || left.kind == ofRest) {
		b.letters = slices.Insert(b.letters, 0, left)
		b.bytes += len(left.data)
		queued = true
	}
	if len(b.letters) == 0 && !b.pinging && !b.sealed {
		b.sending = false
		return queued
	}
	b.send()
	return queued
}

// wait returns once there may be room. A caller that then puts no message must wake the next one with passOn. The error is
// errSlow when the time is up, or the error of ctx.
func (b *outbox) wait(ctx context.Context, timeUp <-chan time.Time) error {
	select {
	case <-b.room:
		return nil
	case <-timeUp:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}

// passOn wakes another goroutine that waits for room.
func (b *outbox) passOn() { wake(b.room) }

// ping queues a ping, ahead of all messages.
func (b *outbox) ping() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.sealed {
		b.pinging = true
		b.start()
	}
}

// start starts the writer unless it runs. The caller holds the lock.
func (b *outbox) start() {
	if !b.sending {
		b.sending = true
		b.send()
	}
}

// due is the next step of the writer.
type due int

const (
	dueNothing  due = iota // end; the next thing to send starts another writer
	dueLetter              // send the letter
	duePing                // send a ping
	dueFarewell            // send the close frame, and end for good
)

// take returns the next thing to do.
func (b *outbox) take() (due, letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.pinging && !b.sealed:
		b.pinging = false
		return duePing, letter{}
	case len(b.letters) > 0:
		l := b.letters[0]
		b.letters[0] = letter{}
		b.letters = b.letters[1:]
		b.bytes -= len(l.data)
		wake(b.room)
		return dueLetter, l
	case b.sealed:
		return dueFarewell, letter{} // sending stays set, so that no other writer starts
	}
	b.letters, b.sending = nil, false
	return dueNothing, letter{}
}

// seal closes the outbox for new messages. Queued messages are still sent, unless drop is set; then seal drops them and returns
// their number. Goroutines that wait for room are unblocked.
func (b *outbox) seal(drop bool) (dropped int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealed = true
	if drop {
		b.dropped = true
		kept := b.letters[:min(len(b.letters), 1)]
		if len(kept) > 0 && kept[0].kind != ofRest { // the client has got the beginning of such a frame
			kept = nil
		}
		dropped = len(b.letters) - len(kept)
		b.letters, b.bytes = kept, 0
		for _, l := range kept {
			b.bytes += len(l.data)
		}
	}
	b.start()
	wake(b.room)
	return dropped
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
