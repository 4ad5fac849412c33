//go:build !linux

package servertest

import "syscall"

// EndWithParent does nothing, where the system has no way to end a process together with its parent.
func EndWithParent(a *syscall.SysProcAttr, _ syscall.Signal) *syscall.SysProcAttr { return a }
