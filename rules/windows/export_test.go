package windows

// Body is the text of a script, for the tests that run it.
func Body(name string) string { return body(name) }
