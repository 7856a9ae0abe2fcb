package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
)

// tb lets a program use packages that are made for tests: what they want of a test it does for the rig.
// Only the methods below work.
type tb struct {
	testing.TB
	ctx      context.Context
	cleanups []func()
	errs     []error
}

// failure is what Fatal panics with.
type failure struct{ error }

// protect runs fn, and returns what it failed with.
func (t *tb) protect(fn func()) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case failure:
			err = v.error
		default:
			panic(v)
		}
	}()
	fn()
	return nil
}

// close runs the cleanups, the last one first.
func (t *tb) close() error {
	for _, fn := range slices.Backward(t.cleanups) {
		if err := t.protect(fn); err != nil {
			t.errs = append(t.errs, err)
		}
	}
	t.cleanups = nil
	return errors.Join(t.errs...)
}

func (t *tb) Helper() {}

func (t *tb) Context() context.Context { return t.ctx }

func (t *tb) Cleanup(fn func()) { t.cleanups = append(t.cleanups, fn) }

func (t *tb) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (t *tb) Error(args ...any) { t.errs = append(t.errs, errors.New(fmt.Sprint(args...))) }

func (t *tb) Fatal(args ...any) { panic(failure{errors.New(fmt.Sprint(args...))}) }

func (t *tb) Fatalf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }
