//go:build race

package linux

// slowed: under the race detector times say nothing.
const slowed = true
