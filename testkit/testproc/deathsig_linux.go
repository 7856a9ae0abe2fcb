package testproc

import "syscall"

// dieWithParent asks the kernel to send SIGQUIT when this process dies:
// PostgreSQL takes it as an immediate shutdown, others just end.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }
