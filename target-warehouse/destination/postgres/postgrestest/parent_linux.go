package postgrestest

import "syscall"

// withParent has the process ended when this one dies, even if it is killed.
func withParent(a *syscall.SysProcAttr) *syscall.SysProcAttr {
	a.Pdeathsig = syscall.SIGQUIT
	return a
}
