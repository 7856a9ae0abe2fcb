package app_test

import (
	"net/http"
	"testing"
	"time"

	"roost/app"
	"roost/testkit/apitest"
)

// The delay before a drain does not shorten the drain.
func TestStopAfterTheDelay(t *testing.T) {
	t.Parallel()
	const delay = 1500 * time.Millisecond
	r := apitest.New(t, apitest.Embedded, func(c *app.Config) { c.DrainDelay, c.StopTimeout = delay, delay-time.Millisecond })
	u := r.SignUp(t, "ada")
	socket := u.Dial(t)
	began := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- r.App.Stop(t.Context()) }()
	apitest.Until(t, "it says that it drains", func() bool {
		status, _ := r.Ready(t)
		return status == 503
	})
	u.Must(t, "{ viewer { email } }", nil)    // it still serves
	http.DefaultClient.CloseIdleConnections() // a connection without a request would be waited for
	if err := <-stopped; err != nil || time.Since(began) < delay {
		t.Errorf("stopped after %s: %v", time.Since(began), err)
	}
	if code := socket.Closed(t); code != 1012 {
		t.Errorf("the socket was closed with %d", code)
	}
}
