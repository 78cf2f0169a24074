package keyring_test

import (
	"errors"
	"testing"

	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/pgtest"
)

// TestCopy copies a keyring from each place into each: keys, destroyed keys and
// secrets are the same, and new keys are others.
func TestCopy(t *testing.T) {
	places := map[string]func(t *testing.T) string{
		"directory": func(t *testing.T) string { return t.TempDir() },
		"postgres":  func(t *testing.T) string { return pgtest.DSN(t) },
	}
	for from, place := range places {
		for to, other := range places {
			t.Run(from+" to "+to, func(t *testing.T) { copied(t, place(t), other(t)) })
		}
	}
}

func copied(t *testing.T, from, to string) {
	ctx := t.Context()
	a, b := open(t, from), open(t, to)
	defer a.Close()
	defer b.Close()
	secret, err := a.Secret(ctx, "signing")
	if err != nil {
		t.Fatal(err)
	}
	var made []keyring.Key
	for range 1500 {
		k, err := a.Mint()
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, k)
	}
	if err := a.Destroy(ctx, made[7].ID); err != nil {
		t.Fatal(err)
	}
	fill := func() error {
		return b.Fill(ctx, func(add func(keyring.Row) error) error { return a.Rows(ctx, add) })
	}
	if err := fill(); err != nil {
		t.Fatal(err)
	}
	if err := fill(); err == nil {
		t.Error("a keyring was filled twice")
	}
	seen := map[int64]bool{}
	for i, want := range made {
		k, err := b.Key(ctx, want.ID)
		if i == 7 {
			if !errors.Is(err, keyring.ErrDestroyed) {
				t.Errorf("a destroyed key: %v", err)
			}
		} else if err != nil || k != want {
			t.Fatalf("key %d: %v", want.ID, err)
		}
		seen[want.ID] = true
	}
	if s, err := b.Secret(ctx, "signing"); err != nil || s != secret {
		t.Errorf("secret: %v", err)
	}
	if k, err := b.Mint(); err != nil || seen[k.ID] {
		t.Errorf("the first new key is %d, %v", k.ID, err)
	}
	x, err := a.Last(ctx)
	if y, err2 := b.Last(ctx); err != nil || err2 != nil || x < 2 || y <= x {
		t.Errorf("last blocks %d and %d, %v %v", x, y, err, err2)
	}
}
