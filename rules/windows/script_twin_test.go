package windows_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	lab "farmwall/transport/lab/windows"
)

// edit changes the texts of rules of a name.
func (m *machine) edit(name, old, now string) {
	m.EditRules(func(e []lab.Entry) []lab.Entry {
		for i := range e {
			if field(e[i].Text, "Name") == name {
				e[i].Text = strings.Replace(e[i].Text, old, now, 1)
				return e
			}
		}
		panic("no rule " + name)
	})
}

// copyRule makes a twin of a rule, as the console's Copy and Paste do.
func (m *machine) copyRule(name, id string) {
	m.EditRules(func(e []lab.Entry) []lab.Entry {
		i := slices.IndexFunc(e, func(e lab.Entry) bool { return field(e.Text, "Name") == name })
		return append(e, lab.Entry{ID: id, Text: e[i].Text})
	})
}

func TestTwinsOfOurRules(t *testing.T) {
	soak(t)
	for _, last := range []bool{false, true} {
		t.Run(fmt.Sprint("last first ", last), func(t *testing.T) {
			m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019), Variant: lab.Variant{LastTwinFirst: last}})
			a, c := markA+":1", markC+":1"
			m.applied([]object{addition(markA, "443"), addition(markC, "3389")}, nil, nil)
			m.copyRule(a, "{T1}")
			m.copyRule(a, "{T2}")
			m.copyRule(c, "{T3}")
			m.edit(a, "|Active=TRUE|", "|Active=FALSE|")
			all := texts(m)

			// All of a go, of c one stays.
			request := func() object {
				return plan(m.look(), 5*time.Minute, []object{addition(markB, "443")}, []string{c}, []string{a, a, a, c})
			}
			r := m.change("applied", request())
			if on := slices.DeleteFunc(m.names(), func(n string) bool { return n[0] == '-' }); !slices.Equal(on, []string{"+" + markB + ":2", "+" + c}) {
				t.Fatalf("enabled are %v of %v", on, m.names())
			}
			m.expect(m.ask(t.Context(), "revert", reversion(r.Lease)), "undone")
			if !slices.Equal(texts(m), all) {
				t.Fatalf("left\n%s\nnot\n%s", strings.Join(texts(m), "\n"), strings.Join(all, "\n"))
			}
			r = m.change("applied", request())
			m.expect(m.ask(t.Context(), "confirm", confirmation(r.Lease)), "confirmed")
			m.mustBe("+"+markB+":3", "+"+c)

			// Which of two that differ is meant nobody could say.
			m.copyRule(c, "{T4}")
			m.edit(c, "LPort=3389", "LPort=3390")
			refused := m.change("refused", plan(m.look(), 5*time.Minute, nil, []string{c, markB + ":3"}, []string{c}))
			if !strings.Contains(refused.Message, "are not alike") {
				t.Fatal(refused.Message)
			}
			s := m.applied([]object{addition(markC, "3389")}, []string{markB + ":3"}, []string{c, c})
			m.mustBe("+"+markB+":3", "+"+markC+":"+itoa(s.Lease.Number))
		})
	}
}

func texts(m *machine) []string {
	out := m.Named("farmwall:")
	slices.Sort(out)
	return out
}

func TestHandEditsInsideTheWindow(t *testing.T) {
	soak(t)
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443"), addition(markC, "3389")}, nil, nil)
	before := texts(m)
	r := m.change("applied", plan(m.look(), 5*time.Minute, []object{addition(markB, "443")}, []string{markC + ":1"}, []string{markA + ":1"}))
	// Somebody makes a twin of the new rule and enables the old one again.
	m.copyRule(markB+":2", "{T}")
	m.edit(markA+":1", "|Active=FALSE|", "|Active=TRUE|")
	m.expect(m.ask(t.Context(), "revert", reversion(r.Lease)), "undone")
	if !slices.Equal(texts(m), before) {
		t.Fatalf("left: %v", m.names())
	}
	// An old rule that somebody deleted cannot come back, and that is said.
	r = m.change("applied", plan(m.look(), 5*time.Minute, []object{addition(markB, "443")}, []string{markC + ":1"}, []string{markA + ":1"}))
	m.EditRules(func(e []lab.Entry) []lab.Entry {
		return slices.DeleteFunc(e, func(e lab.Entry) bool { return field(e.Text, "Name") == markA+":1" })
	})
	reverted := m.ask(t.Context(), "revert", reversion(r.Lease))
	if reverted.Result != "pending" || !strings.Contains(reverted.Message, "not as it was before") {
		t.Fatalf("answered %+v", reverted)
	}
	m.mustBe("+" + markC + ":1")
}

func TestAllOfOursGoesOff(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	m.applied([]object{addition(markA, "443"), addition(markC, "3389")}, nil, nil)
	m.EditRules(func(e []lab.Entry) []lab.Entry {
		return append(e, lab.Entry{ID: "{X}", Text: "v2.29|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=1|Name=farmwall: odd $(name)|"})
	})
	request := plan(m.look(), 5*time.Minute, nil, nil, nil)
	request["target"].(object)["all"] = true
	request["target"].(object)["add"] = []object{{
		"mark": markC, "part": 2, "description": "", "direction": 2, "protocol": 17, "local_ports": "", "remote_ports": "53", "remote_addresses": "LocalSubnet,10.1.0.0/16",
		"again": object{"Grouping": "edited", "serviceName": "Dnscache", "Action": 0, "Profiles": 3, "InterfaceTypes": "RemoteAccess,Lan", "Enabled": false},
	}}
	r := m.change("applied", request)
	m.expect(m.ask(t.Context(), "confirm", confirmation(r.Lease)), "confirmed")
	m.mustBe("-" + markC + ":2:2")
	text := texts(m)[0]
	for _, want := range []string{"|Action=Block|", "|Dir=Out|", "|Protocol=17|", "|Profile=Domain|Profile=Private|", "|RPort=53|", "|Svc=Dnscache|", "|EmbedCtxt=edited|"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}

func TestTwoControllersRace(t *testing.T) {
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	s := m.observe()
	var both sync.WaitGroup
	var answers [2]report
	for i, mark := range []string{markA, markB} {
		both.Go(func() {
			request := plan(s, 5*time.Minute, []object{addition(mark, "443")}, nil, nil)
			request["run"] = fmt.Sprint("run-", i)
			answers[i] = m.ask(t.Context(), "change", request)
		})
	}
	both.Wait()
	won := slices.IndexFunc(answers[:], func(r report) bool { return r.Result == "applied" })
	if won < 0 || answers[1-won].Result != "taken" || answers[1-won].Holder != fmt.Sprint("adm@ctl run run-", won) {
		t.Fatalf("they were answered %+v", answers)
	}
	// Confirm and undo race for the token: one of them has it.
	confirm := confirmation(1)
	confirm["run"] = fmt.Sprint("run-", won)
	var reverted, confirmed report
	both.Go(func() { reverted = m.ask(t.Context(), "revert", reversion(1)) })
	both.Go(func() { confirmed = m.ask(t.Context(), "confirm", confirm) })
	both.Wait()
	switch {
	case confirmed.Result == "confirmed" && reverted.Result == "too-late" && len(m.names()) == 1:
	case confirmed.Result == "too-late" && reverted.Result == "undone" && len(m.names()) == 0:
	default:
		t.Fatalf("confirm %+v, revert %+v, rules %v\n%s", confirmed, reverted, m.names(), m.log())
	}
}
