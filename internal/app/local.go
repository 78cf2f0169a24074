package app

import (
	"fmt"
	"io"
	"net/http"
)

// Local returns an HTTP client whose requests go straight to the handler: the
// command line uses the same API whether a server runs or not.
func (a *App) Local() *http.Client { return &http.Client{Transport: local{a.Handler}} }

type local struct{ handler http.Handler }

// RoundTrip serves a request within this process. The answer streams through a
// pipe, so that a package need not fit in memory.
func (l local) RoundTrip(req *http.Request) (*http.Response, error) {
	r, w := io.Pipe()
	in := req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	answer := &pipeResponse{header: http.Header{}, body: w, started: make(chan struct{})}
	go func() {
		defer func() {
			if p := recover(); p != nil { // http.ErrAbortHandler: the answer is cut
				answer.WriteHeader(http.StatusInternalServerError)
				w.CloseWithError(fmt.Errorf("request was aborted: %v", p))
				return
			}
			answer.WriteHeader(http.StatusOK)
			w.Close()
		}()
		l.handler.ServeHTTP(answer, in)
	}()
	<-answer.started
	return &http.Response{Status: http.StatusText(answer.status), StatusCode: answer.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.header, Body: r, ContentLength: -1, Request: req}, nil
}

// pipeResponse is an http.ResponseWriter whose body is read elsewhere.
type pipeResponse struct {
	header  http.Header
	body    *io.PipeWriter
	status  int
	started chan struct{}
}

// Header implements http.ResponseWriter.
func (p *pipeResponse) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *pipeResponse) WriteHeader(status int) {
	if p.status == 0 && status >= 200 {
		p.status = status
		close(p.started)
	}
}

// Write implements http.ResponseWriter.
func (p *pipeResponse) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.body.Write(b)
}
