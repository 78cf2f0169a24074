package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/countersign/internal/testenv"
)

// A Server is a PostgreSQL of one test, which may take it away and bring it
// back. Its address stays the same.
type Server struct {
	t    testing.TB
	bin  string   // folder of the server's programs
	as   []string // the command that drops root's rights, which PostgreSQL refuses
	dir  string
	port int

	process *os.Process
	exited  chan error // what the process ended with, once
}

// Private starts a server with real durability settings and stops it at the
// end of the test. Where PostgreSQL is not installed the test is skipped, or
// fails as [DSN] does.
func Private(t testing.TB) *Server {
	t.Helper()
	bin, ok := programs()
	if !ok {
		testenv.Absent(t, "PostgreSQL's initdb and postgres are not here: run scripts/setup")
	}
	// Not t.TempDir: its parent is closed to the user that the server runs as.
	dir, err := os.MkdirTemp("", "countersign-postgres.")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, bin: bin, dir: dir}
	t.Cleanup(func() {
		s.Stop()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s.dropRoot()
	s.port = freePort(t)
	initdb := s.command("initdb", "-D", s.Data(), "-U", "postgres", "-A", "trust", "-E", "UTF8",
		"--locale=C", "--locale-provider=icu", "--icu-locale=en", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.Start()
	return s
}

// DSN returns the address of the server's one database.
func (s *Server) DSN() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// Start starts the server and returns when it answers. After a Stop it first
// recovers from its log, as after a crash.
func (s *Server) Start() {
	s.t.Helper()
	if s.process != nil {
		s.t.Fatal("pgtest: Start of a running server")
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	postgres := s.command("postgres", "-D", s.Data(), "-p", fmt.Sprint(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+s.dir)
	postgres.Stdout, postgres.Stderr = log, log
	if err := postgres.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.process, s.exited = postgres.Process, make(chan error, 1)
	go func() { s.exited <- postgres.Wait() }()
	s.await(log.Name())
}

// await returns when the server says in its log that it is ready.
func (s *Server) await(log string) {
	s.t.Helper()
	for {
		said, err := os.ReadFile(log)
		if err != nil {
			s.t.Fatal(err)
		}
		if bytes.Contains(said, []byte("ready to accept connections")) {
			return
		}
		select {
		case err := <-s.exited:
			s.process = nil
			s.t.Fatalf("the private PostgreSQL does not start: %v\n%s", err, said)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop stops the server at once, as pg_ctl stop -m immediate does: connections
// are cut, nothing is flushed, and a COMMIT on its way may or may not have
// happened. Stopping a stopped server does nothing.
func (s *Server) Stop() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.Signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Error(err)
	}
	<-s.exited // with the status of an immediate stop, which is no error here
	s.process = nil
}

// Data returns the data directory of the server, tables and log.
func (s *Server) Data() string { return filepath.Join(s.dir, "data") }

// dropRoot sets s.as. With setpriv the server also dies with the test's
// process, so that a test that runs into its timeout leaves nothing behind.
func (s *Server) dropRoot() {
	s.t.Helper()
	if setpriv, err := exec.LookPath("setpriv"); err == nil {
		s.as = []string{setpriv, "--pdeathsig", "QUIT"}
	}
	if os.Geteuid() != 0 {
		return
	}
	if s.as == nil {
		s.t.Fatal("PostgreSQL does not run as root, and setpriv is not here to run it as somebody else")
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.as = append(s.as, "--reuid", u.Uid, "--regid", u.Gid, "--clear-groups")
	if out, err := exec.Command("chown", u.Uid+":"+u.Gid, s.dir).CombinedOutput(); err != nil {
		s.t.Fatalf("chown: %v %s", err, out)
	}
}

// command is one of the server's programs, run by the right user.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	argv := slices.Concat(s.as, []string{filepath.Join(s.bin, name)}, args)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = s.dir
	return cmd
}

// programs finds the folder of initdb and postgres: on PATH, or where Debian
// keeps them, the newest version.
func programs() (string, bool) {
	if name, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(name), true
	}
	names, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	dir, newest := "", 0
	for _, name := range names {
		// Versions before 10 had a dot, and are too old for us.
		if v, err := strconv.Atoi(strings.Split(name, "/")[4]); err == nil && v > newest {
			dir, newest = filepath.Dir(name), v
		}
	}
	return dir, newest > 0
}

// freePort finds a port that nobody listens on now.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
