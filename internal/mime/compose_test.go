package mime

import "testing"

// What the package offers of field's is the same thing.
func TestCompose(t *testing.T) {
	if got := CleanHeader("a\r\nBcc: b@example.org\x00"); got != "a  Bcc: b@example.org" {
		t.Errorf("%q", got)
	}
	a, err := ParseAddress("Anna <Anna@Bücher.example>")
	if err != nil || NormalizeAddr(a.Addr) != "anna@xn--bcher-kva.example" {
		t.Error(a, err)
	}
	if l, err := ParseAddressList("a@example.org, nobody"); err == nil {
		t.Error(l)
	}
}
