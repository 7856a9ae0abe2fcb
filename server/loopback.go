package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// The addresses of this machine that `localhost` means. Programs differ in which address they try first, and in whether they
// try the other one.
const (
	loopback4 = "127.0.0.1"
	loopback6 = "::1"
)

// portTries is how many free ports of one loopback address are tried on the other address, where they may be taken.
const portTries = 10

// listen listens on an address. The host `localhost` means both loopback addresses, or the only one that the machine has.
// Port 0 means a port that is free on both.
func listen(ctx context.Context, addr string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host == "localhost" {
		return listenLocalhost(ctx, port)
	}
	return alone(listenOn(ctx, addr))
}

func alone(l net.Listener, err error) ([]net.Listener, error) {
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}

func listenOn(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return l, nil
}

func listenLocalhost(ctx context.Context, port string) ([]net.Listener, error) {
	for try := 1; ; try++ {
		first, err := listenOn(ctx, net.JoinHostPort(loopback4, port))
		if isAbsent(err) {
			return alone(listenOn(ctx, net.JoinHostPort(loopback6, port)))
		}
		if err != nil {
			return nil, err
		}
		second, err := listenOn(ctx, net.JoinHostPort(loopback6, strconv.Itoa(first.Addr().(*net.TCPAddr).Port)))
		switch {
		case err == nil:
			return []net.Listener{first, second}, nil
		case isAbsent(err):
			return []net.Listener{first}, nil
		}
		err = errors.Join(err, first.Close())
		if port != "0" || !errors.Is(err, syscall.EADDRINUSE) || try == portTries {
			return nil, err
		}
	}
}

// isAbsent reports whether listening failed because the machine has no such address, for example because it has no IPv6.
func isAbsent(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EPROTONOSUPPORT)
}
