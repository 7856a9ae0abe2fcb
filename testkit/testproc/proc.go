package testproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Spec says what to run.
type Spec struct {
	Path string
	Args []string
	// Env is added to the little that every child gets, as "NAME=value".
	Env []string
	// User runs the program as somebody else; nil means as this process.
	User *syscall.Credential
	// Log is the file, below the home, that takes its output.
	Log string
}

// Proc is a running child.
type Proc struct {
	home *Home
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // set before done is closed
}

// Start runs a program in the home.
func (h *Home) Start(spec Spec) (*Proc, error) {
	logPath := h.Join(spec.Log)
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(spec.Path), err)
	}
	defer func() { _ = out.Close() }()

	cmd := h.command(context.Background(), spec)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)

	p := &Proc{home: h, cmd: cmd, log: logPath, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(spec.Path), err)
	}
	return p, nil
}

// run starts the child and waits for it on one locked thread: the kernel sends
// the parent-death signal when the thread that forked ends, not the process.
func (p *Proc) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	mark := p.home.Join(runName, strconv.Itoa(p.cmd.Process.Pid))
	markErr := os.WriteFile(mark, nil, 0o600)
	if markErr != nil {
		_ = p.cmd.Process.Kill()
	}
	started <- markErr
	p.err = p.cmd.Wait()
	_ = os.Remove(mark)
	close(p.done)
}

// Run runs a program in the home to its end and returns its output in the error
// when it fails.
func (h *Home) Run(ctx context.Context, spec Spec) error {
	out, err := h.command(ctx, spec).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(spec.Path), err, out)
	}
	return nil
}

func (h *Home) command(ctx context.Context, spec Spec) *exec.Cmd {
	cmd := exec.CommandContext(ctx, spec.Path, spec.Args...)
	cmd.Dir = h.Path
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.Path, "LC_ALL=C", "TZ=UTC"}
	cmd.Env = append(cmd.Env, spec.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: spec.User}
	return cmd
}

// Pid returns the process id of the child.
func (p *Proc) Pid() int { return p.cmd.Process.Pid }

// Exited returns a channel that is closed when the child has ended.
func (p *Proc) Exited() <-chan struct{} { return p.done }

// Err returns how the child ended, nil for success; it is valid once Exited is closed.
func (p *Proc) Err() error { return p.err }

// Signal sends a signal to the child itself, not to its group. A child that has
// ended is no error.
func (p *Proc) Signal(sig os.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", filepath.Base(p.cmd.Path), err)
	}
	return nil
}

// End sends sig and waits until the child has ended. If that takes longer than
// patience, it sends SIGKILL and returns an error.
func (p *Proc) End(sig os.Signal, patience time.Duration) error {
	if err := p.Signal(sig); err != nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	return fmt.Errorf("%s ignored %v for %v and was killed", filepath.Base(p.cmd.Path), sig, patience)
}

// WaitReady calls probe every few milliseconds until it succeeds, the child
// ends, or patience is over; the error then carries the end of the log.
func (p *Proc) WaitReady(patience time.Duration, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	name := filepath.Base(p.cmd.Path)
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended at its start (%v):\n%s", name, p.err, p.LogTail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %v: %w\n%s", name, patience, err, p.LogTail())
		case <-tick.C:
		}
	}
}

// LogTail returns the last 4 KiB that the child wrote.
func (p *Proc) LogTail() string {
	const most = 4 << 10
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	if len(data) > most {
		data = data[len(data)-most:]
	}
	return strings.TrimSpace(string(data))
}

// Unprivileged names the user that a server runs as when this process is root:
// the first of names that exists, else nobody. It is nil when this process is
// not root.
func Unprivileged(names ...string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range append(names, "nobody") {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 != nil || err2 != nil || uid == 0 {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("running as root and no unprivileged user found (postgres, nobody): run the tests as an ordinary user")
}
