package apptest

import (
	"errors"
	"fmt"
	"net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/pgtest"
	"example.org/countersign/internal/testenv"
)

// deliver sends one mail and returns the SMTP code of the answer.
func deliver(t *testing.T, addr, name string) int {
	t.Helper()
	err := smtp.SendMail(addr, nil, name+"@sender.example", []string{Channel},
		[]byte(fmt.Sprintf("From: <%s@sender.example>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%s@sender.example>\r\n\r\n%s\r\n",
			name, Channel, name, name, strings.Repeat("A line of text that takes some room on the disk.\r\n", 400))))
	if err == nil {
		return 250
	}
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return answer.Code
	}
	t.Fatalf("%s: %v", name, err)
	return 0
}

// recorded returns which messages are in the record.
func recorded(t *testing.T, binary, dir, database string) string {
	t.Helper()
	args := []string{"export", "--data", dir, "communications"}
	if database != "" {
		args = append(args, "--database", database)
	}
	out, err := exec.Command(binary, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// eventually delivers until the server takes it: it must come back by itself.
func eventually(t *testing.T, addr, name string) {
	t.Helper()
	for range 200 {
		if deliver(t, addr, name) == 250 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s is refused although the trouble is over", name)
}

func TestDatabaseGone(t *testing.T) {
	pg := pgtest.Private(t)
	binary, dir := Build(t), t.TempDir()
	Prepare(t, app.Config{Data: dir, Database: pg.DSN()})
	p := start(t, binary, app.Config{Data: dir, Database: pg.DSN()}, "127.0.0.1:1")
	if code := deliver(t, p.smtp, "before"); code != 250 {
		t.Fatalf("before: %d", code)
	}
	pg.Stop()
	if code := deliver(t, p.smtp, "during"); code/100 != 4 {
		t.Errorf("while the database is gone the answer is %d, want 4xx: try later", code)
	}
	pg.Start()
	eventually(t, p.smtp, "after")
	p.stop()
	if all := recorded(t, binary, dir, pg.DSN()); !strings.Contains(all, "before@sender") || !strings.Contains(all, "after@sender") || strings.Contains(all, "during@sender") {
		t.Errorf("the record holds\n%s", all)
	}
}

// TestDiskFull: a limit on the size of files stands for the full disk: writes
// fail in the same places, and it can be lifted.
func TestDiskFull(t *testing.T) {
	prlimit, err := exec.LookPath("prlimit")
	if err != nil {
		testenv.Absent(t, "prlimit (util-linux)")
	}
	binary, dir := Build(t), t.TempDir()
	Prepare(t, app.Config{Data: dir})
	p := start(t, binary, app.Config{Data: dir}, "127.0.0.1:1")
	limit := func(bytes string) {
		t.Helper()
		if out, err := exec.Command(prlimit, "--pid", strconv.Itoa(p.cmd.Process.Pid), "--fsize="+bytes+":unlimited").CombinedOutput(); err != nil {
			t.Fatalf("prlimit: %v\n%s", err, out)
		}
	}
	limit("300000")
	taken := []string{}
	for i := range 100 {
		name := fmt.Sprint("full-", i)
		code := deliver(t, p.smtp, name)
		if code == 250 {
			taken = append(taken, name)
			continue
		}
		if code/100 != 4 {
			t.Errorf("on the full disk the answer is %d, want 4xx: try later", code)
		}
		limit("unlimited")
		eventually(t, p.smtp, "after")
		p.stop()
		all := recorded(t, binary, dir, "")
		for _, name := range append(taken, "after") {
			if n := strings.Count(all, `"message_id":"`+name+`@sender.example"`); n != 1 {
				t.Errorf("%s was answered 250 and is there %d times", name, n)
			}
		}
		if out, err := exec.Command(binary, "verify", "--live", "--full", "--data", dir).CombinedOutput(); err != nil {
			t.Errorf("verify: %v\n%s", err, out)
		}
		return
	}
	t.Fatal("the disk never filled")
}

func TestReadOnly(t *testing.T) {
	binary, dir := Build(t), t.TempDir()
	cmd := exec.Command(binary, "serve", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--smtp-listen", "off")
	if os.Getuid() == 0 { // root may write anywhere
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		for _, d := range []string{dir, filepath.Dir(dir)} { // both t.TempDir's
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	} else if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "permission denied") || !strings.Contains(string(out), filepath.Join(dir, "data")) {
		t.Errorf("a directory that cannot be written: %v, %q; want an error that names it", err, out)
	}
}
