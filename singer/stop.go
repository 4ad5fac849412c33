package singer

import "errors"

// errStopped is how the input of a target ends when the run was asked to stop. The [Reader] drops the line that it has
// only in part and reports io.EOF.
var errStopped = errors.New("the input was stopped")
