// Package parallel runs functions at the same time and waits for all of them:
//
//	var user *User
//	var page []int64
//	parallel.Run(
//		func() { user = readUser(ctx, id) },
//		func() { page = readPage(ctx, id) },
//	)
//
// It is for a few functions that call a store and so wait most of their time. The caller bounds the number of functions. A
// function that panics does not end the process: the panic is raised again in the caller's goroutine.
package parallel

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// Panic is the value with which Run panics when a function has panicked in another goroutine.
type Panic struct {
	// Value is the value with which the function panicked. Stack is the stack of its goroutine.
	Value any
	Stack []byte
}

// Error describes the value, without the stack.
func (p *Panic) Error() string { return fmt.Sprint(p.Value) }

// Run calls all functions at the same time, the first in the goroutine of the caller, and returns when all have returned.
// If functions panic, Run panics after all have ended: with the first function's own value if that panicked, otherwise with the
// [*Panic] of another function.
func Run(fns ...func()) {
	switch len(fns) {
	case 0:
		return
	case 1:
		fns[0]()
		return
	}
	var others sync.WaitGroup
	panics := make(chan *Panic, len(fns))
	for _, fn := range fns[1:] {
		others.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panics <- &Panic{p, debug.Stack()}
				}
			}()
			fn()
		})
	}
	defer func() {
		others.Wait()
		select {
		case p := <-panics:
			panic(p)
		default:
		}
	}()
	fns[0]()
}
