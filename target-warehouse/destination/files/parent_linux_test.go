package files

import "syscall"

// withParent has a process ended when this one dies, even if it is killed.
func withParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
