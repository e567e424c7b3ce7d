// Package windows reads Windows hosts and frames changes of their firewall. It
// reads the rules as the registry holds them, in the grammar of [MS-GPFAS], and the
// policy as COM and the registry tell it; it writes rules of our own by COM only.
package windows
