//go:build !race

package linux

const slowed = false
