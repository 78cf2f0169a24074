package mime

import "example.org/countersign/internal/mime/field"

// CleanHeader makes s fit to be the value of a header field: one line, valid
// UTF-8, no control character (RFC 5322 §2.2: CR and LF would begin another
// field).
func CleanHeader(s string) string {
	return field.CleanLine(s)
}

// Address is one mailbox; see field.Address.
type Address = field.Address

// ParseAddress reads one address, with or without a display name, as people
// and programs write it. The error says what is wrong with it.
func ParseAddress(s string) (Address, error) {
	return field.ParseAddress(s) //nolint:wrapcheck // a fault for the caller
}

// ParseAddressList reads addresses separated by commas or semicolons; each
// must be one that mail can be sent to.
func ParseAddressList(s string) ([]Address, error) {
	return field.ParseAddressList(s) //nolint:wrapcheck // a fault for the caller
}

// NormalizeAddr returns the form of an address by which two are compared.
func NormalizeAddr(addr string) string { return field.NormalizeAddr(addr) }
