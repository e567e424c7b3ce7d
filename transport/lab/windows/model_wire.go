package windows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
)

// The requests and answers of farmwall's scripts for Windows, as far as the engine
// Model reads and writes them.

type modelRequest struct {
	Format     int         `json:"format"`
	Run        string      `json:"run"`
	Controller string      `json:"controller"`
	Lease      uint64      `json:"lease"`
	Ours       string      `json:"ours"`
	Rest       string      `json:"rest"`
	WindowMS   int64       `json:"window_ms"`
	Target     modelTarget `json:"target"`
	Undo       modelUndo   `json:"undo"`
	Digest     string      `json:"digest"`
	Time       string      `json:"time"`
}

type modelTarget struct {
	Format int             `json:"format"`
	Keep   []string        `json:"keep"`
	Add    []modelAddition `json:"add"`
	Off    []string        `json:"off"`
	All    bool            `json:"all"`
	Refuse string          `json:"refuse"`
}

type modelAddition struct {
	Mark            string         `json:"mark"`
	Part            int            `json:"part"`
	Description     string         `json:"description"`
	Direction       int            `json:"direction"`
	Protocol        int            `json:"protocol"`
	LocalPorts      string         `json:"local_ports"`
	RemotePorts     string         `json:"remote_ports"`
	RemoteAddresses string         `json:"remote_addresses"`
	Again           map[string]any `json:"again"`
}

type modelUndo struct {
	Format int `json:"format"`
	Rules  []struct {
		Name    string `json:"name"`
		Enabled bool   `json:"enabled"`
		Text    string `json:"text"`
	} `json:"rules"`
}

type modelReport struct {
	Format  int    `json:"format"`
	Result  string `json:"result"`
	Lease   uint64 `json:"lease"`
	Ours    string `json:"ours"`
	LeftMS  int64  `json:"left_ms"`
	Holder  string `json:"holder"`
	Message string `json:"message"`
	Unsaved string `json:"unsaved"`
}

var (
	runText  = regexp.MustCompile(`^[a-zA-Z0-9-]{1,64}$`)
	whoText  = regexp.MustCompile(`^[!-~]{1,200}$`)
	hashText = regexp.MustCompile(`^[0-9a-f]{64}$`)
	timeText = regexp.MustCompile(`^[0-9TZ:.+-]{1,40}$`)
)

// request reads the script's input and what it must hold.
func (r *modelRun) request(keys ...string) (*modelRequest, error) {
	var q modelRequest
	d := json.NewDecoder(bytes.NewReader(r.call.data))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return nil, err
	}
	if q.Format != 1 {
		return nil, fmt.Errorf("the request has format %d", q.Format)
	}
	for _, k := range keys {
		good := map[string]bool{
			"run": runText.MatchString(q.Run), "controller": whoText.MatchString(q.Controller), "time": timeText.MatchString(q.Time),
			"ours": hashText.MatchString(q.Ours), "rest": hashText.MatchString(q.Rest), "digest": hashText.MatchString(q.Digest),
			"window": q.WindowMS > 0, "copies": q.Target.Format == 1 && q.Undo.Format == 1,
		}[k]
		if !good {
			return nil, fmt.Errorf("the request holds no good %s", k)
		}
	}
	return &q, nil
}

// answer is all that a script of a change says.
func (r *modelRun) answer(a modelReport) error {
	a.Format = 1
	text, err := json.Marshal(a)
	r.out = text
	return err
}
