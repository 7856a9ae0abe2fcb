//go:build !linux

package testproc

import "syscall"

// dieWithParent has no counterpart here; the janitor alone ends the children.
func dieWithParent(*syscall.SysProcAttr) {}
