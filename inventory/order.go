package inventory

import (
	"slices"
	"strconv"
)

// Order says when a host's turn is in a rollout, as farmwall_order has it: a number
// for this host, or a list of roles whose hosts come last, in the list's order.
type Order struct {
	Number int
	Roles  []Role
}

// farthest is how far from 0 a farmwall_order may lie.
const farthest = 1000

// Turn is the host's number in a rollout: hosts with a lower one come before those
// with a higher one and never share a batch with them. 0 where farmwall_order says
// nothing of the host.
func (h *Host) Turn() int {
	turn := h.Order.Value.Number
	for i, role := range h.Order.Value.Roles {
		if h.Has(role) {
			turn = i + 1 // a host with several roles takes its turn with the last of them
		}
	}
	return turn
}

const orderHint = "write a number, or the roles that come last in their order, as in [gateway, halb, publishing_agent]"

// readOrder reads farmwall_order.
func readOrder(p part, bad complaint) Order {
	if text, ok := p.text(); ok {
		if n, err := strconv.Atoi(text); err == nil {
			if n < -farthest || n > farthest {
				bad(p.at, "", "%s is out of bounds: %d to %d", show(p.any), -farthest, farthest)
			}
			return Order{Number: n}
		}
	}
	items, ok := p.items()
	if !ok || len(items) == 0 {
		bad(p.at, orderHint, "%s is neither a number nor a list of roles", show(p.any))
		return Order{}
	}
	var order Order
	for _, item := range items {
		text, _ := item.text()
		role, ok := ParseRole(text)
		switch {
		case !ok:
			var names []string
			for _, r := range Roles() {
				names = append(names, string(r))
			}
			bad(item.at, suggestOr(orderHint, text, names...), "%s is no role", show(item.any))
		case slices.Contains(order.Roles, role):
			bad(item.at, "", "the role %s is there twice", role)
		default:
			order.Roles = append(order.Roles, role)
		}
	}
	return order
}
