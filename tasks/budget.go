package tasks

import (
	"errors"
	"fmt"
)

// Budget is why drift put nothing right: more hosts would have had to be changed than
// --max-fix allows.
type Budget struct {
	Hosts    int `json:"hosts"`    // that would be changed
	Allowed  int `json:"allowed"`  // by --max-fix
	Selected int `json:"selected"` // what a percentage is of
}

func (b *Budget) String() string {
	return fmt.Sprintf("nothing was put right: %s of %d would have to be changed, and --max-fix allows %d; look what happened to them before you allow more",
		hosts(b.Hosts), b.Selected, b.Allowed)
}

// check refuses options that make no sense.
func (opt *DriftOptions) check() error {
	switch m := opt.MaxFix; {
	case m == nil:
		return nil
	case m.N < 0 || m.Percent && m.N > 100:
		return errors.New("the hosts that may be put right must be 0 or more, or 0% to 100% of them")
	}
	return nil
}

// overBudget says that Fix would change more hosts than it may; nil where it may.
func (opt *DriftOptions) overBudget(found []drifted) *Budget {
	if !opt.Fix || opt.MaxFix == nil {
		return nil
	}
	b := &Budget{Allowed: opt.MaxFix.of(len(found)), Selected: len(found)}
	for i := range found {
		if found[i].fix != nil {
			b.Hosts++
		}
	}
	if b.Hosts <= b.Allowed {
		return nil
	}
	return b
}
