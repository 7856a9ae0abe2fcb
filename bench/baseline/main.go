// Command baseline answers the requests that the benchmarks send to Roost, without GraphQL and in the cheapest way.
// Hand-written net/http handlers answer reads from ready pieces of JSON in Redis (package layout). A reaction or a tweet is one
// plain transaction. Sockets get a broadcast of one prepared message. The answers are the same JSON as Roost's. This program is
// a yardstick, not a real server: nothing invalidates the data that it reads, and it has no limits.
//
//	GET  /home                            20 tweets of the viewer's home timeline
//	GET  /home/retweets                   the same with retweets, and who retweeted
//	GET  /users/{username}                a profile with 10 tweets
//	GET  /summaries?ids=ID,ID             reactions of tweets
//	POST /reactions/{tweet}/{kind}        sets the viewer's reaction
//	POST /tweets?text=TEXT                posts a tweet as the viewer
//	POST /graphql                         reads the body, and answers what Roost answers to { __typename }
//	GET  /live?tweet=ID                   a websocket with the tweet's counts
//	GET  /live?author=ID                  a websocket with the user's new tweets, for anybody
//
// All except /graphql and /live need the header Authorization: Bearer KEY.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "github.com/lib/pq"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "`address` to listen on")
	database := flag.String("database-url", "", "PostgreSQL `URL`")
	cache := flag.String("redis-url", "", "Redis `URL`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, *addr, *database, *cache)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "baseline:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, database, cache string) (err error) {
	options, err := redis.ParseURL(cache)
	if err != nil {
		return err
	}
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	rdb := redis.NewClient(options)
	defer func() { err = errors.Join(err, rdb.Close()) }()
	db, err := openDB(database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	writes, err := prepare(ctx, db)
	if err != nil {
		return err
	}
	live := newBroadcasts(db)
	reads := &reads{rdb: rdb}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /home", reads.home)
	mux.HandleFunc("GET /home/retweets", reads.homeRetweets)
	mux.HandleFunc("GET /users/{username}", reads.profile)
	mux.HandleFunc("GET /summaries", reads.summaries)
	mux.Handle("POST /reactions/{tweet}/{kind}", &reactions{db: db, rdb: rdb, writes: writes, live: live})
	mux.Handle("POST /tweets", &tweets{db: db, rdb: rdb, live: live})
	mux.Handle("GET /live", live)
	s := &http.Server{Addr: addr, Handler: bareOr(mux), ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stopped()
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bareOr answers POST /graphql before the mux is asked, as a server with a single handler would.
func bareOr(other http.Handler) http.HandlerFunc {
	ready := []byte(`{"data":{"__typename":"Query"}}`)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/graphql" {
			other.ServeHTTP(w, r)
			return
		}
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(ready) // a client that left
	}
}

// connections is how many connections Roost opens to PostgreSQL on two cores.
const connections = 32

func openDB(database string) (*sql.DB, error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	q.Set("binary_parameters", "yes")
	u.RawQuery = q.Encode()
	db, err := sql.Open("postgres", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}
