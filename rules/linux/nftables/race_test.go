//go:build linux

package nftables_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/rules"
)

// TestOneWinner has undo and confirm grasp for the token at the same moment, 200
// times: exactly one gets it.
func TestOneWinner(t *testing.T) {
	h := newHost(t, "sh")
	change := system.Change(rules.ChangeRequest{}).Body
	_, program, _ := strings.Cut(change, "<<'END-OF-THE-PROGRAM'\n")
	program, _, _ = strings.Cut(program, "main \"$@\"\n")
	race := program + `
mkdir -p $run
undo=0 confirm=0 round=0
while [ $round -lt 200 ]; do
	round=$((round + 1))
	rm -f $run/token.* $run/go
	put $run/token.armed "$round run-1 99999"
	for state in undoing confirming; do
		( until [ -e $run/go ]; do :; done; win $state $round && echo $state >>$run/won.$round ) &
	done
	: >$run/go
	wait
	[ "$(wc -l <$run/won.$round)" = 1 ] || echo "round $round: $(cat $run/won.$round)"
	read -r winner <$run/won.$round
	[ -e $run/token.$winner ] || echo "round $round: no token $winner"
	case $winner in undoing) undo=$((undo + 1)) ;; *) confirm=$((confirm + 1)) ;; esac
done
echo "undo $undo confirm $confirm" >&2
`
	if out := h.Sh("{\n" + race + "\n} 2>/run/log"); out != "" {
		t.Errorf("not one winner:\n%s", out)
	}
	t.Log(h.Sh("tail -n 1 /run/log"))
}

// TestConfirmAgainstSwitch confirms when the window runs out, whole scripts against each
// other. Whoever wins, the host is in its old state or in its new one.
func TestConfirmAgainstSwitch(t *testing.T) {
	t.Parallel()
	rounds := 6
	if os.Getenv("FARMWALL_SOAK") == "1" {
		rounds = 100
	}
	h := newHost(t, "sh")
	h.nft(hosts["default drop inet"])
	sets := []rules.Set{someSet(t), otherSet(t)}
	h.Confirmed(sets[0])
	now := 0
	for round := range rounds {
		want := sets[1-now]
		r := h.Frame(system.Change(h.Request(h.State(), want, 6*time.Second)))
		if r.Result != rules.Applied {
			t.Fatalf("change: %+v", r)
		}
		time.Sleep(r.Left - time.Duration(200+100*round%900)*time.Millisecond)
		var wait sync.WaitGroup
		var confirm, revert *rules.Report
		if round%2 == 0 {
			wait.Go(func() { revert = h.Revert(r.Lease) })
		}
		wait.Go(func() { confirm = h.Confirm(r.Lease) })
		wait.Wait()
		h.Gone("switch", 20*time.Second)
		switch {
		case confirm.Result == rules.Confirmed && (revert == nil || revert.Result == rules.TooLate):
			now = 1 - now
		case confirm.Result == rules.TooLate && (revert == nil || revert.Result == rules.Undone):
		default:
			t.Errorf("round %d: confirm %+v, revert %+v", round, confirm, revert)
		}
		h.NothingToDo(sets[now])
		if t.Failed() {
			return
		}
	}
}

// TestTwoConfirms confirms one change twice at the same moment.
func TestTwoConfirms(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	for range 5 {
		r := h.Apply(someSet(t))
		var wait sync.WaitGroup
		for range 2 {
			wait.Go(func() {
				if c := h.Confirm(r.Lease); c.Result != rules.Confirmed {
					t.Errorf("confirm: %+v", c)
				}
			})
		}
		wait.Wait()
		h.NothingToDo(someSet(t))
	}
}

// TestLaterLease lets a script that is late by one step rename the token of a later
// change: it must give it back, and must not count as the winner.
func TestLaterLease(t *testing.T) {
	h := newHost(t, "sh")
	change := system.Change(rules.ChangeRequest{}).Body
	_, program, _ := strings.Cut(change, "<<'END-OF-THE-PROGRAM'\n")
	program, _, _ = strings.Cut(program, "main \"$@\"\n")
	out := h.Sh(program + `
mkdir -p $run
put $run/token.armed "1 run-1 99999"
mv() {
	unset -f mv
	put $run/token.armed "2 run-2 99999"
	mv "$@"
}
if win confirming 1; then echo won; fi
ls $run
cat $run/token.armed`)
	if out != "token.armed\n2 run-2 99999\n" {
		t.Errorf("it is:\n%s", out)
	}
}
