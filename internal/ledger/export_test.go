package ledger

import (
	"time"

	"example.org/countersign/internal/db"
)

// MaxBatch is how many functions at most share a transaction.
const MaxBatch = maxBatch

// Queued returns how many calls of Write wait for their turn.
func (l *Ledger) Queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

// SetLimit sets how long a function may take. Call it before any Write.
func (l *Ledger) SetLimit(d time.Duration) { l.limit = d }

// SetSettle sets how long a commit of unknown fate is looked for.
func (l *Ledger) SetSettle(d time.Duration) { l.settle = d }

// SetCommit replaces COMMIT: a fault is what comes before or after it.
func (l *Ledger) SetCommit(f func(*db.Conn) error) { l.commit = f }

// SetBatch sets how many functions at most share a transaction.
func (l *Ledger) SetBatch(n int) { l.most = n }
