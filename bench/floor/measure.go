package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"roost/bench/load"
	"roost/bench/rig"
)

// child is a server in a process of its own, which ends when its standard input is closed.
type child struct {
	name, addr, admin string
	cmd               *exec.Cmd
	input             io.Closer
	pool              *load.Pool
	perRequest        []float64 // processor time of each round, in microseconds
}

// start runs this program as a server, with variables for its environment.
func start(ctx context.Context, name string, env ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve="+name)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{name: name, cmd: cmd, input: input}
	line, err := bufio.NewReader(output).ReadString('\n')
	addr, admin, ok := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("%s did not print its addresses: %w", name, err), c.stop())
	}
	c.addr, c.admin = addr, admin
	return c, nil
}

func (c *child) stop() error {
	var err error
	if c.pool != nil {
		err = c.pool.Close()
	}
	return errors.Join(err, c.input.Close(), c.cmd.Wait())
}

func request(addr, body string) []byte {
	return fmt.Appendf(nil, "POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		addr, len(body), body)
}

// connect opens the connections of the load.
func (c *child) connect(ctx context.Context, s settings, body, answer string) (err error) {
	ready := request(c.addr, body)
	c.pool, err = load.NewPool(ctx, c.addr, s.conns, load.Traffic{
		Source: func(int, int) load.Source { return func(buf []byte) []byte { return append(buf, ready...) } },
		Good:   []byte(answer),
	})
	return err
}

// round sends requests for a while, and returns how much processor time the server needed for one, in microseconds.
func (c *child) round(ctx context.Context, d time.Duration) (float64, error) {
	before, err := rig.ProcessClock(c.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	result, err := c.pool.Closed(ctx, d)
	if err != nil {
		return 0, err
	}
	after, err := rig.ProcessClock(c.cmd.Process.Pid)
	return float64(after-before) / float64(time.Microsecond) / float64(result.Latency.Count()), err
}

// ask sends one request over a connection of its own, and returns the answer.
func ask(ctx context.Context, addr, body string) (string, error) {
	conn, err := load.Dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	status, answer, err := conn.Do(request(addr, body))
	if err == nil && (status != http.StatusOK || !strings.HasPrefix(string(answer), `{"data":`)) {
		err = fmt.Errorf("the answer is %d, %s", status, answer)
	}
	return string(answer), err
}

// measure starts both servers and prints what a request costs each of them.
func measure(ctx context.Context, s settings) (err error) {
	roost, err := start(ctx, "roost")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, roost.stop()) }()
	body, register := s.body()
	answer, err := ask(ctx, roost.addr, register)
	if err != nil {
		return err
	}
	if err := roost.connect(ctx, s, body, answer); err != nil {
		return err
	}
	if s.profile != "" {
		return profile(ctx, s, roost)
	}
	plain, err := start(ctx, "plain", answerVariable+"="+answer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plain.stop()) }()
	if err := plain.connect(ctx, s, body, answer); err != nil {
		return err
	}
	return compare(ctx, s, roost, plain)
}

// compare alternates rounds of both servers and prints the ratio of each pair. The first pair warms both up.
func compare(ctx context.Context, s settings, roost, plain *child) error {
	var ratios []float64
	for i := range s.rounds + 1 {
		for _, c := range []*child{roost, plain} {
			cost, err := c.round(ctx, s.each)
			if err != nil {
				return err
			}
			c.perRequest = append(c.perRequest, cost)
		}
		if i > 0 {
			ratio := roost.perRequest[i] / plain.perRequest[i]
			ratios = append(ratios, ratio)
			fmt.Printf("round %d: roost %.1f µs, net/http %.1f µs, ratio %.2f\n", i, roost.perRequest[i], plain.perRequest[i], ratio)
		}
	}
	slices.Sort(ratios)
	fmt.Printf("%s: median ratio %.2f, from %.2f to %.2f; least processor time %.1f and %.1f µs, ratio %.2f\n", s.op,
		ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], slices.Min(roost.perRequest[1:]), slices.Min(plain.perRequest[1:]),
		slices.Min(roost.perRequest[1:])/slices.Min(plain.perRequest[1:]))
	return nil
}

// profile writes Roost's profile while it serves.
func profile(ctx context.Context, s settings, roost *child) error {
	if _, err := roost.round(ctx, s.each); err != nil { // warms it up
		return err
	}
	length := time.Duration(s.rounds) * s.each
	failed := make(chan error, 1)
	go func() {
		_, err := roost.round(ctx, length+time.Second)
		failed <- err
	}()
	for _, kind := range []string{"profile?", "allocs?"} {
		url := fmt.Sprintf("http://%s/debug/pprof/%sseconds=%d", roost.admin, kind, int(length.Seconds())/2)
		if err := download(ctx, url, s.profile+"."+strings.TrimSuffix(kind, "?")); err != nil {
			return err
		}
	}
	return <-failed
}

func download(ctx context.Context, url, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, resp.Body)
	return errors.Join(err, file.Close())
}
