package rules

import "errors"

// ErrMoving is Decode's error where the parts of one reading are of different
// moments; the next reading may be whole.
var ErrMoving = errors.New("somebody changed the ruleset while it was read; try again when that is over")
