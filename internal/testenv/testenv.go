// Package testenv decides what becomes of a test whose service is not there.
package testenv

import (
	"os"
	"testing"
)

// Absent ends a test for want of what it names: skipped at a desk, failed
// where CI=true or COUNTERSIGN_TEST_REQUIRE=1 says that nothing may be
// skipped. Say as well how to get it.
func Absent(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv("COUNTERSIGN_TEST_REQUIRE") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}
