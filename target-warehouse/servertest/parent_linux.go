package servertest

import "syscall"

// EndWithParent has a process get the signal when the thread that starts it dies, even if that is killed: it adds so to the
// attributes, which may be nil. Elsewhere than on Linux it does nothing.
func EndWithParent(a *syscall.SysProcAttr, signal syscall.Signal) *syscall.SysProcAttr {
	if a == nil {
		a = &syscall.SysProcAttr{}
	}
	a.Pdeathsig = signal
	return a
}
