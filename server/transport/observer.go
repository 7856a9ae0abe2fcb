package transport

import "time"

// Observer counts what transports do. Its methods are called from many goroutines and must not block.
type Observer interface {
	// Operation is called at every operation's end, and for requests that never became one. How is http,
	// socket or sse; kind is query, mutation, subscription or, before that is known, none; code is that of the
	// first error, else OK.
	Operation(how, kind, code string, took time.Duration)
	// SocketOpened and SocketClosed report upgraded connections. code is the code of the close frame, or 1006 if the connection
	// broke without one.
	SocketOpened()
	SocketClosed(code int)
	// StreamOpened and StreamClosed report streams of Server-Sent Events. code is the one with which a socket would have been closed:
	// 1000 if the subscription or its client has ended, 1006 if the connection broke.
	StreamOpened()
	StreamClosed(code int)
	// SocketRefused reports a websocket that was refused before its upgrade, or a stream that was refused before it began.
	SocketRefused()
	// QueueDropped reports messages that a socket or stream closed for slowness will never send.
	QueueDropped(messages int)
	// WriteTimedOut reports a socket or stream that ends because a message or a ping did not leave within
	// SocketConfig.WriteTimeout.
	WriteTimedOut()
	// Cut reports an answer over HTTP, a request, a socket or a stream that was cut off because its client was too slow, or because the
	// unread bytes of all clients were too many.
	Cut()
}

// unobserved is the Observer that counts nothing.
type unobserved struct{}

func (unobserved) Operation(string, string, string, time.Duration) {}
func (unobserved) SocketOpened()                                   {}
func (unobserved) SocketClosed(int)                                {}
func (unobserved) StreamOpened()                                   {}
func (unobserved) StreamClosed(int)                                {}
func (unobserved) SocketRefused()                                  {}
func (unobserved) QueueDropped(int)                                {}
func (unobserved) WriteTimedOut()                                  {}
func (unobserved) Cut()                                            {}
