package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A cost is what one command took.
type cost struct {
	cpu  time.Duration
	peak int64 // bytes of memory
	size int64 // bytes of what it made, or said
	why  string
}

func (c cost) known() bool { return c.why == "" }

// patience is how long one command may take: the hour of 500 nodes is made in ten minutes of a core, and machines are shared.
const patience = time.Hour

// run runs a command to its end, and keeps what it says.
func run(ctx context.Context, stdin io.Reader, name string, args ...string) (cost, []byte) {
	var out bytes.Buffer
	c := runTo(ctx, stdin, &out, name, args...)
	return c, out.Bytes()
}

// runTo runs a command to its end.
func runTo(ctx context.Context, stdin io.Reader, to io.Writer, name string, args ...string) cost {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var errs bytes.Buffer
	out := &counter{to: to}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, out, &errs
	if err := cmd.Run(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n")
		return cost{why: fmt.Sprintf("%v: %s", err, line)}
	}
	return used(cmd.ProcessState, out.size)
}

// A counter counts what it passes on.
type counter struct {
	to   io.Writer
	size int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.size += int64(n)
	return n, err
}

// used is what a process that has ended took.
func used(p *os.ProcessState, size int64) cost {
	c := cost{cpu: p.UserTime() + p.SystemTime(), size: size}
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		c.peak = u.Maxrss * 1024
	}
	return c
}

// cpuOf is the CPU time that a running process has taken so far, and its peak of
// memory.
func cpuOf(pid int) (cpu time.Duration, peak int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	const userTime, systemTime, tick = 11, 12, 10 * time.Millisecond
	for _, i := range []int{userTime, systemTime} {
		n, _ := strconv.Atoi(fields[i])
		cpu += time.Duration(n) * tick
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return cpu, 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if kb, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			peak, _ = strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 10, 64)
		}
	}
	return cpu, peak * 1024
}

// childrenCPU is the CPU time of all processes that were run and have ended.
func childrenCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// threadCPU is the CPU time of the calling thread.
func threadCPU() time.Duration {
	const thisThread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if syscall.Getrusage(thisThread, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
