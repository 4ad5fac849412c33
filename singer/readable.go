package singer

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// warnReadable notes that a file with a secret in it can be read by everyone on the machine.
func (l *configLoader) warnReadable(path string, root *setting, values map[string]any) {
	if !readableByAll(path) {
		return
	}
	var held []string
	root.secrets(values, func(name, text string) string {
		if !isReference(text) {
			held = append(held, name)
		}
		return text
	})
	if len(held) > 0 {
		slices.Sort(held)
		l.warnings = append(l.warnings, fmt.Sprintf("every user of this machine can read %s, which holds %s; %s",
			path, strings.Join(held, ", "), readableCure(path)))
	}
}

// readableByAll tells whether the modes of a file and of all folders above it let every user read it.
func readableByAll(path string) bool {
	path, err := filepath.Abs(path)
	if err != nil || runtime.GOOS == "windows" {
		return false
	}
	for need := os.FileMode(0o004); ; need = 0o001 {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&need == 0 {
			return false
		}
		up := filepath.Dir(path)
		if up == path {
			return true
		}
		path = up
	}
}

// readableCure is what to do about a file that all can read. Meltano writes its files anew for each run, and the modes
// of them follow the umask.
func readableCure(path string) string {
	if strings.Contains(filepath.ToSlash(path), ".meltano/run/") {
		return "start Meltano with umask 077"
	}
	return "run chmod 600 on it"
}
