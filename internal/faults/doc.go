// Package faults names places in the code where tests can make a process die or wait.
//
// Without the build tag `faults` a place costs nothing. With the tag, the environment variable ROOST_FAULT lists what happens
// at which place, separated by commas:
//
//	name:kill          the process dies at the place, as if by SIGKILL
//	name:kill:3        the process dies when it reaches the place for the third time
//	name:hold:250ms    every caller that reaches the place waits for 250 ms
//	name:hold:250ms:2  only the first two callers wait, and standard error says "held at name" for each
package faults
