package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"roost/bench/layout"
	"roost/internal/ids"
)

// broadcasts sends a tweet's counts, and an author's new tweets, to the sockets that subscribe to them, as one prepared message
// for all.
type broadcasts struct {
	db *sql.DB
	mu sync.Mutex
	// sockets of a topic; writes to them happen under the lock, one message after another.
	sockets map[topic]map[*websocket.Conn]bool
}

// topic is the subject of a subscription: the counts of a tweet, or the new tweets of an author. The other id is 0.
type topic struct{ tweet, author int64 }

func newBroadcasts(db *sql.DB) *broadcasts {
	return &broadcasts{db: db, sockets: map[topic]map[*websocket.Conn]bool{}}
}

// A shared pool of write buffers: an idle socket has none.
var upgrader = websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 1 << 10, WriteBufferPool: &sync.Pool{}}

func (l *broadcasts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	about, ok := topicOf(r)
	if !ok {
		http.Error(w, "there is no such tweet or user", http.StatusBadRequest)
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.Close() }()
	if err := l.join(r, about, conn); err != nil {
		return
	}
	defer l.leave(about, conn)
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}

func topicOf(r *http.Request) (about topic, ok bool) {
	q := r.URL.Query()
	if author := q.Get("author"); author != "" {
		about.author, ok = ids.User(author)
		return about, ok
	}
	about.tweet, ok = ids.Tweet(q.Get("tweet"))
	return about, ok
}

// join subscribes a socket, and sends the first message: the current counts, or a note that the socket has joined.
func (l *broadcasts) join(r *http.Request, about topic, conn *websocket.Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := []byte(`{"type":"connection_ack"}`)
	if about.tweet != 0 {
		var likes, dislikes, revision int64
		if err := l.db.QueryRowContext(r.Context(), `SELECT like_count, dislike_count, revision FROM tweet_stats WHERE tweet_id = $1`,
			about.tweet).Scan(&likes, &dislikes, &revision); err != nil {
			return err
		}
		first = message(about.tweet, layout.CountsPiece(likes, dislikes, revision))
	}
	if err := conn.WriteMessage(websocket.TextMessage, first); err != nil {
		return err
	}
	if l.sockets[about] == nil {
		l.sockets[about] = map[*websocket.Conn]bool{}
	}
	l.sockets[about][conn] = true
	return nil
}

func (l *broadcasts) leave(about topic, conn *websocket.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sockets[about], conn)
}

// send sends a message to every socket of a topic.
func (l *broadcasts) send(about topic, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sockets[about]) == 0 {
		return
	}
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
	if err != nil {
		return // a text message can always be prepared
	}
	for conn := range l.sockets[about] {
		_ = conn.WritePreparedMessage(m) // a socket that is gone leaves by itself
	}
}

// message is the event for new counts, which are a piece of JSON.
func message(tweet int64, counts string) []byte {
	return fmt.Appendf(nil, `{"id":"1","type":"next","payload":{"data":{"reactionsChanged":{"id":"%s","reactions":{%s}}}}}`,
		ids.TweetID(tweet), counts)
}
