package rules

import "example.org/countersign/internal/fault"

// Severity is how bad a matter is, by the matrix in force. Empty: not assessed.
type Severity string

// The severities, from the least.
const (
	Low      Severity = "low"
	Moderate Severity = "moderate"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Rank orders severities: 1 for Low to 4 for Critical, 0 for anything else.
func (s Severity) Rank() int {
	switch s {
	case Low:
		return 1
	case Moderate:
		return 2
	case High:
		return 3
	case Critical:
		return 4
	}
	return 0
}

// Levels is how many levels impact and likelihood have.
const Levels = 4

// Matrix makes a severity of impact and likelihood: one row for each impact
// from 1 to 4, in it one column for each likelihood from 1 to 4. It is plain
// data, kept in versions that a second person approved.
type Matrix [][]Severity

// Severity returns the cell for impact and likelihood, empty where either is
// not from 1 to 4, that is not assessed.
func (m Matrix) Severity(impact, likelihood int) Severity {
	if impact < 1 || impact > len(m) || likelihood < 1 || likelihood > len(m[impact-1]) {
		return ""
	}
	return m[impact-1][likelihood-1]
}

// Validate reports the first thing wrong with the matrix as a fault.Invalid
// that names the cell: every cell is a severity, and more impact or more
// likelihood never makes a matter less severe.
func (m Matrix) Validate() error {
	if len(m) != Levels {
		return fault.New(fault.Invalid, "the matrix has %d rows; give one for each impact from 1 to %d", len(m), Levels)
	}
	for i, row := range m {
		if len(row) != Levels {
			return fault.New(fault.Invalid, "impact %d has %d cells; give one for each likelihood from 1 to %d", i+1, len(row), Levels)
		}
		for j, s := range row {
			switch {
			case s.Rank() == 0:
				return fault.New(fault.Invalid, "impact %d, likelihood %d: %q; use low, moderate, high or critical", i+1, j+1, s)
			case j > 0 && s.Rank() < row[j-1].Rank():
				return fault.New(fault.Invalid, "impact %d: likelihood %d is %s but likelihood %d is only %s; more likely must not be less severe", i+1, j, row[j-1], j+1, s)
			case i > 0 && s.Rank() < m[i-1][j].Rank():
				return fault.New(fault.Invalid, "likelihood %d: impact %d is %s but impact %d is only %s; more impact must not be less severe", j+1, i, m[i-1][j], i+1, s)
			}
		}
	}
	return nil
}

// DefaultMatrix is a matrix to start from: it rises with impact a little
// faster than with likelihood, and only what is both grave and likely, or
// gravest and not unlikely, is critical.
func DefaultMatrix() Matrix {
	return Matrix{
		{Low, Low, Low, Moderate},
		{Low, Moderate, Moderate, High},
		{Moderate, Moderate, High, Critical},
		{Moderate, High, Critical, Critical},
	}
}
