//go:build !race

package windows

const slowed = false
