// Package accepted is the counter of a source: a file, apart from the record,
// with a line for every message that a door has answered for. Whoever takes a
// message out of the record, or never put it there, has to change this file as
// well; a package compares the two (CC2.3, PI1.2).
package accepted

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Line is one message that was answered for. It holds no personal data.
type Line struct {
	N      int64     `json:"n"`  // 1, 2, 3 … without gaps
	At     time.Time `json:"at"` // of the answer
	Source string    `json:"source"`
	// Record is the id of the communication that it became, or that it repeats;
	// "" where it was spooled, to be recorded later.
	Record   string `json:"record,omitempty"`
	Repeated bool   `json:"repeated,omitempty"`
	// Unspooled is a message that was counted before, when it was spooled.
	Unspooled bool `json:"unspooled,omitempty"`
}

// Log is the file of one node, safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	file *os.File
	n    int64
}

const name = "accepted.jsonl"

// Open opens the log in a data directory, making it where there is none. A line
// that a crash cut short is dropped.
func Open(dir string) (*Log, error) {
	path := filepath.Join(dir, name)
	l := &Log{}
	var whole int64
	err := read(path, func(x Line, size int64) error {
		l.n, whole = x.N, whole+size
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open the log of accepted messages: %w", err)
	}
	if l.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("open the log of accepted messages: %w", err)
	}
	if err = l.file.Truncate(whole); err == nil {
		_, err = l.file.Seek(whole, 0)
	}
	if err != nil {
		l.file.Close()
		return nil, fmt.Errorf("open the log of accepted messages: %w", err)
	}
	return l, nil
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }

// Add appends a line and gives it its number. It is not forced to disk: after a
// power cut the last lines may be missing, which a comparison shows.
func (l *Log) Add(x Line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	x.N, x.At = l.n+1, x.At.UTC()
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("log of accepted messages: %w", err)
	}
	l.n++
	return nil
}

// Read calls f for every line of the log in a data directory, in order. Gaps in
// the numbers are an error.
func Read(dir string, f func(Line) error) error {
	return read(filepath.Join(dir, name), func(x Line, _ int64) error { return f(x) })
}

func read(path string, f func(x Line, size int64) error) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReader(file)
	for n := int64(1); ; n++ {
		line, err := r.ReadBytes('\n')
		if err != nil { // the end, or a line that a crash cut short
			return nil
		}
		var x Line
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&x); err != nil || x.N != n {
			return fmt.Errorf("line %d was changed, or one before it is missing", n)
		}
		if err := f(x, int64(len(line))); err != nil {
			return err
		}
	}
}
