package rules

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.org/countersign/internal/fault"
)

func TestMatrix(t *testing.T) {
	m := DefaultMatrix()
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		impact, likelihood int
		want               Severity
	}{
		{1, 1, Low}, {1, 4, Moderate}, {2, 2, Moderate}, {3, 3, High}, {3, 4, Critical}, {4, 1, Moderate}, {4, 2, High}, {4, 4, Critical},
		{0, 1, ""}, {1, 0, ""}, {5, 1, ""}, {1, 5, ""}, {-1, -1, ""},
	} {
		if got := m.Severity(tt.impact, tt.likelihood); got != tt.want {
			t.Errorf("Severity(%d, %d) = %q, want %q", tt.impact, tt.likelihood, got, tt.want)
		}
	}
	if got := Matrix(nil).Severity(1, 1); got != "" {
		t.Errorf("no matrix gives %q", got)
	}
}

func TestMatrixValidate(t *testing.T) {
	with := func(change func(Matrix)) Matrix {
		m := DefaultMatrix()
		change(m)
		return m
	}
	for _, tt := range []struct {
		name   string
		matrix Matrix
		want   string
	}{
		{"none", nil, "the matrix has 0 rows"},
		{"three rows", DefaultMatrix()[:3], "the matrix has 3 rows"},
		{"short row", with(func(m Matrix) { m[1] = m[1][:3] }), "impact 2 has 3 cells"},
		{"long row", with(func(m Matrix) { m[3] = append(m[3], Critical) }), "impact 4 has 5 cells"},
		{"empty cell", with(func(m Matrix) { m[2][3] = "" }), `impact 3, likelihood 4: ""`},
		{"unknown word", with(func(m Matrix) { m[0][0] = "medium" }), `impact 1, likelihood 1: "medium"`},
		{"falls with likelihood", with(func(m Matrix) { m[1][2] = Low }), "impact 2: likelihood 2 is moderate but likelihood 3 is only low"},
		{"falls with impact", with(func(m Matrix) { m[0][0], m[0][1], m[0][2] = Moderate, Moderate, Moderate }), "likelihood 1: impact 1 is moderate but impact 2 is only low"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.matrix.Validate()
			if kind, msg := fault.Of(err); err == nil || kind != fault.Invalid || !strings.HasPrefix(msg, tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// A matrix that Validate accepts never calls a worse matter less severe.
func TestMatrixIsMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := make(Matrix, Levels)
		for i := range m {
			m[i] = rapid.SliceOfN(rapid.SampledFrom([]Severity{Low, Moderate, High, Critical}), Levels, Levels).Draw(t, "row")
		}
		if rapid.Bool().Draw(t, "sorted") { // else a valid one is hardly ever drawn
			for i := range m {
				for j := range m[i] {
					m[i][j] = []Severity{Low, Moderate, High, Critical}[min(3, max(m[i][j].Rank()-2, 0)+(i+j)/2)]
				}
			}
		}
		monotonic := true
		for a := range 16 {
			for b := range 16 {
				if a/4 <= b/4 && a%4 <= b%4 && m.Severity(a/4+1, a%4+1).Rank() > m.Severity(b/4+1, b%4+1).Rank() {
					monotonic = false
				}
			}
		}
		if valid := m.Validate() == nil; valid != monotonic {
			t.Fatalf("valid %v, monotonic %v: %v", valid, monotonic, m)
		}
	})
}

func TestMatrixJSON(t *testing.T) {
	got, err := json.Marshal(DefaultMatrix())
	if err != nil {
		t.Fatal(err)
	}
	const want = `[["low","low","low","moderate"],["low","moderate","moderate","high"],["moderate","moderate","high","critical"],["moderate","high","critical","critical"]]`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
	var back Matrix
	if err := json.Unmarshal(got, &back); err != nil || back.Validate() != nil {
		t.Errorf("%v, %v", back, err)
	}
}
