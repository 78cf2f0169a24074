package smtpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
)

type server struct{}

var errUnbuilt = errors.New("smtpd: not built yet")

func newServer(cfg Config, receive Receive, log *slog.Logger) *Server { return &Server{} }
func (s *Server) serve(ln net.Listener) error                         { return errUnbuilt }
func (s *Server) shutdown(ctx context.Context) error                  { return errUnbuilt }
