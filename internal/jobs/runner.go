package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
)

const (
	// maxAttempts with the delays of backoff make about 14 hours: enough for a
	// relay to be mended, too little for a silence to pass unnoticed.
	maxAttempts = 20
	firstDelay  = 10 * time.Second
	longest     = time.Hour
	// handlerLimit ends an attempt that hangs.
	handlerLimit = 30 * time.Minute
)

// Runner does the jobs of one ledger. Several may run on one database, on one
// node or many. It is safe for concurrent use.
type Runner struct {
	ledger   *ledger.Ledger
	handlers map[string]Handler
	kinds    []string // that have a handler, sorted
	log      *slog.Logger
	kick     chan struct{}

	workers int           // jobs at a time
	lease   time.Duration // after which another runner takes over
	beat    time.Duration // between extensions of the leases
	poll    time.Duration // between looks at the queue
}

// New returns a Runner that does the kinds of job that have a handler and
// leaves all others alone. Without a log it is silent.
func New(l *ledger.Ledger, handlers map[string]Handler, log *slog.Logger) *Runner {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Runner{ledger: l, handlers: handlers, kinds: slices.Sorted(maps.Keys(handlers)), log: log,
		kick: make(chan struct{}, 1), workers: 16, lease: 30 * time.Second, beat: 7 * time.Second, poll: time.Second}
}

// Kick makes a running Runner look at the queue now.
func (r *Runner) Kick() { poke(r.kick) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is about to look anyway
	}
}

// Run does jobs as they fall due, until ctx ends, and returns when those under
// way have ended.
func (r *Runner) Run(ctx context.Context) {
	for ctx.Err() == nil {
		s := r.begin(ctx)
		for s.work.Err() == nil {
			s.pause(s.fill())
		}
		s.end()
	}
}

// RunDue does what is due now, and what that makes due, to the end, and
// returns how many attempts there were. What failed and is to be tried later is
// not waited for.
func (r *Runner) RunDue(ctx context.Context) (n int, err error) {
	s := r.begin(ctx)
	defer s.end()
	for {
		idle := s.running() == 0
		started, _, err := s.fill()
		n += started
		if err == nil {
			err = s.work.Err()
		}
		if err != nil || started == 0 && idle {
			return n, err
		}
		<-s.ended
	}
}

// shift is a time of work: of one call of Run or RunDue, until it ends or the
// leases can no longer be held.
type shift struct {
	*Runner
	holder string
	ctx    context.Context // of the caller
	work   context.Context // of the handlers
	stop   context.CancelFunc
	ended  chan struct{} // holds one token after a job has ended
	jobs   sync.WaitGroup
	keeper sync.WaitGroup // of the leases
	turn   int            // which of the due kinds comes first

	mu   sync.Mutex
	busy int
}

func (r *Runner) begin(ctx context.Context) *shift {
	s := &shift{Runner: r, holder: id.New(), ctx: ctx, ended: make(chan struct{}, 1)}
	s.work, s.stop = context.WithCancel(ctx)
	s.keeper.Go(s.holdOn)
	return s
}

// end waits for the jobs under way.
func (s *shift) end() {
	s.jobs.Wait()
	s.stop()
	s.keeper.Wait()
}

// pause waits until something may have fallen due, given what fill returned.
func (s *shift) pause(_ int, next time.Time, err error) {
	wait := s.poll
	switch {
	case err != nil && s.work.Err() == nil:
		s.log.Error("cannot look for jobs", "error", err)
		wait *= 5
	case !next.IsZero():
		wait = min(wait, max(next.Sub(s.ledger.Now()), 0))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-s.work.Done():
	case <-s.kick:
	case <-s.ended:
	case <-timer.C:
	}
}

func (s *shift) running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy
}

// fill starts as many due jobs as there are hands free and returns how many
// that were, and when the next one falls due, zero where that is unknown.
func (s *shift) fill() (started int, next time.Time, err error) {
	free := s.workers - s.running()
	if free == 0 {
		return 0, next, nil
	}
	kinds, next, err := s.dueKinds(s.ctx)
	if err != nil || len(kinds) == 0 {
		return 0, next, err
	}
	// A backlog of one kind must not hold up the others: each has its share,
	// and another comes first every time.
	s.turn++
	at := s.turn % len(kinds)
	kinds = slices.Concat(kinds[at:], kinds[:at])
	claimed, err := s.claim(s.ctx, s.holder, kinds, free)
	if err != nil {
		return 0, time.Time{}, err
	}
	s.mu.Lock()
	s.busy += len(claimed)
	s.mu.Unlock()
	for _, j := range claimed {
		s.jobs.Go(func() { s.do(j) })
	}
	if len(claimed) == free {
		next = time.Time{} // there may be more, but nobody to do it
	}
	return len(claimed), next, nil
}

