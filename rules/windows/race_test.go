//go:build race

package windows

// slowed says that the race detector makes everything many times slower.
const slowed = true
