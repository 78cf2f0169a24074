package people

import (
	"bytes"
	"path/filepath"
	"testing"

	"example.org/countersign/internal/keyring"
)

// TestVault: every part counts, at its place, and another installation's is
// worth nothing.
func TestVault(t *testing.T) {
	open := func() *vault {
		keys, err := keyring.Open(t.Context(), filepath.Join(t.TempDir(), "keys"))
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		v, err := openVault(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v, other := open(), open()
	proof := v.proof("link", "secret", "ann", "7")
	for name, no := range map[string]bool{
		"purpose":    v.proves(proof, "token", "secret", "ann", "7"),
		"secret":     v.proves(proof, "link", "Secret", "ann", "7"),
		"owner":      v.proves(proof, "link", "secret", "bob", "7"),
		"boundaries": v.proves(proof, "link", "secreta", "nn", "7"),
		"number":     v.proves(proof, "link", "secret", "ann7"),
		"nothing":    v.proves(nil, "link", "secret", "ann", "7"),
		"keyring":    other.proves(proof, "link", "secret", "ann", "7"),
	} {
		if no {
			t.Errorf("another %s proves as well", name)
		}
	}
	if !v.proves(proof, "link", "secret", "ann", "7") {
		t.Error("what was proved is not")
	}
	if v.lookup("x", "a", "bc") == v.lookup("x", "ab", "c") || v.derived("x") == other.derived("x") {
		t.Error("two things are found in one place")
	}
	sealed := v.seal([]byte("totp"), "ann")
	if plain, err := v.open(sealed, "ann"); err != nil || !bytes.Equal(plain, []byte("totp")) {
		t.Errorf("opened %q, %v", plain, err)
	}
	for _, bad := range [][]byte{nil, sealed[:10], append([]byte{1}, sealed...)} {
		if _, err := v.open(bad, "ann"); err == nil {
			t.Error("what is damaged opens")
		}
	}
	if _, err := v.open(sealed, "bob"); err == nil {
		t.Error("another's secret opens")
	}
	if _, err := other.open(sealed, "ann"); err == nil {
		t.Error("another installation's secret opens")
	}
}
