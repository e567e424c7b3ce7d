package tasks

// of is the portion in hosts, of so many selected ones; percentages are rounded
// up.
func (p Portion) of(selected int) int {
	if !p.Percent {
		return p.N
	}
	return (selected*p.N + 99) / 100
}

// batches cuts so many hosts into batches. Percentages are of the selected
// hosts, which may be more than those that have something to do. The last
// portion repeats; none means all at once; each batch holds at least one host.
func batches(hosts, selected int, serial []Portion) []int {
	var sizes []int
	for i := 0; hosts > 0; i++ {
		size := hosts
		if len(serial) > 0 {
			size = max(1, serial[min(i, len(serial)-1)].of(selected))
		}
		size = min(size, hosts)
		sizes = append(sizes, size)
		hosts -= size
	}
	return sizes
}

// failed says whether a host's outcome counts against --max-fail.
func (s Status) failed() bool { return s.bad() && s != NotOpen }
