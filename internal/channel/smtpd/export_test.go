package smtpd

// Mailbox and LoneDot are looked at by tests.
var Mailbox = mailbox

// LoneDot feeds a message in pieces of n bytes.
func LoneDot(message []byte, n int) bool {
	var s lineState
	for len(message) > n {
		if s.feed(message[:n]) {
			return true
		}
		message = message[n:]
	}
	return s.feed(message)
}
