package portal

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/intake"
)

const (
	maxText  = 200 << 10 // bytes of a report's or a message's text
	maxValue = 256 << 10 // bytes of any field that are read
	maxForm  = 2 * maxAllFiles
	maxParts = 200
)

// form is what somebody sent: fields, and files in the spool.
type form struct {
	values map[string]string
	files  []file
	fileNo problem // why a file was not taken; nil where all were
	hadAny bool    // files were chosen
}

type file struct {
	name, kind string
	*spooled
}

// problem is a reason, in the language of the page, to be found in words.
type problem func(*words) string

// errForm: what was sent is not a form, or was cut off.
var errForm = errors.New("portal: not a form")

// readForm reads a form as it streams in. The caller closes it.
func (p *portal) readForm(w http.ResponseWriter, r *http.Request) (*form, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	f := &form{values: map[string]string{}}
	if !strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "multipart/form-data") {
		r.Body = http.MaxBytesReader(w, r.Body, 2*maxValue)
		if err := r.ParseForm(); err != nil {
			return f, errors.Join(errForm, err)
		}
		for name, values := range r.PostForm {
			f.values[name] = phrase.Plain(values[0])
		}
		return f, nil
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return f, errors.Join(errForm, err)
	}
	for range maxParts {
		part, err := parts.NextPart()
		if err == io.EOF {
			return f, nil
		}
		if err == nil {
			err = p.readPart(f, part)
		}
		if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
			f.fileNo = func(w *words) string { return w.ErrFilesTotal }
			return f, nil
		}
		if err != nil {
			return f, errors.Join(errForm, err)
		}
	}
	return f, errForm
}

// readPart reads one field or one file. A file that is refused is read to its
// end, so that the fields behind it are not lost.
func (p *portal) readPart(f *form, part *multipart.Part) error {
	if part.FileName() == "" {
		value, err := io.ReadAll(io.LimitReader(part, maxValue))
		if _, known := f.values[part.FormName()]; err == nil && !known {
			f.values[part.FormName()] = phrase.Plain(string(value))
		}
		return err
	}
	f.hadAny = true
	if f.fileNo != nil {
		_, err := io.Copy(io.Discard, part)
		return err
	}
	if len(f.files) == maxFiles {
		f.fileNo = func(w *words) string { return w.ErrFilesCount }
		return nil
	}
	name := part.FileName()
	kept, tooLong, err := p.spool.keep(part, min(maxFile, maxAllFiles-f.size()))
	switch {
	case errors.Is(err, errSpool):
		p.log.Warn("a file could not be taken", "err", err)
		f.fileNo = func(w *words) string { return w.ErrFilesBusy }
		return nil
	case err != nil:
		return err
	case tooLong && f.size()+maxFile > maxAllFiles:
		f.fileNo = func(w *words) string { return w.ErrFilesTotal }
	case tooLong:
		f.fileNo = func(w *words) string { return fill(w.ErrFileSize, phrase.Plain(name)) }
	default:
		f.files = append(f.files, file{name, part.Header.Get("Content-Type"), kept})
	}
	return nil
}

func (f *form) size() (n int64) {
	for _, one := range f.files {
		n += one.spooled.size
	}
	return n
}

// get returns a field without the space around it.
func (f *form) get(name string) string { return strings.TrimSpace(f.values[name]) }

// uploads returns the files as intake takes them.
func (f *form) uploads() []intake.Upload {
	all := make([]intake.Upload, len(f.files))
	for i, one := range f.files {
		all[i] = intake.Upload{Name: one.name, Type: one.kind, Open: one.open}
	}
	return all
}

// close forgets the files.
func (f *form) close() {
	for _, one := range f.files {
		one.spooled.close()
	}
}
