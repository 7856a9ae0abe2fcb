// Package faults names places in the code where tests make a process die or wait.
//
// Without the build tag `faults` a place costs nothing. With it the variable ROOST_FAULT says what happens,
// as a list separated by commas:
//
//	name:kill          the process dies at the place as if by SIGKILL
//	name:kill:3        the third time that it comes there
//	name:hold:250ms    every caller that comes there waits for 250 ms
//	name:hold:250ms:2  the first two callers wait there, and standard error says "held at name"
package faults
