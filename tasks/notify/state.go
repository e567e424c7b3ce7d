package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// remindAfter is how long a farm that stays in a bad condition is not spoken of.
const remindAfter = 24 * time.Hour

// farmState is how a farm was after the last cycle, and since when.
type farmState struct {
	Condition Condition `json:"condition"`
	Since     time.Time `json:"since"`
}

// toldState is what a receiver was told last about a farm.
type toldState struct {
	Condition Condition `json:"condition"`
	Time      time.Time `json:"time"`
}

// memory is what is kept between cycles, in one file beside the journal.
type memory struct {
	Format int                             `json:"format"`
	Farms  map[string]farmState            `json:"farms"`
	Told   map[string]map[string]toldState `json:"told"` // by receiver, by farm
}

const (
	memoryFile   = "notify.json"
	memoryFormat = 1
)

// recall reads the file; one that is missing remembers nothing.
func recall(dir string) (*memory, error) {
	m := &memory{Format: memoryFormat, Farms: map[string]farmState{}, Told: map[string]map[string]toldState{}}
	path := filepath.Join(dir, memoryFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w; delete it, and everybody is told anew", path, err)
	}
	if m.Format != memoryFormat {
		return nil, fmt.Errorf("%s is of a newer farmwall (format %d)", path, m.Format)
	}
	if m.Farms == nil {
		m.Farms = map[string]farmState{}
	}
	if m.Told == nil {
		m.Told = map[string]map[string]toldState{}
	}
	return m, nil
}

func (m *memory) save(dir string) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".notify-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, memoryFile))
}

// key keeps schedules apart that look at different hosts of a farm.
func key(scope, farm string) string { return farm + "\n" + scope }

// see notes how a farm is now and returns since when.
func (m *memory) see(k string, c Condition, now time.Time) time.Time {
	f, known := m.Farms[k]
	if !known || f.Condition != c {
		f = farmState{c, now}
		m.Farms[k] = f
	}
	return f.Since
}

// event says whether a receiver has to be told something, and what it heard last.
func (m *memory) event(receiver, k string, c Condition, now time.Time) (Event, Condition, bool) {
	told, known := m.Told[receiver][k]
	if !known {
		told.Condition = OK
	}
	switch {
	case c == told.Condition:
		due := c != OK && !now.Before(told.Time.Add(remindAfter))
		return Reminder, told.Condition, due
	case c == OK && told.Condition == Fixed:
		// That it was put right is what was told already.
		m.tell(receiver, k, c, now)
		return "", "", false
	case c == OK:
		return Recovered, told.Condition, true
	}
	return Changed, told.Condition, true
}

func (m *memory) tell(receiver, k string, c Condition, now time.Time) {
	if m.Told[receiver] == nil {
		m.Told[receiver] = map[string]toldState{}
	}
	m.Told[receiver][k] = toldState{c, now}
}

// deliveryID is the same for each try to tell the same thing.
func deliveryID(receiver, k string, e Event, c Condition, since, told time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %s %s %d %d", receiver, k, e, c, since.UnixNano(), told.UnixNano()))
	return hex.EncodeToString(sum[:12])
}