var (
	errGone = errors.New("the handler ended its goroutine")
	errCut  = errors.New("the program ended each time while this was being done")
)

// do makes one attempt and records how it ended, however it ends.
func (s *shift) do(j Job) {
	err := errGone
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			s.log.Error("a job panicked", "kind", j.Kind, "key", j.Key, "panic", redact(fmt.Sprint(p)), "stack", string(debug.Stack()))
		}
		s.finish(j, err)
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
		poke(s.ended)
	}()
	if j.Attempt > maxAttempts { // counted when begun, lest it kill us for ever
		err = Permanent(errCut)
		return
	}
	ctx, cancel := context.WithTimeout(s.work, handlerLimit)
	defer cancel()
	err = s.handlers[j.Kind](ctx, j)
}

// outcome is what becomes of a job after an attempt.
type outcome struct {
	state   string
	delay   time.Duration
	attempt int
	error   string
}

// finish records how an attempt ended: also while the program is ending.
func (s *shift) finish(j Job, err error) {
	log := s.log.With("kind", j.Kind, "key", j.Key, "attempt", j.Attempt)
	o := outcome{state: "done", attempt: j.Attempt}
	switch {
	case err == nil:
	case s.work.Err() != nil && !isPermanent(err): // our end is not its failure
		o = outcome{state: "open", attempt: j.Attempt - 1}
	case isPermanent(err) || j.Attempt >= maxAttempts:
		o.state, o.error = "dead", redact(err.Error())
		log.Error("a job was given up", "error", o.error)
	default:
		o.state, o.error, o.delay = "open", redact(err.Error()), backoff(j.Attempt, rand.Float64())
		log.Warn("a job failed", "error", o.error, "again_in", o.delay.Round(time.Second).String())
	}
	held, err := s.settle(context.WithoutCancel(s.ctx), s.holder, j, o)
	switch {
	case err != nil:
		log.Error("the outcome of a job could not be recorded; it will be done again", "error", err)
	case !held:
		log.Warn("a job was taken over by another runner, or asked for again, while it was done")
	}
}

// backoff returns how long to wait after an attempt: twice as long each time,
// give or take a fifth, so that what failed together does not return together.
func backoff(attempt int, random float64) time.Duration {
	d := longest
	if attempt < 10 {
		d = min(longest, firstDelay<<(attempt-1))
	}
	return time.Duration(float64(d) * (0.8 + 0.4*random))
}

// holdOn extends the leases of the shift until it is over. Where they can no
// longer be extended the shift ends before they do, since others will begin.
func (s *shift) holdOn() {
	tick := time.NewTicker(s.beat)
	defer tick.Stop()
	until := s.ledger.Now().Add(s.lease) // at least so long the leases last
	for {
		select {
		case <-s.work.Done():
			return
		case <-tick.C:
		}
		now := s.ledger.Now()
		if s.running() == 0 {
			until = now.Add(s.lease)
			continue
		}
		ctx, cancel := context.WithTimeout(s.work, s.lease/5)
		err := s.extend(ctx, s.holder)
		cancel()
		switch {
		case err == nil:
			until = now.Add(s.lease)
		case s.work.Err() != nil:
		case !s.ledger.Now().Add(s.beat).Before(until):
			s.log.Error("the leases of running jobs end: they are stopped", "error", err)
			s.stop()
		default:
			s.log.Warn("cannot extend the leases of running jobs", "error", err)
		}
	}
}

var address = regexp.MustCompile(`[^\s<>()"',;:]+@[^\s<>()"',;:]+`)

// redact strikes out addresses, since queue and log are in clear, and what is
// too long to be of use.
func redact(s string) string {
	s = address.ReplaceAllString(s, "(address)")
	if len(s) > 500 {
		s = s[:500]
	}
	// PostgreSQL takes neither NUL nor what is not UTF-8.
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}
