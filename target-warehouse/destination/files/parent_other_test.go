//go:build !linux

package files

import "syscall"

// withParent cannot do here what it does on Linux.
func withParent() *syscall.SysProcAttr { return nil }
