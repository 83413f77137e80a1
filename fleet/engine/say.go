package engine

import (
	"cmp"
	"fmt"
	"sync"
)

// complaints keeps the newest error of a server, and says nothing.
type complaints struct {
	mu  sync.Mutex
	err string
}

func (c *complaints) last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.err, "is another program there, or is the directory in use?")
}

func (c *complaints) keep(format string, v ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = fmt.Sprintf(format, v...)
}

// Errorf and the others implement the server's logger.
func (c *complaints) Errorf(format string, v ...any) { c.keep(format, v...) }

// Fatalf is what the server cannot begin without.
func (c *complaints) Fatalf(format string, v ...any) { c.keep(format, v...) }

// Warnf is not kept.
func (c *complaints) Warnf(string, ...any) {}

// Noticef is not kept.
func (c *complaints) Noticef(string, ...any) {}

// Debugf is not kept.
func (c *complaints) Debugf(string, ...any) {}

// Tracef is not kept.
func (c *complaints) Tracef(string, ...any) {}
