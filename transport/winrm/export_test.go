package winrm

import "farmwall/transport"

// Cut breaks the TCP connection under a line.
func Cut(c transport.Conn) {
	l := c.(*line)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raw.Close()
}
