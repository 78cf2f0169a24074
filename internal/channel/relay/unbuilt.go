package relay

import (
	"context"
	"errors"
	"io"
)

type target struct{}
type pool struct{}

func (p *pool) close() {}

var errUnbuilt = errors.New("relay: not built yet")

func newRelay(url string) (*Relay, error)                          { return nil, errUnbuilt }
func (r *Relay) send(ctx context.Context, m Mail) (Receipt, error) { return Receipt{}, errUnbuilt }
func (m *Mail) write(w io.Writer) error                            { return errUnbuilt }
