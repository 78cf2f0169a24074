package keyring_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"errors"
	"sync"
	"testing"

	"example.org/countersign/internal/keyring"
)

func open(t *testing.T, dir string) *keyring.Keyring {
	t.Helper()
	r, err := keyring.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKeysAreDurableAndNeverGivenTwice(t *testing.T) {
	dir := t.TempDir()
	seen := map[int64][keyring.KeySize]byte{}
	for range 3 {
		r := open(t, dir)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 200 {
					k, err := r.Mint()
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if _, ok := seen[k.ID]; ok {
						t.Errorf("key %d was given twice", k.ID)
					}
					seen[k.ID] = k.Material
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r := open(t, dir)
	defer r.Close()
	for id, want := range seen {
		k, err := r.Key(t.Context(), id)
		if err != nil || k.Material != want {
			t.Fatalf("key %d after restart: %v, same %v", id, err, k.Material == want)
		}
	}
	if _, err := r.Key(t.Context(), 1<<40); !errors.Is(err, keyring.ErrDestroyed) {
		t.Errorf("unknown key: %v, want ErrDestroyed", err)
	}
}

// The keys of a unit are the halves of HMAC-SHA512, whoever computes them.
func TestUnit(t *testing.T) {
	k := keyring.Key{Material: [keyring.KeySize]byte{7, 0, 255}}
	m := hmac.New(sha512.New, k.Material[:])
	m.Write([]byte("countersign/unit"))
	encrypt, salt := k.Unit()
	if want := m.Sum(nil); string(encrypt[:]) != string(want[:32]) || string(salt[:]) != string(want[32:]) {
		t.Error("not the halves of the HMAC")
	}
}

func TestSecretStays(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	a, err := r.Secret(t.Context(), "signing")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := r.Secret(t.Context(), "index")
	r.Close()
	r = open(t, dir)
	defer r.Close()
	again, err := r.Secret(t.Context(), "signing")
	if err != nil || again != a || a == b {
		t.Errorf("secret did not stay or is not its own: %v", err)
	}
}
