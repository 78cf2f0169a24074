package apptest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/fakes/smtpsink"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/pgtest"
)

// TestStorm kills the server with SIGKILL in the middle of mail from 16
// connections, again and again. What was answered 250 is there, sealed, exactly
// once; nobody gets two confirmations that are not the same message, and where
// one is missing the record says that it is unclear. Two nodes of one
// PostgreSQL are killed in turn, and now and then both.
func TestStorm(t *testing.T) {
	kills, apart := 3, 400*time.Millisecond
	if os.Getenv("COUNTERSIGN_TEST_SOAK") != "" {
		kills, apart = 200, 700*time.Millisecond
	}
	binary := Build(t)
	t.Run("sqlite", func(t *testing.T) { storm(t, binary, kills, apart, app.Config{Data: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) {
		storm(t, binary, kills, apart, app.Config{Data: t.TempDir(), Database: pgtest.DSN(t)})
	})
	t.Run("nodes", func(t *testing.T) { storm(t, binary, max(12, kills), apart, nodes(t, 2)...) })
}

// nodes returns the configurations of several servers on one PostgreSQL.
func nodes(t testing.TB, n int) []app.Config {
	t.Helper()
	database, keyring, blobs := pgtest.DSN(t), pgtest.DSN(t), t.TempDir()
	var all []app.Config
	for range n {
		all = append(all, app.Config{Data: t.TempDir(), Database: database, Keyring: keyring, Blobs: blobs})
	}
	return all
}

// storm kills servers so many times, each a tenth of a second to that and apart
// after they listen.
func storm(t *testing.T, binary string, kills int, apart time.Duration, nodes ...app.Config) {
	sink := smtpsink.New(t)
	Prepare(t, nodes[0])
	s := &stormy{t: t, sent: map[string]bool{}}
	servers := make([]*process, len(nodes))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	if len(nodes) > 1 {
		wg.Go(func() { s.observe(nodes[0], stop) })
	}
	for i := range kills + 1 {
		for k := range nodes {
			if servers[k] != nil {
				continue
			}
			servers[k] = start(t, binary, nodes[k], sink.Addr)
			addr := servers[k].smtp
			for c := range 16 / len(nodes) {
				wg.Go(func() { s.mail(addr, fmt.Sprintf("%d-%d-%d", i, k, c), stop) })
			}
		}
		time.Sleep(100*time.Millisecond + rand.N(apart))
		if i == kills {
			break
		}
		first := rand.IntN(len(nodes))
		for k := range nodes {
			if k == first || rand.IntN(4) == 0 {
				servers[k].kill()
				servers[k] = nil
			}
		}
	}
	close(stop)
	wg.Wait()
	for _, server := range servers {
		server.stop()
	}
	t.Logf("%d messages were answered 250 over %d kills", len(s.sent), kills)
	if len(s.sent) < 16*kills/2/len(nodes) {
		t.Fatalf("only %d messages were accepted: no storm", len(s.sent))
	}
	s.check(nodes[0], sink)
}

type stormy struct {
	t    *testing.T
	mu   sync.Mutex
	sent map[string]bool // Message-IDs that were answered 250
	seen []ledger.Checkpoint
}

// observe collects checkpoints, as one more node that only reads.
func (s *stormy) observe(cfg app.Config, stop chan struct{}) {
	cfg.Data = s.t.TempDir()
	a, err := app.Open(context.Background(), cfg)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer a.Close()
	for {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		cp, err := a.Ledger.Checkpoint(context.Background())
		if err != nil {
			s.t.Error(err)
			return
		}
		s.seen = append(s.seen, cp)
	}
}

// mail sends one mail after the other over one connection until it breaks.
func (s *stormy) mail(addr, name string, stop chan struct{}) {
	c, err := smtp.Dial(addr)
	if err != nil {
		return
	}
	defer c.Close()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		id := fmt.Sprintf("storm-%s-%d@sender.example", name, n)
		from := fmt.Sprintf("person-%s-%d@sender.example", name, n)
		if c.Mail(from) != nil || c.Rcpt(Channel) != nil {
			return
		}
		w, err := c.Data()
		if err != nil {
			return
		}
		fmt.Fprintf(w, "From: <%s>\r\nTo: <%s>\r\nSubject: Storm %s\r\nMessage-ID: <%s>\r\nDate: Tue, 15 Sep 2026 09:30:00 +0000\r\n\r\n%s\r\n",
			from, Channel, id, id, strings.Repeat("A question about our invoice.\r\n", 20))
		if w.Close() != nil { // no 250: nothing was promised
			return
		}
		s.mu.Lock()
		s.sent[id] = true
		s.mu.Unlock()
	}
}

// check opens the record and compares it with what was promised.
func (s *stormy) check(cfg app.Config, sink *smtpsink.Sink) {
	t := s.t
	a, err := app.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Ledger.Verify(context.Background(), ledger.Options{Full: true}); err != nil {
		t.Fatalf("the record does not verify: %v", err)
	}
	for _, cp := range s.seen {
		if root, err := a.Ledger.RootAt(context.Background(), cp.Size); err != nil || root != cp.Root {
			t.Errorf("the checkpoint of %d entries is not one of this log: %v", cp.Size, err)
		}
	}
	there, unclear := map[string]int{}, map[string]bool{}
	if err := a.Intake.Export(context.Background(), time.Time{}, time.Time{}, func(r intake.Row) error {
		if r.Direction == intake.Inbound {
			there[r.MessageID]++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for id := range s.sent {
		if there[id] != 1 {
			t.Errorf("%s was answered 250 and is there %d times", id, there[id])
		}
	}
	confirmations, err := intake.Communications.Select(context.Background(), a.Ledger, `WHERE r.direction = 'outbound'`)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range confirmations {
		if m.Delivery != nil && m.Delivery.Outcome == "ambiguous" && len(m.To) == 1 {
			unclear[m.To[0].Addr] = true
		}
	}
	copies := map[string]map[string]int{} // recipient, Message-ID
	for _, m := range sink.Messages() {
		id := messageID(m.Raw)
		for _, to := range m.To {
			if copies[to] == nil {
				copies[to] = map[string]int{}
			}
			copies[to][id]++
		}
	}
	for to, ids := range copies {
		if len(ids) > 1 {
			t.Errorf("%s got confirmations with %d Message-IDs", to, len(ids))
		}
		for _, n := range ids {
			if n > 1 && !unclear[to] {
				t.Errorf("%s got its confirmation %d times, and the record calls none of it unclear", to, n)
			}
		}
	}
	t.Logf("%d confirmations arrived, %d are shown as unclear; %d checkpoints were seen", len(copies), len(unclear), len(s.seen))
}

func messageID(raw []byte) string {
	for line := range bytes.Lines(raw) {
		if v, ok := bytes.CutPrefix(bytes.ToLower(line), []byte("message-id:")); ok {
			return strings.TrimSpace(string(v))
		}
	}
	return ""
}

// process is a server in a process of its own.
type process struct {
	cmd  *exec.Cmd
	smtp string
	http string
	out  *bytes.Buffer
}

// start starts a server and waits until it listens.
func start(t testing.TB, binary string, cfg app.Config, relay string) *process {
	t.Helper()
	args := []string{"serve", "--data", cfg.Data, "--listen", "127.0.0.1:0", "--smtp-listen", "127.0.0.1:0", "--relay", "smtp://" + relay}
	for flag, value := range map[string]string{"--database": cfg.Database, "--keyring": cfg.Keyring, "--blobs": cfg.Blobs} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	if cfg.PublishEvery != 0 {
		args = append(args, "--publish-every", cfg.PublishEvery.String())
	}
	p := &process{cmd: exec.Command(binary, args...), out: &bytes.Buffer{}}
	p.cmd.Stderr = p.out
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(out)
	for p.smtp == "" && lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) >= 2 && words[0] == "Mail" {
			p.smtp = words[1]
		}
		if len(words) >= 2 && words[0] == "Pages" {
			p.http = words[1]
		}
	}
	if p.smtp == "" {
		p.cmd.Wait()
		t.Fatalf("the server did not start: %s", p.out)
	}
	go func() {
		for lines.Scan() {
		}
	}()
	return p
}

func (p *process) kill() {
	p.cmd.Process.Signal(syscall.SIGKILL)
	p.cmd.Wait()
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
}

// TestServerFile: the file that leads the command line to a server goes with
// it, and a stale one does no harm.
func TestServerFile(t *testing.T) {
	binary, dir := Build(t), t.TempDir()
	Prepare(t, app.Config{Data: dir})
	p := start(t, binary, app.Config{Data: dir}, "127.0.0.1:1")
	b, err := os.ReadFile(filepath.Join(dir, "server.json"))
	var r app.Running
	if err != nil || json.Unmarshal(b, &r) != nil || r.URL != p.http {
		t.Errorf("server.json says %s, %v; the server is at %s", b, err, p.http)
	}
	export := func() {
		t.Helper()
		if out, err := exec.Command(binary, "export", "--data", dir, "communications").CombinedOutput(); err != nil {
			t.Errorf("export: %v\n%s", err, out)
		}
	}
	export() // through the server
	p.kill()
	export() // past the file that the killed server left
}
