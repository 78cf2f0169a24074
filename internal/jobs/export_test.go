package jobs

import "time"

// Backoff and Redact are looked at by tests.
var (
	Backoff = backoff
	Redact  = redact
)

// MaxAttempts is how often a job is tried.
const MaxAttempts = maxAttempts

// SetBeat has r extend its leases more often.
func (r *Runner) SetBeat(d time.Duration) { r.beat = d }
