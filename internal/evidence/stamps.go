package evidence

import (
	"context"
	"fmt"
	"strings"

	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/timestamp"
	"example.org/countersign/verify/format"
)

// stamped is what a package has of the time stamps of its log.
type stamped struct {
	days    []string // of the stamps, in the order of their times
	whole   string   // the first day whose stamp was made after the period and is over all of it; "" where none is
	renamed int      // stamps of the log under an earlier name, which its key of today does not prove
}

// stamps writes the time stamps that an authority made in the period, and
// those after it up to the first over all of it: that one proves that the whole
// period was there by then (CC7.1, PI1.5).
func (b *builder) stamps(ctx context.Context) error {
	s, desk := b.survey, b.desk.opt.Timestamp
	if desk == nil {
		return nil
	}
	key, err := format.ParseKey(b.desk.ledger.VerifierKey())
	if err != nil {
		return err
	}
	all, err := desk.Since(ctx, s.Period.From)
	if err != nil {
		return err
	}
	for _, x := range all {
		if origin, _, _ := strings.Cut(x.Checkpoint, "\n"); origin != key.Origin {
			b.stamped.renamed++
			continue
		}
		if x.Size > s.Head.Size { // stamped after the survey
			break
		}
		if err := b.stamp(x, key); err != nil {
			return err
		}
		b.stamped.days = append(b.stamped.days, x.Day)
		if x.Time >= s.Period.To.UnixMicro() && x.Size >= s.End {
			b.stamped.whole = x.Day
			break
		}
	}
	return nil
}

// stamp writes one time stamp, of which a verifier can prove what it proves.
func (b *builder) stamp(x *timestamp.Stamp, key format.Key) error {
	where := fmt.Sprintf("time stamp of %s (%s)", x.Day, x.ID)
	note := []byte(x.Checkpoint)
	cp, err := key.Open(note)
	if err != nil {
		return &ledger.Mismatch{Where: where, What: "cannot be taken: " + err.Error()}
	}
	token, err := format.ParseTimestamp(x.Token)
	if err == nil {
		err = token.CheckOver(note)
	}
	if err != nil {
		return &ledger.Mismatch{Where: where, What: "its token " + err.Error()}
	}
	extends, err := b.survey.Log.Consistency(cp.Size)
	if err != nil {
		return err
	}
	if err := format.CheckConsistency(extends, cp.Size, b.survey.Head.Size, cp.Root, b.survey.Head.Root); err != nil {
		return &ledger.Mismatch{Where: "the log", What: fmt.Sprintf("is not the one that was stamped on %s with %d entries", x.Day, cp.Size)}
	}
	paths := format.StampOf(x.Day)
	for _, file := range []struct {
		path    string
		content []byte
	}{{paths.Token, x.Token}, {paths.Checkpoint, note}, {paths.Consistency, format.AppendHashes(nil, extends)}} {
		if err := b.write(file.path, file.content); err != nil {
			return err
		}
	}
	return nil
}

// stampArtefact says what there is of time stamps, or why there is none.
func (b *builder) stampArtefact() artefact {
	a := artefact{name: "Time stamps of the log", what: "Tokens of an authority outside (RFC 3161), which prove by when the log had come how far"}
	x := b.stamped
	var notes []string
	switch days := x.days; {
	case len(days) > 0:
		a.file = format.StampOf(days[len(days)-1]).Token
		notes = append(notes, phrase.Count(int64(len(days)), "stamp", "stamps")+" below ledger/timestamps/, of "+days[0]+" to "+days[len(days)-1])
		if x.whole != "" {
			notes = append(notes, "that of "+x.whole+" is over the whole period")
		} else {
			notes = append(notes, "none that was made after the period is over all of it: when this was made there was none yet")
		}
		notes = append(notes, "README.txt says how to check them")
	case b.desk.opt.Timestamp == nil || !b.desk.opt.Timestamp.Named():
		notes = append(notes, "absent: no time stamp authority is named in this installation, and there is no stamp of the period")
	default:
		notes = append(notes, "absent: an authority is named, but there is no stamp of the period or after it yet")
	}
	if x.renamed > 0 {
		notes = append(notes, phrase.Count(int64(x.renamed), "stamp", "stamps")+" of the log under an earlier name left out: /api/v1/timestamps has them")
	}
	a.note = strings.Join(notes, "; ")
	return a
}
