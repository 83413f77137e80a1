package mcp

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"ergorecorder/internal/limit"
)

// stdioCalls is how many requests of one standard input are under way at once;
// further ones wait unread.
const stdioCalls = 64

// ServeStdio serves one client, a JSON-RPC message a line, until in ends, the
// client stops reading, or ctx is done. At the end of in it still answers what
// was asked. A line longer than the limit is refused and passed over.
//
// The loop is ours because mcp-go's keeps its session in a package variable,
// reads lines of any length, and drops what is under way when in ends.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &stdioClient{id: "stdio-" + rand.Text(), out: out, notes: make(chan mcpgo.JSONRPCNotification, 64), stop: cancel}
	if err := s.mcp.RegisterSession(ctx, c); err != nil {
		return fmt.Errorf("serve standard input: %w", err)
	}
	defer s.mcp.UnregisterSession(ctx, c.SessionID())
	session := s.mcp.WithContext(ctx, c)

	ended := make(chan error, 1)
	go func() {
		err := s.readLines(session, in, c)
		c.calls.Wait()
		ended <- err
	}()
	select {
	case err := <-ended:
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			err = context.Cause(ctx) // nil unless something ended it before its input did
		}
		return err
	case <-ctx.Done(): // a client that neither writes nor reads cannot be waited for
		return context.Cause(ctx)
	}
}

// readLines hands each line to a goroutine of its own; notifications, which
// may cancel a call, are served at once.
func (s *Server) readLines(ctx context.Context, in io.Reader, c *stdioClient) error {
	r := bufio.NewReaderSize(in, s.opt.MaxMessage)
	free := make(chan struct{}, stdioCalls)
	for {
		line, err := readLine(r)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			c.write(rpcError(mcpgo.INVALID_REQUEST, limit.Request.OverSet(0, int64(s.opt.MaxMessage)).Error()))
			continue
		case len(line) == 0 && err != nil:
			return err
		case len(line) == 0:
			continue
		}
		var head struct {
			ID any `json:"id"`
		}
		if json.Unmarshal(line, &head) != nil || head.ID == nil {
			c.serve(ctx, s, line)
			continue
		}
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		c.calls.Go(func() {
			defer func() { <-free }()
			c.serve(ctx, s, line)
		})
	}
}

// readLine returns the next line without its end. A line that does not fit
// the buffer is read to its end and is ErrBufferFull.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		line = append([]byte(nil), line...)
		for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		return line, err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	return nil, bufio.ErrBufferFull
}

func rpcError(code int, text string) mcpgo.JSONRPCError {
	return mcpgo.JSONRPCError{
		JSONRPC: mcpgo.JSONRPC_VERSION,
		ID:      mcpgo.NewRequestId(nil),
		Error:   mcpgo.NewJSONRPCErrorDetails(code, text, nil),
	}
}

// A stdioClient is the session of the one client.
type stdioClient struct {
	id    string
	ready atomic.Bool
	spoke atomic.Value // the version of the protocol that was agreed on, a string
	notes chan mcpgo.JSONRPCNotification
	calls sync.WaitGroup
	stop  context.CancelCauseFunc

	mu  sync.Mutex // held while a message is written
	out io.Writer
}

func (c *stdioClient) SessionID() string { return c.id }
func (c *stdioClient) Initialize()       { c.ready.Store(true) }
func (c *stdioClient) Initialized() bool { return c.ready.Load() }

func (c *stdioClient) SetProtocolVersion(version string)                     { c.spoke.Store(version) }
func (c *stdioClient) NotificationChannel() chan<- mcpgo.JSONRPCNotification { return c.notes }

// ProtocolVersion is the version of the protocol that was agreed on; "" before.
func (c *stdioClient) ProtocolVersion() string {
	version, _ := c.spoke.Load().(string)
	return version
}

// serve answers one message. What a call had to report goes out before its
// answer does.
func (c *stdioClient) serve(ctx context.Context, s *Server, line []byte) {
	line, _ = passable(line)
	done := make(chan struct{})
	var notes sync.WaitGroup
	notes.Go(func() { c.forward(done) })
	response := s.handle(ctx, line)
	close(done)
	notes.Wait()
	if response != nil {
		c.write(response)
	}
}

func (c *stdioClient) forward(done chan struct{}) {
	for {
		select {
		case n := <-c.notes:
			c.write(n)
			continue
		default:
		}
		select {
		case n := <-c.notes:
			c.write(n)
		case <-done:
			return
		}
	}
}

func (c *stdioClient) write(message any) {
	text, err := json.Marshal(message)
	if err == nil {
		c.mu.Lock()
		_, err = c.out.Write(append(restored(text), '\n'))
		c.mu.Unlock()
	}
	if err != nil {
		c.stop(fmt.Errorf("write to the client: %w", err))
	}
}

// handle answers one JSON-RPC message; a panic outside of tools is an error to
// that message.
func (s *Server) handle(ctx context.Context, line []byte) (response mcpgo.JSONRPCMessage) {
	defer func() {
		if p := recover(); p != nil {
			s.opt.Log.Error("panic in a message", "panic", p)
			response = rpcError(mcpgo.INTERNAL_ERROR, "internal error")
		}
	}()
	return s.mcp.HandleMessage(ctx, line)
}
