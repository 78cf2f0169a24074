package keyring_test

import (
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
