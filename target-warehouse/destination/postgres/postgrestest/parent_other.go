//go:build unix && !linux

package postgrestest

import "syscall"

// withParent does nothing where the system has no way to end a process together with its parent.
func withParent(a *syscall.SysProcAttr) *syscall.SysProcAttr { return a }
