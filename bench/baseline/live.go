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

// broadcasts sends a tweet's counts to the sockets that ask for them, one prepared message for all.
type broadcasts struct {
	db *sql.DB
	mu sync.Mutex
	// sockets of a tweet; writes to them happen under the lock, one tweet after another.
	sockets map[int64]map[*websocket.Conn]bool
}

func newBroadcasts(db *sql.DB) *broadcasts {
	return &broadcasts{db: db, sockets: map[int64]map[*websocket.Conn]bool{}}
}

// A shared pool of write buffers: an idle socket has none.
var upgrader = websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 1 << 10, WriteBufferPool: &sync.Pool{}}

func (l *broadcasts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tweet, ok := ids.Tweet(r.URL.Query().Get("tweet"))
	if !ok {
		http.Error(w, "there is no such tweet", http.StatusBadRequest)
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.Close() }()
	if err := l.join(r, tweet, conn); err != nil {
		return
	}
	defer l.leave(tweet, conn)
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}

// join subscribes a socket and sends the current counts.
func (l *broadcasts) join(r *http.Request, tweet int64, conn *websocket.Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var likes, dislikes, revision int64
	if err := l.db.QueryRowContext(r.Context(), `SELECT like_count, dislike_count, revision FROM tweet_stats WHERE tweet_id = $1`,
		tweet).Scan(&likes, &dislikes, &revision); err != nil {
		return err
	}
	if err := conn.WriteMessage(websocket.TextMessage, message(tweet, layout.CountsPiece(likes, dislikes, revision))); err != nil {
		return err
	}
	if l.sockets[tweet] == nil {
		l.sockets[tweet] = map[*websocket.Conn]bool{}
	}
	l.sockets[tweet][conn] = true
	return nil
}

func (l *broadcasts) leave(tweet int64, conn *websocket.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sockets[tweet], conn)
}

// tell sends counts, given as a piece of JSON, to the sockets of a tweet.
func (l *broadcasts) tell(tweet int64, counts string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sockets[tweet]) == 0 {
		return
	}
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, message(tweet, counts))
	if err != nil {
		return // a text message can always be prepared
	}
	for conn := range l.sockets[tweet] {
		_ = conn.WritePreparedMessage(m) // a socket that is gone leaves by itself
	}
}

func message(tweet int64, counts string) []byte {
	return fmt.Appendf(nil, `{"id":"1","type":"next","payload":{"data":{"reactionsChanged":{"id":"%s","reactions":{%s}}}}}`,
		ids.TweetID(tweet), counts)
}
