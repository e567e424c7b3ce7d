package windows

import "encoding/json"

// changeWire asks for steps 3 to 6 of the protocol. Target and Undo are a
// targetCopy and an undoCopy, as objects.
type changeWire struct {
	Format     int             `json:"format"`
	Run        string          `json:"run"`
	Controller string          `json:"controller"`
	Lease      uint64          `json:"lease"` // the number that was seen; the change takes Lease+1
	Ours       string          `json:"ours"`
	Rest       string          `json:"rest"`
	WindowMS   int64           `json:"window_ms"`
	Target     json.RawMessage `json:"target"`
	Undo       json.RawMessage `json:"undo"`
	Digest     string          `json:"digest"`
}

// confirmWire asks for steps 8 to 10.
type confirmWire struct {
	Format     int    `json:"format"`
	Run        string `json:"run"`
	Controller string `json:"controller"`
	Lease      uint64 `json:"lease"` // the one that the change took
	Time       string `json:"time"`  // RFC 3339, for the record
}

type revertWire struct {
	Format int    `json:"format"`
	Run    string `json:"run"`
	Lease  uint64 `json:"lease"`
}

type recoverWire struct {
	Format int `json:"format"`
}
