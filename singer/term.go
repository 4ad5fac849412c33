package singer

import (
	"os"

	"golang.org/x/term"
)

// isTerminal tells whether a stream of the process is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// dumbTerminal tells whether the terminal can do no more than print lines.
func dumbTerminal() bool {
	kind := os.Getenv("TERM")
	return kind == "" || kind == "dumb"
}

// wantsColors tells whether the terminal has colours and its user has not said no to them.
//
// https://no-color.org
func wantsColors() bool { return !dumbTerminal() && os.Getenv("NO_COLOR") == "" }

// terminalSize returns the columns and lines of a terminal, or those of the classic one.
func terminalSize(stream any) (width, height int) {
	if f, ok := stream.(*os.File); ok {
		if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 && height > 0 {
			return width, height
		}
	}
	return 80, 24
}

// isPipe tells whether a stream of the process leads to another process.
func isPipe(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
}
